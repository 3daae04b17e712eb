"""Read one HTTP/1.1 answer from a peer that is not trusted, byte by byte as it comes."""

from typing import Protocol

import httptools

from chat_api.bots.http import OnEventData, Reply
from chat_api.core.errors import BotFailed

MAX_HEAD_BYTES = 32_768
# A chunk's own line in the longest form that anybody writes. What is neither body nor this counts as head.
MAX_CHUNK_LINE_BYTES = 24
_EVENT_STREAM = b"text/event-stream"


class _Parser(Protocol):
    def feed_data(self, data: bytes) -> None: ...
    def get_status_code(self) -> int: ...
    def should_keep_alive(self) -> bool: ...


class AnswerReader:
    """Feed it what arrives until ``is_whole``; ``on_…`` are the parser's. For one answer only.

    Interim answers (100 Continue) are passed over. Whatever follows the answer is not read, and keeps the connection
    from being used again.
    """

    __slots__ = (
        "_body",
        "_body_bytes",
        "_chunks",
        "_has_length",
        "_is_event_stream",
        "_is_in_body",
        "_max_body_bytes",
        "_on_event_data",
        "_parser",
        "_retry_after",
        "_wire_bytes",
        "has_enough",
        "is_reusable",
        "is_whole",
        "status",
    )

    def __init__(self, *, max_body_bytes: int, on_event_data: OnEventData | None = None) -> None:
        self._max_body_bytes = max_body_bytes
        self._on_event_data = on_event_data
        self._body = bytearray()
        self._wire_bytes = self._body_bytes = self._chunks = 0
        self._retry_after: str | None = None
        self._has_length = self._is_event_stream = self._is_in_body = False
        self.status = 0
        self.is_whole = False
        self.has_enough = False
        self.is_reusable = False
        self._parser: _Parser | None = httptools.HttpResponseParser(self)

    @property
    def reply(self) -> Reply:
        """What was read, once it is whole or enough."""
        return Reply(
            status=self.status,
            body=bytes(self._body),
            retry_after=self._retry_after,
            is_event_stream=self._is_event_stream,
        )

    def feed(self, data: bytes) -> bool:
        """Read on; returns ``is_whole``.

        Raises: BotFailed when it is not HTTP, is compressed or is too large; whatever ``on_event_data`` raises.
        """
        assert self._parser is not None, "one answer only"
        self._wire_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if isinstance(error, httptools.HttpParserCallbackError) and not self.is_whole:
                raise error.__context__ or error from None
            if not self.is_whole:
                raise BotFailed(detail=f"not HTTP: {error}") from error
            self.is_reusable = False
        if self.is_whole:
            self._parser = None  # it knows us as we know it: no work for the garbage collector
        elif self._wire_bytes - self._body_bytes - self._chunks * MAX_CHUNK_LINE_BYTES > MAX_HEAD_BYTES:
            raise BotFailed(detail=f"more than {MAX_HEAD_BYTES} bytes of headers")
        return self.is_whole

    def feed_eof(self) -> bool:
        """The peer has hung up in good order: returns whether that was the end of the answer."""
        self._parser = None
        self.is_reusable = False
        self.is_whole = self.is_whole or (self._is_in_body and not self._has_length)
        return self.is_whole

    # Called by the parser

    def on_message_begin(self) -> None:
        """An answer starts; a second final one was not asked for."""
        if self.is_whole:
            raise BotFailed(detail="a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer."""
        if len(name) + len(value) > MAX_HEAD_BYTES:
            raise BotFailed(detail=f"more than {MAX_HEAD_BYTES} bytes of headers")
        if self._is_in_body:
            return
        name = name.lower()
        if name == b"content-length":
            self._has_length = True
        elif name == b"transfer-encoding":
            self._has_length = True
            if value.strip().lower() != b"chunked":
                raise BotFailed(detail="a transfer coding that was not asked for")
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise BotFailed(detail="the answer is compressed, which was not asked for")
        elif name == b"retry-after":
            self._retry_after = value.decode("latin-1")
        elif name == b"content-type":
            self._is_event_stream = value.partition(b";")[0].strip().lower() == _EVENT_STREAM

    def on_headers_complete(self) -> None:
        """The head is over."""
        assert self._parser is not None
        self.status = self._parser.get_status_code()
        self._is_in_body = self.status >= 200
        self._is_event_stream = self._is_event_stream and self.status == 200 and self._on_event_data is not None

    def on_chunk_header(self) -> None:
        """One more chunk starts."""
        self._chunks += 1

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(data)
        if self._is_event_stream:
            assert self._on_event_data is not None
            if not self.has_enough:
                self.has_enough = self._on_event_data(data)
            return
        if self._body_bytes > self._max_body_bytes:
            raise BotFailed(detail=f"the answer is larger than {self._max_body_bytes} bytes")
        self._body += data

    def on_message_complete(self) -> None:
        """The answer is over, or an interim one is, and the real one follows."""
        assert self._parser is not None
        if self.status < 200:
            self._retry_after = None
            self._has_length = self._is_event_stream = False
            return
        self.is_whole = True
        self.is_reusable = self._parser.should_keep_alive()
