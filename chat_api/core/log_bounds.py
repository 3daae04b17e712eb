"""What strangers can make us write into the log: a line a minute of each kind, and each on a line of its own."""

import logging
import re
import time
from collections.abc import MutableMapping
from typing import Any

EVERY_S = 60.0
# Those whose warnings anybody can cause by what they send.
_FROM_OUTSIDE = frozenset(
    {
        "asyncio",
        "console.connections",
        "console.page_socket",
        "engineio.server",
        "nicegui",
        "socketio.server",
        "uvicorn.error",
        "websockets.server",
    }
)
_PER_SOCKET = "websockets_sansio_impl.py"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OncePerMinute(logging.Filter):
    """Lets one record a minute through of each place in the code, and says how many there were in between.

    A kind is a place, and with a traceback also where it was raised: nothing of what was sent, so kinds are few.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a record."""
        if record.name not in _FROM_OUTSIDE:
            return True
        if record.levelno < logging.WARNING:
            return not record.pathname.endswith(
                _PER_SOCKET
            )  # a line for each handshake, with its address; ours suffice
        now_s = time.monotonic()
        kind = _kind(record)
        written_s, skipped = self._kinds.get(kind, (now_s - EVERY_S, 0))
        if now_s - written_s < EVERY_S:
            self._kinds[kind] = written_s, skipped + 1
            return False
        self._kinds[kind] = now_s, 0
        if skipped:
            _add(record, skipped)
        return True


def _kind(record: logging.LogRecord) -> tuple[object, ...]:
    event = record.msg.get("event") if isinstance(record.msg, dict) else None
    exc_info = record.exc_info or (record.msg.get("exc_info") if isinstance(record.msg, dict) else None)
    location: tuple[object, ...] = ()
    if isinstance(exc_info, tuple) and exc_info[0] is not None:
        trace = exc_info[2]
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        location = (exc_info[0], trace.tb_frame.f_code if trace else None, trace.tb_lineno if trace else None)
    return (record.name, event, record.pathname, record.lineno, *location)


def _add(record: logging.LogRecord, skipped: int) -> None:
    if isinstance(record.msg, dict):
        record.msg["more_like_it"] = skipped
    else:
        record.msg, record.args = f"{record.getMessage()} ({skipped} more like it)", None


def one_line(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape what would end a line or change a terminal; of a traceback each line is set off from real ones."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = (
                "\n".join("  | " + escaped(line) for line in value.split("\n")) if key in _LONG else escaped(value)
            )
    return event


_LONG = frozenset({"exception", "stack"})


def escaped(text: str) -> str:
    """A text without line ends and other control characters."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
