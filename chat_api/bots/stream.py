"""Read an answer that comes in pieces: server-sent events in OpenAI's style. The bot is not trusted.

Source: bot contract, ``POST /api/chat/stream``; https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Callable

from chat_api.bots.answers import cleaned_text, read_json
from chat_api.bots.breaker import BotServerError
from chat_api.bots.http import DETAIL_CHARS
from chat_api.core.errors import BotFailed

MAX_EVENT_BYTES = 65_536
MAX_LINES = 300_000
# The events of one token may be some 300 bytes long.
MAX_OVERHEAD = 16

OnDelta = Callable[[str], None]
"""Given each new piece of an answer, never empty. Must not raise."""


class StreamedText:
    """The text so far; ``feed`` is for the transport. Pieces that came together are handed on together."""

    def __init__(self, on_delta: OnDelta, *, max_bytes: int) -> None:
        self._on_delta = on_delta
        self._max_bytes = max_bytes
        self._line = b""
        self._data: list[bytes] = []
        self._data_bytes = self._lines = self._wire_bytes = self._text_bytes = 0
        self._pieces: list[str] = []
        self._fresh: list[str] = []
        self.is_done = False

    @property
    def text(self) -> str:
        """Everything that was handed on."""
        return "".join(self._pieces)

    def feed(self, data: bytes) -> bool:
        """Take what arrived; returns whether the bot has said that it is done.

        Raises: BotCrashed when the bot says that it failed, BotFailed when it babbles or never ends.
        """
        try:
            self._wire_bytes += len(data)
            if self._wire_bytes > self._max_bytes * MAX_OVERHEAD:
                raise BotFailed(detail="the stream is too long")
            self._take(data)
        finally:
            self._hand_on()
        return self.is_done

    def finish(self) -> None:
        """The stream has ended by itself.

        Raises: BotCrashed when it broke off, BotFailed when there was no text.
        """
        if not self.is_done:
            self.feed(b"\n\n")  # its last line may lack the end
        if not self.is_done:
            raise BotServerError(detail="the stream ended without saying so")
        if not self._pieces:
            raise BotFailed(detail="the text is empty")

    def _take(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > MAX_EVENT_BYTES:
            raise BotFailed(detail="an endless line")
        for line in lines:
            self._lines += 1
            if self._lines > MAX_LINES:
                raise BotFailed(detail="too many lines")
            self._read_line(line.removesuffix(b"\r"))
            if self.is_done:
                return

    def _read_line(self, line: bytes) -> None:
        if not line:
            if self._data:
                event, self._data, self._data_bytes = b"\n".join(self._data), [], 0
                self._read_event(event)
            return
        name, _, value = line.partition(b":")
        if name != b"data":
            return  # a comment, or a field that says nothing to us
        if value.strip() == b"[DONE]":
            self.is_done = True
            return
        self._data_bytes += len(value) + 1
        if self._data_bytes > MAX_EVENT_BYTES:
            raise BotFailed(detail="an endless event")
        self._data.append(value.removeprefix(b" "))

    def _read_event(self, event: bytes) -> None:
        value = read_json(event)
        if not isinstance(value, dict):
            raise BotFailed(detail=f"not a JSON object: {event[:DETAIL_CHARS]!r}")
        if value.get("error"):
            raise BotServerError(detail=f"the bot failed: {str(value['error'])[:DETAIL_CHARS]!r}")
        self._add(_content(value))

    def _add(self, piece: str) -> None:
        piece = cleaned_text(piece)
        if not self._pieces and not self._fresh:
            piece = piece.lstrip()
        self._text_bytes += len(piece.encode())
        if self._text_bytes > self._max_bytes:
            raise BotFailed(detail=f"the text is larger than {self._max_bytes} bytes")
        if piece:
            self._fresh.append(piece)

    def _hand_on(self) -> None:
        if self._fresh:
            piece, self._fresh = "".join(self._fresh), []
            self._pieces.append(piece)
            self._on_delta(piece)


def _content(event: dict[str, object]) -> str:
    """The piece of text in an event; many have none."""
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    delta = first.get("delta") if isinstance(first, dict) else None
    content = delta.get("content") if isinstance(delta, dict) else None
    return content if isinstance(content, str) else ""
