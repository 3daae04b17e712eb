"""The seam between what is said to bots and how it travels.

Bots are not trusted: whatever carries a request bounds its time and size and translates every failure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

UNAVAILABLE_RETRY_AFTER_S = 5.0
DETAIL_CHARS = 500

OnEventData = Callable[[bytes], bool]
"""Given the body of an event stream as it comes; returns whether that was enough. May raise an ``Upstream``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A bot's whole HTTP answer, of bounded size; ``body`` is empty when an ``OnEventData`` was given it."""

    status: int
    body: bytes
    retry_after: str | None = None
    is_event_stream: bool = False


class BotHttp(Protocol):
    """Sends requests to bots. Made on the running loop, closed with ``aclose``."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        deadline_at: float,
        content: bytes | None = None,
        on_event_data: OnEventData | None = None,
    ) -> Reply:
        """Send one request and read the whole answer before ``deadline_at`` (the loop's clock).

        With ``on_event_data`` the body of a successful event stream goes there, and its size is for the receiver to
        bound.

        Raises: BotTimeout past the deadline, BotUnavailable when the bot was not reached or hung up (``extra`` of both
        says ``connect_failed`` when it certainly has not seen the request), BotFailed when what came is not HTTP, is
        compressed or is too large.
        """

    async def aclose(self) -> None:
        """Close every connection; requests under way fail as unavailable."""
