"""The Analytics page: how the fleet is used, by hour, day or week, as charts and as a table."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from chat_api.series.analytics_schemas import CHAT_SOURCE, Grain, Usage, UsageReport
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.pages.analytics.all_channels import all_channels
from console.pages.analytics.retention import retention
from console.widgets.chart import Line, TimeChart
from console.widgets.fact_words import moment
from console.widgets.quantities import latency, localized, percent, whole
from console.widgets.records import RecordsTable, column, export_links, heading
from console.widgets.tabs import Tabs
from models import MessageSource

GRAINS = {Grain.HOUR: N_("By hour"), Grain.DAY: N_("By day"), Grain.WEEK: N_("By week")}
PER = {Grain.HOUR: N_("per hour"), Grain.DAY: N_("per day"), Grain.WEEK: N_("per week")}
MOST = {
    Grain.HOUR: N_("Most people in one hour"),
    Grain.DAY: N_("Most people in one day"),
    Grain.WEEK: N_("Most people in one week"),
}
RANGES = {
    1: N_("Last 24 hours"),
    7: N_("Last 7 days"),
    30: N_("Last 30 days"),
    90: N_("Last 90 days"),
    365: N_("Last year"),
}
PERIODS = (
    column("start", N_("From (UTC)")),
    column("users", N_("People"), kind="number"),
    column("messages", N_("Messages"), kind="number"),
    column("failures", N_("Failed"), kind="number"),
    column("p50", "p50", kind="number"),
    column("p95", "p95", kind="number"),
    column("visit", N_("Session length"), kind="number"),
)
BOTS = (
    column("bot", N_("Bot")),
    column("share", N_("Share"), kind="number"),
    column("messages", N_("Messages"), kind="number"),
    column("users", N_("Most people"), kind="number"),
    column("failures", N_("Failed"), kind="number"),
    column("p95", "p95", kind="number"),
)
SOURCE_COLUMNS = (
    column("source", N_("Came by")),
    column("share", N_("Share"), kind="number"),
    column("messages", N_("Messages"), kind="number"),
)
SOURCES = {
    CHAT_SOURCE: N_("Chat"),
    MessageSource.API: N_("API with a key"),
    MessageSource.GATEWAY: N_("OpenAI-compatible API"),
}


def register() -> None:
    """Put the page at ``/admin/analytics``."""
    page("/admin/analytics", title=N_("Analytics"))(_analytics)


async def _analytics(principal: Principal, tab: str = "") -> None:
    titles = {"console": _("This console"), "channels": _("All channels")}
    shown = tab if tab in titles else "console"

    async def build(who: Principal) -> None:
        with panel, ui.element("div").classes("we-tab-panel"):
            await _SECTIONS[shown](who)

    async def show(key: str) -> None:
        nonlocal shown
        shown = key
        panel.clear()
        panel.props(f'aria-labelledby="tab-{key}"')
        await run_action(principal, build)

    with frame(principal, title=_("Analytics"), path="/admin/analytics"):
        Tabs(titles, shown, path="/admin/analytics", label=_("Analytics"), controls="section", on_tab=show)
        panel = ui.element("div").props(f'id=section role=tabpanel tabindex=0 aria-labelledby="tab-{shown}"')
        await build(principal)


async def _this_console(principal: Principal) -> None:
    view = _View(principal)
    report = await view.read(principal)
    cohorts = await services().analytics.retention(principal)
    view.build(report)
    retention(cohorts)


_SECTIONS: Mapping[str, Callable[[Principal], Awaitable[None]]] = {
    "console": _this_console,
    "channels": all_channels,
}


class _View:
    """What is shown: a report of the service for the grain and the range that were chosen."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._grain, self._days = Grain.DAY, 30

    def _since(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=self._days)

    async def read(self, who: Principal) -> UsageReport:
        return await services().analytics.report(who, grain=self._grain, since=self._since())

    def build(self, report: UsageReport) -> None:
        with ui.element("div").classes("we-toolbar"):
            grain = ui.select({str(key): _(label) for key, label in GRAINS.items()}, value="day")
            grain.props("dense outlined options-dense").props["aria-label"] = _("Period")
            grain.on_value_change(lambda event: self._change(grain=Grain(event.value)))
            self._ranges = ui.select({days: _(label) for days, label in RANGES.items()}, value=30)
            self._ranges.props("dense outlined options-dense").props["aria-label"] = _("Time range")
            self._ranges.on_value_change(lambda event: self._change(days=int(event.value)))
            self._counted = ui.html("", sanitize=False).classes("we-muted")
            self._links = ui.html("", sanitize=False).classes("we-exports")
        self._tiles = ui.element("dl").classes("we-totals").props('data-testid="totals"')
        with ui.element("div").classes("we-panels"):
            self._messages = TimeChart(_("Messages and failures"), [], unit="", is_count=True)
            self._people = TimeChart(_("Active people"), [], unit="", is_count=True)
            self._times = TimeChart(_("Answer times"), [], unit=_("seconds, p50 and p95"))
            self._visits = TimeChart(_("Session length"), [], unit=_("minutes, average"))
        self._bots = RecordsTable(
            BOTS,
            [],
            empty=_("No messages in this period."),
            export=self._export("bots"),
            lead=lambda: heading(_("Bots")),
        )
        self._sources = RecordsTable(
            SOURCE_COLUMNS,
            [],
            empty=_("No messages in this period."),
            lead=lambda: heading(_("Sources")),
            testid="sources",
        )
        empty = _("No data yet. Statistics are updated every two minutes.")
        self._periods = RecordsTable(PERIODS, [], empty=empty, lead=lambda: heading(_("Periods")))
        self._show(report)

    def _export(self, what: str) -> str:
        query = urlencode({"by": self._grain.value, "since": self._since().isoformat(timespec="seconds")})
        return f"/api/admin/analytics/{what}?{query}"

    async def _change(self, *, grain: Grain | None = None, days: int | None = None) -> None:
        self._grain, self._days = grain or self._grain, days or self._days
        if self._grain is Grain.HOUR and self._days > 30:
            self._days = 30
            self._ranges.set_value(30)  # hours of a year would be a wall
        report = await run_action(self._principal, self.read)
        if report is not None:
            self._show(report)

    def _show(self, report: UsageReport) -> None:
        counted = report.counted_up_to
        self._counted.content = _("Updated {time}", time=moment(counted)) if counted else _("No data yet")
        self._links.content = export_links(self._export("usage"))
        self._show_totals(report.total)
        periods, per = report.periods, _(PER[self._grain])
        self._messages.show(
            [
                Line(
                    name=_("messages"), tone="busy", kind="bar", points=[(one.start, one.messages) for one in periods]
                ),
                Line(name=_("failed"), tone="bad", kind="bar", points=[(one.start, one.failed) for one in periods]),
            ],
            unit=per,
        )
        people = Line(name=_("people"), tone="violet", kind="bar", points=[(one.start, one.users) for one in periods])
        self._people.show([people], unit=per)
        # Bars: a period between two without any would be a point that no line shows.
        p50, p95 = ([(one.start, one.answer_times.percentile_s(share)) for one in periods] for share in (0.5, 0.95))
        self._times.show(
            [
                Line(name="p50", tone="ok", kind="bar", points=p50),
                Line(name="p95", tone="warn", kind="bar", points=p95),
            ]
        )
        visits = [(one.start, one.visit_minutes) for one in periods]
        self._visits.show([Line(name=_("session length"), tone="ok", kind="bar", points=visits)])
        self._bots.show(
            [
                _row(one.total) | {"key": one.bot_name, "bot": one.bot_name, "share": percent(f"{one.share * 100:.1f}")}
                for one in report.bots
            ]
        )
        self._sources.show(
            [
                {
                    "key": one.source,
                    "source": _(SOURCES.get(one.source, one.source)),
                    "share": percent(f"{one.share * 100:.1f}"),
                    "messages": whole(one.messages),
                }
                for one in report.sources
            ]
        )
        self._periods.show([_row(one) for one in reversed(periods) if one.messages])

    def _show_totals(self, total: Usage) -> None:
        row = _row(total)
        tiles = {
            _("Messages"): row["messages"],
            _(MOST[self._grain]): row["users"],
            _("Failed"): row["failures"],
            _("Answer time p50"): row["p50"],
            _("Answer time p95"): row["p95"],
            _("Session length"): row["visit"],
        }
        self._tiles.clear()
        with self._tiles:
            for label, value in tiles.items():
                with ui.element("div").classes("we-total"):
                    with ui.element("dt"):
                        ui.label(label)
                    with ui.element("dd"):
                        ui.label(str(value))


def _row(usage: Usage) -> dict[str, Any]:
    p50, p95 = usage.answer_times.percentile_s(0.5), usage.answer_times.percentile_s(0.95)
    failures = whole(usage.failed)
    if usage.failure_share is not None:
        failures += f" ({percent(f'{usage.failure_share * 100:.1f}')})"
    return {
        "key": usage.start.isoformat(),
        "start": f"{usage.start:%Y-%m-%d %H:%M}",
        "users": whole(usage.users),
        "messages": whole(usage.messages),
        "failures": failures,
        "p50": latency(p50 * 1000 if p50 is not None else None),
        "p95": latency(p95 * 1000 if p95 is not None else None),
        "p50_number": p50 or 0,
        "p95_number": p95 or 0,
        "visit": f"{localized(f'{usage.visit_minutes:.1f}')} {_('min')}" if usage.visit_minutes is not None else "–",
    }
