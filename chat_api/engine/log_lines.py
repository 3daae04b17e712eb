"""From the engine's log stream to lines: frames of two streams, or the bytes of a terminal; each begins with its time.

Source: Docker Engine API v1.41, "Attach to a container", stream format, and "timestamps" of the logs.
"""

import calendar
import re
import struct
from collections.abc import Iterable, Iterator, Mapping

from chat_api.core.errors import EngineFailed
from chat_api.core.language import _
from chat_api.engine.log_schemas import CUT_MARK, MAX_LINE_CHARS, LogStream, RawLine

MAX_FRAME_BYTES = 1024 * 1024
MAX_ERROR_CHARS = 200
# A character takes at most four bytes, and a colour some more; what is beyond is not kept in memory.
MAX_LINE_BYTES = 4 * MAX_LINE_CHARS + 1024
_STREAMS = {0: LogStream.STDOUT, 1: LogStream.STDOUT, 2: LogStream.STDERR}
# The engine's own trouble with a log comes as a message of this kind. Source: Docker Engine, pkg/stdcopy, "Systemerr".
_SYSTEM_ERROR = 3
# UTC from Docker, the host's own zone from Podman.
_TIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d)) ?")


def lines_of(chunks: Iterable[bytes], *, is_tty: bool) -> Iterator[list[RawLine]]:
    """The lines in each chunk of a stream; memory is bounded however long a line is.

    Raises: EngineFailed, after the lines that came before, for what is no log and for what the engine says instead.
    """
    pieces = {stream: _Pieces(stream) for stream in LogStream}
    if is_tty:
        for chunk in chunks:
            yield pieces[LogStream.STDOUT].take(chunk)
    else:
        yield from _framed(chunks, pieces)
    yield [line for piece in pieces.values() for line in piece.end()]


def _framed(chunks: Iterable[bytes], pieces: Mapping[LogStream, "_Pieces"]) -> Iterator[list[RawLine]]:
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        lines: list[RawLine] = []
        start = 0
        while len(pending) - start >= 8:
            kind, length = struct.unpack_from(">BxxxL", pending, start)
            is_known = kind in _STREAMS or kind == _SYSTEM_ERROR
            if not is_known or length > MAX_FRAME_BYTES:
                raise EngineFailed("The container engine sent a log we don't understand.")
            if len(pending) - start - 8 < length:
                break
            frame = bytes(pending[start + 8 : start + 8 + length])
            if kind == _SYSTEM_ERROR:
                yield lines
                raise EngineFailed(_("The container engine can't read this log: {words}", words=_words(frame)))
            lines += pieces[_STREAMS[kind]].take_message(frame)
            start += 8 + length
        del pending[:start]
        yield lines


def _words(message: bytes) -> str:
    """What the engine says, fit for a line."""
    text = message[: 4 * MAX_ERROR_CHARS].decode(errors="replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MAX_ERROR_CHARS]


class _Pieces:
    """One stream's line that is not complete yet."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream
        self._text = b""
        self._is_cut = False

    def take_message(self, message: bytes) -> list[RawLine]:
        """One message of the engine: a line, or a piece of a long one, which has a time of its own."""
        time = _TIME.match(message)
        if self._text and time is not None:
            message = message[time.end() :]
        return self.take(message)

    def take(self, data: bytes) -> list[RawLine]:
        """Bytes as they come."""
        *ended, rest = data.split(b"\n")
        lines = []
        for piece in ended:
            self._add(piece)
            if (line := self._line()) is not None:
                lines.append(line)
        self._add(rest)
        return lines

    def end(self) -> list[RawLine]:
        """The stream is over: last words may lack their end of line."""
        line = self._line() if self._text else None
        return [line] if line is not None else []

    def _add(self, piece: bytes) -> None:
        at = piece.rstrip(b"\r").rfind(b"\r")
        if at >= 0 or (self._text.endswith(b"\r") and piece.strip(b"\r")):
            # A progress bar draws over itself: what is seen in the end is what counts.
            time = _TIME.match(self._text or piece)
            self._text, self._is_cut = time[0] if time else b"", False
            piece = piece[at + 1 :]
        room = MAX_LINE_BYTES - len(self._text)
        self._is_cut = self._is_cut or len(piece) > room
        self._text += piece[:room]

    def _line(self) -> RawLine | None:
        text, is_cut = self._text, self._is_cut
        self._text, self._is_cut = b"", False
        time = _TIME.match(text)
        if time is None:
            return None
        rest = text[time.end() :]
        if len(rest) > 16_000:  # a terminal's long line comes in pieces that each repeat the time
            rest = rest.replace(time[0], b"")
        shown = rest.rstrip(b"\r").decode(errors="replace").replace("\0", "")
        if is_cut or len(shown) > MAX_LINE_CHARS:
            shown = shown[: MAX_LINE_CHARS - len(CUT_MARK)] + CUT_MARK
        return RawLine(_nanoseconds(time), self._stream, shown)


def _nanoseconds(time: re.Match[bytes]) -> int:
    numbers = [int(part) for part in time.groups()[:6]]
    east_s = 0
    if time[8]:
        east_s = (3600 * int(time[9]) + 60 * int(time[10])) * (1 if time[8] == b"+" else -1)
    return (calendar.timegm((*numbers, 0, 0, 0)) - east_s) * 1_000_000_000 + int((time[7] or b"0").ljust(9, b"0"))
