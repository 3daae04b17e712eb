"""Links to the fleet's own Grafana: to a dashboard, a bot and a time."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from chat_api.core.settings import Settings

# An address of a server cannot be of any length; so many bots are seen side by side, no more.
MAX_BOTS = 20


def grafana_link(settings: Settings, bot_names: Sequence[str], *, since: datetime, until: datetime) -> str | None:
    """Where Grafana shows these bots from when until when; None where it is not known.

    Source: Grafana documentation, "Create dashboard URL variables".
    """
    if settings.grafana_url is None:
        return None
    query = [(f"var-{settings.grafana_bot_variable}", name) for name in bot_names[:MAX_BOTS]]
    query += [("from", str(_ms(since))), ("to", str(_ms(until)))]
    return f"{settings.grafana_url}{_path(settings.grafana_dashboard)}?{urlencode(query, quote_via=quote)}"


def _path(dashboard: str | None) -> str:
    if dashboard is None:
        return "/"
    return f"/{dashboard}" if "/" in dashboard else f"/d/{dashboard}"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
