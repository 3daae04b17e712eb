"""Sends one message to one address through ``apprise``: e-mail, Discord, Slack, ntfy, webhooks and a hundred more.

The address is a secret. Nothing of it is logged, and what the library says about a failure is told without it.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from typing import Any

from chat_api.core.blocking import BlockingCalls
from chat_api.core.errors import InvalidInput
from chat_api.core.logging import redact
from models import NotificationKind, Severity

SEND_TIMEOUT_S = 20.0
CHECK_TIMEOUT_S = 10.0
MAX_REASON_CHARS = 200
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,19}):/", re.IGNORECASE)
# A line, or a name of a list with what separates it from the next; a comma inside a number separates nothing.
_ENTRY = re.compile(r"(?:[^\n,]|,(?=\d))*(?:, |,|\n|$)(?!$)|(?:[^\n,]|,(?=\d))+$")
_MORE = re.compile(r"(\n)?\s*and (\d+) more$")
_PIECES = re.compile(r"[^\w.-]+")
# A channel's reason for a refusal is worth showing; these phrases say nothing.
_WORDLESS = "It was not accepted."


_saying: ContextVar[list[str] | None] = ContextVar("saying", default=None)


class SendFailed(Exception):
    """A message was refused; the reason contains no secret."""


def masked(url: str) -> str:
    """The part of an address that may be shown: its kind."""
    match = _SCHEME.match(url.strip())
    return f"{match[1].lower()}://••••" if match else "••••"


class AppriseSender:
    """Runs the blocking library in its own threads, a few at once."""

    def __init__(self, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._calls = BlockingCalls(limit=4, name="apprise")
        self._timeout_s = timeout_s

    async def check(self, url: str) -> None:
        """Check that the library understands an address. Raises: InvalidInput, without showing any of it."""
        try:
            plugin = await self._calls.run(lambda: _plugin(url), timeout_s=CHECK_TIMEOUT_S)
        except TimeoutError:
            raise InvalidInput("couldn't be checked in time", field="url") from None
        if plugin is None:
            raise InvalidInput("not a notification URL that Apprise understands", field="url")

    async def send(self, url: str, *, title: str, body: str, severity: Severity, kind: NotificationKind) -> None:
        """Send one message. Raises: SendFailed."""
        try:
            await self._calls.run(lambda: _send(url, title, body, _style(severity, kind)), timeout_s=self._timeout_s)
        except TimeoutError:
            raise SendFailed(f"No answer within {self._timeout_s:.0f} s.") from None


def _style(severity: Severity, kind: NotificationKind) -> str:
    """The colour that chat services give a message. Source: apprise, ``NotifyType``."""
    if kind is NotificationKind.RESOLVED:
        return "success"
    return {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}[severity]


def _plugin(url: str) -> Any:
    from apprise import Apprise  # slow to import, and not needed while there is no channel

    with _overheard():
        return Apprise.instantiate(url, suppress_exceptions=True)


def _send(url: str, title: str, body: str, style: str) -> None:
    plugin = _plugin(url)
    if plugin is None:
        raise SendFailed("The address is not one that apprise understands.")
    from apprise import Apprise, NotifyFormat

    service = Apprise()
    service.add(plugin)
    with _overheard() as said:
        try:
            # Through the library's public interface: it escapes our plain text where a service expects markup.
            is_sent = service.notify(
                title=title,
                body=fitted(body, _room(plugin, title, body)),
                notify_type=style,
                body_format=NotifyFormat.TEXT,
            )
        except Exception as error:
            raise SendFailed(_without_secrets(f"{type(error).__name__}: {error}", url)) from None
    if not is_sent:
        raise SendFailed(_without_secrets(said[-1] if said else _WORDLESS, url))


def _room(plugin: Any, title: str, body: str) -> int:
    """How many characters of a body a service takes after what the library adds: a title that has no field of its own,
    and escapes."""
    most = int(plugin.body_maxlen) - (len(title) + 10 if not plugin.title_maxlen else 0)
    accepted = plugin.notify_format  # one, or several with the usual one first
    is_marked_up = str(getattr(accepted, "value", accepted[0])) in {"html", "NotifyFormat.HTML"}
    added = len(escape(body)) - len(body) + body.count("\n")
    return most - (added if is_marked_up else 0)


def fitted(body: str, most: int) -> str:
    """A text of at most so many characters: lines, and the names of a list in a line, are left out and counted."""
    if len(body) <= most:
        return body
    pieces = _ENTRY.findall(body)
    counted = _MORE.search(body)  # in a line of its own it is an entry, behind a name it comes on top of one
    left_before = int(counted[2]) - (1 if counted[1] else 0) if counted else 0
    for kept in range(len(pieces) - 1, -1, -1):
        shown = "".join(pieces[:kept]).rstrip(", \n")
        text = f"{shown}\n… and {len(pieces) - kept + left_before} more" if shown else ""
        if shown and len(text) <= most:
            return text
    return body[: max(0, most - 1)] + "…"


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the library logs during this call; kept out of our logs, because it may contain parts of an address.

    The library uses its own threads, which inherit the caller's context.
    """
    said: list[str] = []
    token = _saying.set(said)
    ear = _Ear(said)
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.addHandler(ear)
    try:
        yield said
    finally:
        logger.removeHandler(ear)
        _saying.reset(token)


class _Ear(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the log records of this call."""
        if _saying.get() is self._said:
            self._said.append(record.getMessage())


def _without_secrets(text: str, url: str) -> str:
    for piece in sorted(_PIECES.split(url)[1:], key=len, reverse=True):
        if len(piece) > 2:
            text = text.replace(piece, "…")
    return redact(" ".join(text.split()))[:MAX_REASON_CHARS]
