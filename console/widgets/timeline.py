"""Uptime over four windows, and the exact intervals behind the one that is chosen: as a strip and as a table."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final
from urllib.parse import quote

from nicegui import ui

from chat_api.core.clock import SYSTEM_CLOCK
from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from chat_api.series.schemas import StatusInterval, Uptime, Window
from console.actions import run_action
from console.context import services, settings
from console.widgets.change_marks import change_marks
from console.widgets.fleet_pulse import on_fleet_pulse
from console.widgets.quantities import percent
from console.widgets.records import RecordsTable, column
from console.widgets.status_words import status_words
from console.widgets.window_chips import NAMES

WINDOWS: Final = (Window.DAY, Window.WEEK, Window.MONTH, Window.YEAR)
MAX_ROWS: Final = 500
MAX_MARKS: Final = 1000
WIDTH: Final = 1000.0
# So that an outage of seconds shows on a strip of a year.
LEAST_WIDTH: Final = 2.0
NOT_MONITORED: Final = N_("Not monitored (console offline)")
# Shorter gaps are those between two looks of two leaders.
LEAST_GAP: Final = timedelta(seconds=1)
# What the keeper of the states may not have stored yet, and a little.
LONGEST_UNSAVED: Final = timedelta(seconds=30)
COLUMNS: Final = (
    column("status", N_("State"), kind="status"),
    column("from", N_("From"), kind="moment"),
    column("until", N_("Until"), kind="moment"),
    column("duration", N_("Duration"), kind="number"),
    column("reason", N_("Reason"), kind="long"),
)


async def timeline(principal: Principal, subject: str) -> None:
    """Put it here; ``subject`` is ``bot:elena`` or ``service:redis``. Raises: as :meth:`SeriesService.uptime`."""
    shown = _Timeline(principal, subject)
    await shown.show(principal)
    on_fleet_pulse(lambda: shown.show(principal))


class _Timeline:
    def __init__(self, principal: Principal, subject: str) -> None:
        self._principal = principal
        self._subject = subject
        self._chosen = Window.DAY
        self._cards: dict[Window, tuple[ui.element, ui.html]] = {}
        with ui.element("section").classes("we-panel we-wide").props('data-testid="timeline"') as panel:
            panel.props["aria-label"] = _("Uptime")
            ui.html(_("Uptime"), sanitize=False, tag="h2")
            with ui.element("div").classes("we-uptimes").props("role=group") as cards:
                cards.props["aria-label"] = _("Uptime by period")
                for window in WINDOWS:
                    self._add_card(window)
            self._strip = ui.html("", sanitize=False).classes("we-strip")
            self._marks = ui.html("", sanitize=False).classes("we-change-marks").props('data-testid="change-marks"')
            kind, __, name = subject.partition(":")
            address = f"/api/admin/{kind}s/{quote(name, safe='')}/intervals?window="
            empty = _("No data in this period yet.")
            self._tables = {window: self._table(window, empty, f"{address}{window}") for window in WINDOWS}

    async def show(self, principal: Principal) -> None:
        """Read and show everything again."""
        for window, (card, words) in self._cards.items():
            words.set_content(card_html(await services().series.uptime(principal, self._subject, window)))
            card.props(f"aria-pressed={'true' if window is self._chosen else 'false'}")
        intervals = await services().series.intervals(principal, self._subject, self._chosen)
        now = SYSTEM_CLOCK.now()
        max_gap = timedelta(seconds=2 * settings().bot_health_check_interval) + LONGEST_UNSAVED
        whole = with_gaps(intervals, since=now - self._chosen.length, until=now, max_gap=max_gap)
        since = now - self._chosen.length
        self._strip.set_content(strip_html(whole, since=since, until=now))
        self._marks.set_content(await change_marks(principal, self._subject, since=since, until=now))
        for window, (box, table) in self._tables.items():
            box.set_visibility(window is self._chosen)
            if window is self._chosen:
                table.show([_row(one) for one in reversed(whole[-MAX_ROWS:])] if intervals else [])

    def _add_card(self, window: Window) -> None:
        async def choose() -> None:
            self._chosen = window
            await run_action(self._principal, self.show)

        with ui.element("button").classes("we-uptime").props(f'type=button data-testid="uptime-{window}"') as card:
            words = ui.html("", sanitize=False)
        card.on("click", choose, throttle=0.2)
        self._cards[window] = (card, words)

    def _table(self, window: Window, empty: str, export: str) -> tuple[ui.element, RecordsTable]:
        with ui.element("div") as box:
            table = RecordsTable(COLUMNS, [], empty=empty, export=export)
        box.set_visibility(window is self._chosen)
        return box, table


def card_html(uptime: Uptime) -> str:
    """The share and, in small, what does not count in it."""
    notes = [_("down {time}", time=duration(uptime.down_s))] if uptime.down_s >= 1 else []
    if uptime.maintenance_s >= 1:
        notes.append(_("maintenance {time}", time=duration(uptime.maintenance_s)))
    if uptime.unknown_s >= 60:
        notes.append(_("unknown {time}", time=duration(uptime.unknown_s)))
    tone = (
        "idle" if uptime.share is None else "ok" if uptime.share >= 0.999 else "warn" if uptime.share > 0.95 else "bad"
    )
    return (
        f'<span class="we-muted">{_(NAMES[uptime.window])}</span>'
        f'<span class="we-uptime-share we-status-{tone}">{share_text(uptime.share)}</span>'
        f'<span class="we-muted">{escape(", ".join(notes) or _("no downtime"))}</span>'
    )


def share_text(share: float | None) -> str:
    """A share as a percentage, rounded down: what is not whole never reads 100%."""
    if share is None:
        return "–"
    if share == 1:
        return percent("100")
    return percent(f"{math.floor(share * 10_000) / 100:.2f}")


def duration(seconds: float) -> str:
    """A duration in its two largest units, e.g. ``3 h 12 min``."""
    if seconds < 60:
        number = "< 1" if 0 < seconds < 1 else f"{seconds:.0f}"
        return f"{number} {_('s')}"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    largest = [(days, _("d")), (hours % 24, _("h"))] if days else [(hours, _("h")), (minutes % 60, _("min"))]
    if not hours:
        largest = [(minutes, _("min")), (int(seconds % 60), _("s"))]
    return " ".join(f"{value} {unit}" for value, unit in largest if value)


def with_gaps(
    intervals: Sequence[StatusInterval], *, since: datetime, until: datetime, max_gap: timedelta
) -> list[StatusInterval]:
    """The intervals in order, and between them what nobody observed; the last look may be ``max_gap`` ago."""
    whole: list[StatusInterval] = []
    known_until = since
    for interval in intervals:
        if interval.started_at - known_until > LEAST_GAP:
            whole.append(_gap(known_until, interval.started_at))
        whole.append(interval)
        known_until = max(known_until, interval.until_at)
    if until - known_until > max_gap:
        whole.append(_gap(known_until, until))
    return whole


def strip_html(intervals: Sequence[StatusInterval], *, since: datetime, until: datetime) -> str:
    """One coloured bar: the worst is painted last and is never too thin to see."""
    total_s = (until - since).total_seconds()
    weighed = sorted(intervals, key=lambda one: status_words(one.status).weight)[-MAX_MARKS:]
    marks = []
    for one in weighed:
        mark = status_words(one.status)
        x = (one.started_at - since).total_seconds() / total_s * WIDTH
        width = max(one.duration_s / total_s * WIDTH, LEAST_WIDTH)
        said = _("{state} for {time}", state=_(mark.label), time=duration(one.duration_s))
        title = escape(f"{said}: {one.reason}" if one.reason else said)
        marks.append(
            f'<rect class="we-fill-{mark.tone}" x="{min(x, WIDTH - LEAST_WIDTH):.2f}" width="{width:.2f}" height="24">'
            f"<title>{title}</title></rect>"
        )
    seen = {_(status_words(one.status).label) for one in intervals if one.status != "unknown"}
    label = _("Status over time, oldest to newest: {states}", states=", ".join(sorted(seen)) or _("no data"))
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} 24" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f'<rect class="we-fill-none" width="{WIDTH:.0f}" height="24"></rect>{"".join(marks)}</svg>'
    )


def _gap(started_at: datetime, until_at: datetime) -> StatusInterval:
    return StatusInterval(status="unknown", started_at=started_at, until_at=until_at, reason=_(NOT_MONITORED))


def _row(interval: StatusInterval) -> dict[str, Any]:
    mark = status_words(interval.status)
    return {
        "key": f"{interval.started_at.isoformat()} {interval.status}",
        "status": _(mark.label),
        "from": interval.started_at.isoformat(),
        "until": interval.until_at.isoformat(),
        "duration": duration(interval.duration_s),
        "duration_number": interval.duration_s,
        "reason": interval.reason,
        "tone": mark.tone,
        "symbol": mark.icon,
    }
