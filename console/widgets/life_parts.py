"""What the fleet's own stores say, for the Analytics page and a bot's page: each figure with where it is from."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from chat_api.core.language import N_, _
from chat_api.core.store_faults import FAULTS
from chat_api.fleet_data.schemas import AnswerPart, BotLife, LifePoint, LifeWindow, Store, StoreState, StoreView
from console.labels import Mark
from console.widgets.chart import Line
from console.widgets.fact_words import moment
from console.widgets.marks import status_mark
from console.widgets.quantities import MISSING, latency, percent, whole
from console.widgets.records import column

WINDOWS: Final[Mapping[LifeWindow, str]] = {
    LifeWindow.HOUR: N_("Last hour"),
    LifeWindow.DAY: N_("Last 24 hours"),
    LifeWindow.WEEK: N_("Last 7 days"),
}
PER_STEP: Final[Mapping[LifeWindow, str]] = {
    LifeWindow.HOUR: N_("per minute; Discord from PostgreSQL"),
    LifeWindow.DAY: N_("per 15 minutes; Discord from PostgreSQL"),
    LifeWindow.WEEK: N_("per 2 hours; Discord from PostgreSQL"),
}
STORES: Final[Mapping[Store, str]] = {
    Store.HISTORY: N_("Fleet's PostgreSQL"),
    Store.INFLUXDB: N_("Fleet's InfluxDB"),
    Store.CONSOLE: N_("This console"),
}
_TELLS: Final[Mapping[Store, str]] = {
    Store.HISTORY: N_("messages on Discord"),
    Store.INFLUXDB: N_("answer times, reactions"),
    Store.CONSOLE: N_("answers to people who chat here"),
}
_SETTINGS: Final[Mapping[Store, str]] = {Store.HISTORY: "FLEET_DATABASE_URL", Store.INFLUXDB: "INFLUXDB_URL"}
_STATES: Final[Mapping[StoreState, Mark]] = {
    StoreState.OK: Mark(N_("Readable"), "ok", "online"),
    StoreState.READING: Mark(N_("Reading"), "busy", "starting"),
    StoreState.UNREADABLE: Mark(N_("Not readable"), "bad", "offline"),
    StoreState.NOT_CONFIGURED: Mark(N_("Not configured"), "idle", "not_configured"),
}
DIMENSIONS: Final = {"mode": N_("Mode"), "complexity": N_("Complexity"), "model": N_("Model")}
ANATOMY: Final = (
    column("dimension", N_("By")),
    column("value", N_("Value")),
    column("store", N_("Source")),
    column("answers", N_("Answers"), kind="number"),
    column("share", N_("Share"), kind="number"),
    column("p50", "p50", kind="number"),
    column("p95", "p95", kind="number"),
)


def store_notes(stores: Iterable[StoreView]) -> str:
    """Each store, what it tells, and how old that is or why it tells nothing; markup."""
    return f'<ul class="we-stores">{"".join(map(_note, stores))}</ul>'


def _note(store: StoreView) -> str:
    return (
        f'<li data-testid="store-{store.store}" data-state="{store.state}"><span class="we-strong">'
        f"{_(STORES[store.store])}</span> {status_mark(_STATES[store.state])}"
        f'<span class="we-muted">{" · ".join((escape(_(_TELLS[store.store])), *_said(store)))}</span></li>'
    )


def _said(store: StoreView) -> Iterable[str]:
    if store.state is StoreState.NOT_CONFIGURED:
        setting = f"<code>{_SETTINGS.get(store.store, '')}</code>"
        yield _("set {setting} to see them", setting=setting)
    if store.fault is not None:
        detail = f" ({escape(store.detail)})" if store.detail else ""
        yield f"{escape(_(FAULTS[store.fault]))}{detail}"
    if store.read_at is not None:
        yield _("as of {time}", time=moment(store.read_at))
    if store.zone is not None:
        yield _("times are read as {zone}", zone=escape(store.zone))
    if store.is_ahead:
        warning = _("The newest time lies in the future: set {setting}.", setting="<code>FLEET_TIMEZONE</code>")
        yield f'<span class="we-status-bad">{warning}</span>'


def message_lines(bots: Sequence[BotLife]) -> list[Line]:
    """Messages of all these bots by step, with their sources; what no store tells has no bar."""
    people, said, own = (_steps(bots, key) for key in ("discord_people", "discord_bot", "console"))
    return [
        Line(name=_("Discord, people"), tone="busy", kind="bar", points=people),
        Line(name=_("Discord, bots"), tone="violet", kind="bar", points=said),
        Line(name=_("Console"), tone="ok", kind="bar", points=own),
    ]


def time_lines(points: Sequence[LifePoint]) -> list[Line]:
    """The answer time of one bot by step."""
    p95 = [(point.at, point.p95_s) for point in points]
    return [Line(name=_("p95 (InfluxDB)"), tone="busy", kind="bar", points=p95)]


def _steps(bots: Sequence[BotLife], key: str) -> list[tuple[datetime, float | None]]:
    """The sum of what is known in each step."""
    found: dict[datetime, int | None] = {}
    for bot in bots:
        for point in bot.points:
            value = getattr(point, key)
            found[point.at] = found.get(point.at) if value is None else (found.get(point.at) or 0) + value
    return sorted(found.items())


def anatomy_rows(parts: Iterable[AnswerPart], *, bot_name: str = "") -> list[dict[str, Any]]:
    """The parts of the answers of all bots, or of one, as rows of a table."""
    return [
        {
            "key": f"{part.dimension}:{part.store}:{part.value}",
            "dimension": _(DIMENSIONS[part.dimension]),
            "value": part.value,
            "store": _(STORES[part.store]),
            "answers": whole(part.answers),
            "share": percent(f"{part.share * 100:.1f}"),
            "p50": seconds(part.p50_s),
            "p50_number": part.p50_s or 0,
            "p95": seconds(part.p95_s),
            "p95_number": part.p95_s or 0,
        }
        for part in parts
        if part.bot_name == bot_name
    ]


def seconds(value_s: float | None) -> str:
    """A time as everywhere."""
    return latency(value_s * 1000 if value_s is not None else None)


def count(value: int | None) -> str:
    """A count, or that it is not known."""
    return MISSING if value is None else whole(value)
