"""Validation of rules, channels and windows. Every error names its field, so that forms can show it there."""

import math
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn
from uuid import UUID
from zoneinfo import available_timezones

from chat_api.alerts.quiet_hours import CLOCK
from chat_api.alerts.schemas import WEEK, ChannelDraft, QuietHours, RuleDraft, WindowDraft
from chat_api.core.errors import InvalidInput
from chat_api.core.text import check_name, check_text
from models import RuleKind

DAY_S = 86_400
MIN_REPEAT_S = 60
MAX_REPEAT_S = 7 * DAY_S
MAX_URL_CHARS = 2000
MAX_BOTS = 1000
# The unit of each threshold and its valid range.
THRESHOLDS: dict[RuleKind, tuple[str, float, float]] = {
    RuleKind.SLOW_P95: ("milliseconds", 1, 600_000),
    RuleKind.ERROR_RATE: ("a share, 0.2 is 20 %", 0, 1),
    RuleKind.RESTARTS: ("restarts in an hour", 0, 1000),
    RuleKind.DISK: ("the free share, 0.1 is 10 %", 0, 1),
    RuleKind.LOOP_LAG: ("milliseconds", 1, 60_000),
}
# Rules that are not about bots take no list of bots.
BOTLESS = frozenset({RuleKind.SERVICE_DOWN, RuleKind.DISK, RuleKind.LOOP_LAG})


def refuse(field: str, why: str) -> NoReturn:
    """Raises: InvalidInput that names the field."""
    raise InvalidInput(why, field=field)


def checked_rule(draft: RuleDraft, *, bots: Collection[str], channels: Collection[UUID]) -> RuleDraft:
    """The rule as it may be stored. Raises: InvalidInput."""
    for field, value in (("for_s", draft.for_s), ("keep_firing_for_s", draft.keep_firing_for_s)):
        if not 0 <= value <= DAY_S:
            refuse(field, "from 0 to 86400 seconds")
    if draft.repeat_s and not MIN_REPEAT_S <= draft.repeat_s <= MAX_REPEAT_S:
        refuse("repeat_s", "0 for never, else from 60 seconds to 7 days")
    if draft.channels is not None and not set(draft.channels) <= set(channels):
        refuse("channels", "there is no such channel")
    return replace(
        draft,
        name=check_name(draft.name, field="name", min_chars=1, max_chars=80),
        threshold=_threshold(draft),
        bots=None if draft.kind in BOTLESS else _bots(draft.bots, bots),
    )


def checked_channel(draft: ChannelDraft, *, is_new: bool) -> ChannelDraft:
    """The channel as it may be stored. Raises: InvalidInput."""
    name = check_name(draft.name, field="name", min_chars=1, max_chars=50)
    url = draft.url.strip() if draft.url else None
    if url is None and is_new:
        refuse("url", "a new channel needs an address")
    if url is not None:
        check_text(url, field="url", max_chars=MAX_URL_CHARS)
    if not draft.severities:
        refuse("severities", "choose at least one")
    return replace(draft, name=name, url=url, quiet=_quiet(draft.quiet))


def checked_window(draft: WindowDraft, *, bots: Collection[str]) -> WindowDraft:
    """The window as it may be stored. Raises: InvalidInput."""
    name = check_name(draft.name, field="name", min_chars=1, max_chars=80)
    if draft.starts_at.tzinfo is None or draft.ends_at.tzinfo is None:
        refuse("starts_at", "times need a time zone")
    if not 2000 <= draft.starts_at.year <= 2200 or not 2000 <= draft.ends_at.year <= 2200:
        refuse("starts_at", "is not a time that makes sense")
    if draft.ends_at <= draft.starts_at:
        refuse("ends_at", "has to be after the start")
    longest = WEEK if draft.is_weekly else timedelta(days=366)
    if draft.ends_at - draft.starts_at > longest:
        refuse("ends_at", f"at most {longest.days} days after the start")
    _zone("time_zone", draft.time_zone)
    return replace(draft, name=name, bots=_bots(draft.bots, bots))


def _threshold(draft: RuleDraft) -> float | None:
    meaning = THRESHOLDS.get(draft.kind)
    if meaning is None:
        return None
    unit, least, most = meaning
    if draft.threshold is None or not math.isfinite(draft.threshold) or not least <= draft.threshold <= most:
        refuse("threshold", f"{unit}, from {least:g} to {most:g}")
    return float(draft.threshold)


def _bots(wanted: tuple[str, ...] | None, known: Collection[str]) -> tuple[str, ...] | None:
    if wanted is None:
        return None
    if not 1 <= len(wanted) <= MAX_BOTS:
        refuse("bots", "name at least one, or mean all")
    if not set(wanted) <= set(known):
        refuse("bots", "there is no such bot")
    return tuple(sorted(set(wanted)))


def _quiet(quiet: QuietHours | None) -> QuietHours | None:
    if quiet is None:
        return None
    for field, value in (("quiet.starts", quiet.starts), ("quiet.ends", quiet.ends)):
        if not CLOCK.fullmatch(value):
            refuse(field, "a time such as 22:00")
    if quiet.starts == quiet.ends:
        refuse("quiet.ends", "has to differ from the start")
    _zone("quiet.time_zone", quiet.time_zone)
    return quiet


def _zone(field: str, name: str) -> None:
    if name not in available_timezones():
        refuse(field, "a time zone such as Europe/Berlin")
