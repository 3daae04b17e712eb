"""A link to the fleet's own Grafana, where the operator has said where that is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from nicegui import ui

from chat_api.core.grafana import grafana_link
from chat_api.core.language import _
from console import page_head
from console.context import settings

# What led to something, and what followed, is part of it.
BESIDE = timedelta(minutes=30)


def grafana_button(bot_names: Sequence[str], *, since: datetime, until: datetime) -> None:
    """Show the link, or nothing."""
    address = grafana_link(settings(), bot_names, since=since, until=until)
    if address is not None:
        ui.html(
            f'<a class="we-button we-quiet" href="{escape(address)}" target="_blank" rel="noopener noreferrer"'
            f' data-testid="grafana">{page_head.icon_svg("analytics")}<span>{_("Open in Grafana")}</span></a>',
            sanitize=False,
        )


def around(began_at: datetime, ended_at: datetime | None) -> tuple[datetime, datetime]:
    """The time around something; of what still lasts, until now."""
    now = datetime.now(UTC)
    return began_at - BESIDE, min(now, ended_at + BESIDE) if ended_at else now
