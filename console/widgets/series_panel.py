"""Charts of stored series over a window that the reader chooses, with the same in words and as files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from nicegui import ui

from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from chat_api.series.schemas import SeriesPoint, Window
from console.actions import run_action
from console.context import services
from console.widgets.chart import Line, TimeChart
from console.widgets.fleet_pulse import on_fleet_pulse
from console.widgets.quantities import latency, percent, whole
from console.widgets.records import export_links
from console.widgets.window_chips import WindowChips

HEIGHT_PX: Final = 190
Points = tuple[SeriesPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSpec:
    """One chart: what of which series, and where the API gives the same (an address without the window)."""

    title: str
    subject: str
    export: str
    shows: Literal["times", "counts", "depths"] = "times"
    of: Literal["answers", "checks"] = "answers"


class SeriesPanel:
    """The charts of one page; :meth:`load` fills them, and then they keep themselves current."""

    def __init__(self, principal: Principal, title: str, charts: Sequence[ChartSpec]) -> None:
        self._principal = principal
        self._specs = charts
        self._charts: list[TimeChart] = []
        self._words: list[ui.label] = []
        self._links: list[ui.html] = []
        with ui.element("section").classes("we-panel we-wide").props(f'aria-label="{title}" data-testid="series"'):
            with ui.element("div").classes("we-toolbar"):
                ui.html(title, sanitize=True, tag="h2")
                self._window = WindowChips(Window.DAY, self._choose, label=_("Time range"))
            with ui.element("div").classes("we-charts"):
                for spec in charts:
                    self._add(spec)

    async def load(self) -> None:
        """Show what is stored, and from then on what is added. Raises: as :meth:`SeriesService.points`."""
        await self._show(self._principal)
        on_fleet_pulse(lambda: self._show(self._principal))

    async def _choose(self) -> None:
        await run_action(self._principal, self._show)

    async def _show(self, principal: Principal) -> None:
        window = self._window.chosen
        shown = {subject: await services().series.points(principal, subject, window) for subject in self._subjects()}
        for spec, chart, words, links in zip(self._specs, self._charts, self._words, self._links, strict=True):
            points = shown[spec.subject]
            chart.show(_LINES[spec.shows](points))
            words.set_text(in_words(points, spec))
            joint = "&" if "?" in spec.export else "?"
            links.set_content(export_links(f"{spec.export}{joint}window={window}"))

    def _subjects(self) -> list[str]:
        return list(dict.fromkeys(spec.subject for spec in self._specs))

    def _add(self, spec: ChartSpec) -> None:
        with ui.element("div").classes("we-series"):
            unit = {"times": "ms", "counts": _("per step"), "depths": _("jobs")}[spec.shows]
            self._charts.append(TimeChart(spec.title, [], unit=unit, height_px=HEIGHT_PX, is_stacked=_stacks(spec)))
            with ui.element("div").classes("we-series-foot"):
                self._words.append(ui.label().classes("we-muted").props('data-testid="series-words"'))
                self._links.append(ui.html("", sanitize=False).classes("we-exports"))


def in_words(points: Points, spec: ChartSpec) -> str:
    """The chart for who cannot see it, and the exact totals for who can."""
    count, errors = sum(point.count for point in points), sum(point.errors for point in points)
    if not count:
        return _("No checks in this period.") if spec.of == "checks" else _("No answers in this period.")
    if spec.shows == "counts":
        share = percent(f"{errors / count * 100:.2f}")
        return _("{total}, {failed} failed ({share})", total=_total(count, spec), failed=whole(errors), share=share)
    if spec.shows == "depths":
        deepest = max(point.max_ms or 0.0 for point in points)
        return _("now {now}, peak {peak}", now=whole(round(_last(points))), peak=whole(round(deepest)))
    measured = [point for point in points if point.p95_ms is not None]
    if not measured:
        return _("{total}, none successful", total=_total(count, spec))
    worst = max(measured, key=lambda point: point.p95_ms or 0.0)
    last = measured[-1]
    slowest = max(point.max_ms or 0.0 for point in measured)
    return _(
        "p95 now {now}, peak {peak}; slowest of {count}: {slowest}",
        now=latency(last.p95_ms),
        peak=latency(worst.p95_ms),
        count=whole(count - errors),
        slowest=latency(slowest),
    )


def _total(count: int, spec: ChartSpec) -> str:
    number = whole(count)
    if spec.of == "checks":
        return ngettext("{number} check", "{number} checks", count, number=number)
    return ngettext("{number} answer", "{number} answers", count, number=number)


def _times(points: Points) -> list[Line]:
    return [
        Line(name="p50", tone="ok", points=[(point.at, _whole(point.p50_ms)) for point in points]),
        Line(name="p95", tone="busy", points=[(point.at, _whole(point.p95_ms)) for point in points]),
        Line(name="p99", tone="violet", points=[(point.at, _whole(point.p99_ms)) for point in points]),
    ]


def _counts(points: Points) -> list[Line]:
    return [
        Line(name=_("answered"), tone="ok", kind="bar", points=[(one.at, one.count - one.errors) for one in points]),
        Line(name=_("failed"), tone="bad", kind="bar", points=[(one.at, one.errors) for one in points]),
    ]


def _depths(points: Points) -> list[Line]:
    return [
        Line(name=_("mean"), tone="ok", points=[(point.at, _whole(point.mean_ms)) for point in points]),
        Line(name=_("peak"), tone="busy", points=[(point.at, point.max_ms) for point in points]),
    ]


def _last(points: Points) -> float:
    """What was seen last."""
    return next((point.mean_ms for point in reversed(points) if point.mean_ms is not None), 0.0)


def _whole(value_ms: float | None) -> float | None:
    """As exact as it is: a bucket is nine percent wide."""
    return float(f"{value_ms:.3g}") if value_ms is not None else None


def _stacks(spec: ChartSpec) -> bool:
    return spec.shows == "counts"


_LINES: Final[dict[str, Callable[[Points], list[Line]]]] = {"times": _times, "counts": _counts, "depths": _depths}
