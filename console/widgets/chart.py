"""Charts over time, in the theme's colours.

Drawn as SVG, whose colours may be custom properties: a change between dark and light needs no new drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from nicegui import ui

from chat_api.core.language import _, language

Tone = Literal["ok", "warn", "bad", "busy", "idle", "violet"]
_TEXT = {"color": "var(--we-muted)", "fontFamily": "system-ui, sans-serif", "fontSize": 11}
_NOTHING = {
    "left": "center",
    "top": "middle",
    "textStyle": _TEXT | {"fontSize": 13, "fontWeight": "normal"},
}


# ECharts ships no German locale and defaults to English.
_DATES = {
    "de": {"year": "{yyyy}", "month": "{MM}/{yyyy}", "day": "{d}.{M}.", "hour": "{HH}:{mm}", "minute": "{HH}:{mm}"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve: ``points`` are ``(time, value)`` in order, a value of None is a gap."""

    name: str
    tone: Tone
    points: Sequence[tuple[datetime, float | None]]
    kind: Literal["line", "bar", "area"] = "line"


class TimeChart:
    """Some curves over one time axis, with what they mean for who cannot see them."""

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        *,
        unit: str,
        height_px: int = 220,
        is_stacked: bool = False,
        is_count: bool = False,
    ) -> None:
        """``is_count``: the values are whole numbers, as those of a stack are, and so is the axis."""
        self._title, self._is_stacked, self._is_count = title, is_stacked, is_count or is_stacked
        with ui.element("figure").classes("we-chart") as figure:
            figure.props["aria-label"] = title
            self._caption = ui.html(self._captioned(unit), sanitize=False)
            self._chart = ui.echart(self._options(lines), renderer="svg").style(f"height: {height_px}px")
        self._chart.props("aria-hidden=true")

    def show(self, lines: Sequence[Line], *, unit: str | None = None) -> None:
        """Draw these curves instead of those before, in another unit where one is given."""
        if unit is not None:
            self._caption.set_content(self._captioned(unit))
        self._chart.options.clear()
        self._chart.options.update(self._options(lines))
        self._chart.update()

    def _captioned(self, unit: str) -> str:
        return f"<figcaption>{self._title} <span class=we-muted>{unit}</span></figcaption>"

    def _options(self, lines: Sequence[Line]) -> dict[str, Any]:
        return {
            "animation": False,
            "title": _NOTHING | {"text": _("No data in this period"), "show": not _has_values(lines)},
            "aria": {"enabled": True},
            "grid": {"left": 8, "right": 12, "top": 34, "bottom": 4, "containLabel": True},
            "legend": {"top": 0, "left": 0, "itemHeight": 8, "itemWidth": 14, "textStyle": _TEXT},
            "tooltip": {
                "trigger": "axis",
                "confine": True,
                "backgroundColor": "var(--we-surface)",
                "borderColor": "var(--we-border)",
                "textStyle": {"color": "var(--we-text)", "fontSize": 12},
            },
            "xAxis": {
                "type": "time",
                "axisLabel": _TEXT | {"hideOverlap": True} | _dates(),
                "axisLine": {"lineStyle": {"color": "var(--we-border)"}},
            },
            "yAxis": {
                "type": "value",
                "min": 0,
                "minInterval": 1 if self._is_count else 0,
                "axisLabel": _TEXT,
                "splitLine": {"lineStyle": {"color": "var(--we-border)"}},
            },
            "series": [self._series(line) for line in lines],
        }

    def _series(self, line: Line) -> dict[str, Any]:
        colour = f"var(--we-fill-{line.tone})"
        series: dict[str, Any] = {
            "name": line.name,
            "type": "bar" if line.kind == "bar" else "line",
            "data": [[int(at.timestamp() * 1000), value] for at, value in line.points],
            "showSymbol": _has_lone_points(line),
            "symbolSize": 3,
            "connectNulls": False,
            "color": colour,
            "lineStyle": {"width": 1.5, "color": colour},
            "itemStyle": {"color": colour},
        }
        if line.kind == "area":
            series["areaStyle"] = {"color": colour, "opacity": 0.25}
        if self._is_stacked:
            series["stack"] = "all"
        return series


def _has_values(lines: Sequence[Line]) -> bool:
    return any(value for line in lines for _at, value in line.points)


def _dates() -> dict[str, Any]:
    return {"formatter": _DATES[language()]} if language() in _DATES else {}


def _has_lone_points(line: Line) -> bool:
    """Whether some value has a gap on either side: no line leads to it, so that only a symbol shows it."""
    values = [None, *(value for _at, value in line.points), None]
    return any(
        value is not None and before is None and after is None
        for before, value, after in zip(values, values[1:], values[2:], strict=False)
    )
