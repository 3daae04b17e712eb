"""The Analytics page: how the fleet is used, by hour, day or week, as charts and as a table."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from chat_api.core.principals import Principal
from chat_api.series.analytics_schemas import Grain, Usage, UsageReport
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.pages.analytics.retention import retention
from console.widgets.chart import Line, TimeChart
from console.widgets.fact_words import moment
from console.widgets.quantities import latency
from console.widgets.records import RecordsTable, column, export_links, heading

GRAINS = {Grain.HOUR: "By hour", Grain.DAY: "By day", Grain.WEEK: "By week"}
RANGES = {1: "Last 24 hours", 7: "Last 7 days", 30: "Last 30 days", 90: "Last 90 days", 365: "Last year"}
PERIODS = (
    column("start", "From (UTC)"),
    column("users", "People", kind="number"),
    column("messages", "Messages", kind="number"),
    column("failures", "Failed", kind="number"),
    column("p50", "p50", kind="number"),
    column("p95", "p95", kind="number"),
    column("visit", "Visit", kind="number"),
)
BOTS = (
    column("bot", "Bot"),
    column("share", "Share", kind="number"),
    column("messages", "Messages", kind="number"),
    column("users", "Most people", kind="number"),
    column("failures", "Failed", kind="number"),
    column("p95", "p95", kind="number"),
)


def register() -> None:
    """Put the page at ``/admin/analytics``."""
    page("/admin/analytics", title="Analytics")(_analytics)


async def _analytics(principal: Principal) -> None:
    view = _View(principal)
    report = await view.read(principal)
    cohorts = await services().analytics.retention(principal)
    with frame(principal, title="Analytics", path="/admin/analytics"):
        view.build(report)
        retention(cohorts)


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
            grain = ui.select({str(key): label for key, label in GRAINS.items()}, value="day")
            grain.props('dense outlined options-dense aria-label="Period"')
            grain.on_value_change(lambda event: self._change(grain=Grain(event.value)))
            self._ranges = ui.select(RANGES, value=30).props('dense outlined options-dense aria-label="Time range"')
            self._ranges.on_value_change(lambda event: self._change(days=int(event.value)))
            self._counted = ui.html("", sanitize=False).classes("we-muted")
            self._links = ui.html("", sanitize=False).classes("we-exports")
        self._tiles = ui.element("dl").classes("we-totals").props('data-testid="totals"')
        with ui.element("div").classes("we-panels"):
            self._messages = TimeChart("Messages and failures", [], unit="", is_count=True)
            self._people = TimeChart("People who wrote", [], unit="", is_count=True)
            self._times = TimeChart("Answer times", [], unit="seconds, p50 and p95")
            self._visits = TimeChart("Session length", [], unit="minutes, average")
        self._bots = RecordsTable(
            BOTS,
            [],
            empty="No messages in this period.",
            export=self._export("bots"),
            lead=lambda: heading("Bots"),
        )
        empty = "Nothing was counted yet. Counts are made every two minutes."
        self._periods = RecordsTable(PERIODS, [], empty=empty, lead=lambda: heading("Periods"))
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
        self._counted.content = f"Last counted {moment(counted)}" if counted else "Not counted yet"
        self._links.content = export_links(self._export("usage"))
        self._show_totals(report.total)
        periods, per = report.periods, f"per {self._grain.value}"
        self._messages.show(
            [
                Line(name="messages", tone="busy", kind="bar", points=[(one.start, one.messages) for one in periods]),
                Line(name="failed", tone="bad", kind="bar", points=[(one.start, one.failed) for one in periods]),
            ],
            unit=per,
        )
        people = Line(name="people", tone="violet", kind="bar", points=[(one.start, one.users) for one in periods])
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
        self._visits.show([Line(name="visit", tone="ok", kind="bar", points=visits)])
        self._bots.show(
            [
                _row(one.total) | {"key": one.bot_name, "bot": one.bot_name, "share": f"{one.share:.1%}"}
                for one in report.bots
            ]
        )
        self._periods.show([_row(one) for one in reversed(periods) if one.messages])

    def _show_totals(self, total: Usage) -> None:
        row = _row(total)
        tiles = {
            "Messages": row["messages"],
            f"Most people in one {self._grain.value}": row["users"],
            "Failed": row["failures"],
            "Answer p50": row["p50"],
            "Answer p95": row["p95"],
            "Visit": row["visit"],
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
    failures = (
        f"{usage.failed:,} ({usage.failure_share:.1%})" if usage.failure_share is not None else f"{usage.failed:,}"
    )
    return {
        "key": usage.start.isoformat(),
        "start": f"{usage.start:%Y-%m-%d %H:%M}",
        "users": f"{usage.users:,}",
        "messages": f"{usage.messages:,}",
        "failures": failures,
        "p50": latency(p50 * 1000 if p50 is not None else None),
        "p95": latency(p95 * 1000 if p95 is not None else None),
        "p50_number": p50 or 0,
        "p95_number": p95 or 0,
        "visit": f"{usage.visit_minutes:.1f} min" if usage.visit_minutes is not None else "–",
    }
