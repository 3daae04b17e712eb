"""Where a bot changed on a strip of time: a tick each, and how many there were."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final
from urllib.parse import urlencode

from chat_api.changes.schemas import ChangesQuery, ConfigurationView
from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from console.context import services

MAX_MARKS: Final = 200
WIDTH: Final = 1000.0
TICK_WIDTH: Final = 2.0
MAX_NAMED: Final = 4


async def change_marks(principal: Principal, subject: str, *, since: datetime, until: datetime) -> str:
    """The ticks of a subject of the timeline, as markup; none for what is no bot. Raises: PermissionDenied."""
    kind, __, name = subject.partition(":")
    if kind != "bot":
        return ""
    query = ChangesQuery(bot_name=name, since=since, until=until, limit=MAX_MARKS)
    found = [one for one in await services().fleet_changes.find(principal, query) if one.changes]
    return marks_html(name, found, since=since, until=until)


def marks_html(bot_name: str, found: Sequence[ConfigurationView], *, since: datetime, until: datetime) -> str:
    """A tick where each configuration began, what changed on hover, and a link to all of them."""
    if not found:
        return ""
    total_s = (until - since).total_seconds()
    ticks = "".join(_tick(one, (one.started_at - since).total_seconds() / total_s * WIDTH) for one in found)
    said = ngettext("{count} change in this period", "{count} changes in this period", len(found))
    address = f"/admin/changes?{urlencode({'bot': bot_name})}"
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} 10" preserveAspectRatio="none" aria-hidden="true">{ticks}</svg>'
        f'<a href="{escape(address)}">{said}</a>'
    )


def _tick(one: ConfigurationView, x: float) -> str:
    names = ", ".join(entry.name for entry in one.changes[:MAX_NAMED])
    more = f" +{len(one.changes) - MAX_NAMED}" if len(one.changes) > MAX_NAMED else ""
    title = escape(_("Changed: {names}", names=names + more))
    place = min(max(0.0, x), WIDTH - TICK_WIDTH)
    return (
        f'<rect class="we-fill-violet" x="{place:.2f}" width="{TICK_WIDTH}" height="10"><title>{title}</title></rect>'
    )
