"""Bots that were seen, as they are remembered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBot:
    """A bot that was seen once, and what the sources last said of it.

    ``last_seen_at`` is its last answer to a health check. ``is_disabled``: ``BOTS_CONFIG`` takes it out.
    ``removed_at``:
    an operator or ``BOTS_CONFIG``, took it out; it comes back when a source describes it again.
    """

    bot_name: str
    facts: Mapping[str, str | int] = field(default_factory=dict)
    first_seen_at: datetime
    last_seen_at: datetime | None = None
    is_disabled: bool = False
    removed_at: datetime | None = None
    removed_by: str = ""
