"""The figures of a report in words, for the page, for Markdown and for messages: what they are, and what changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from chat_api.core.language import N_, _, language
from chat_api.core.local_time import WEEKDAYS
from chat_api.reports.schemas import DayReport, DaySummary

MISSING: Final = "–"
# Where they are not as in English.
_NUMERALS: Final = {"de": str.maketrans(",.", ".,")}
_PERCENT: Final = {"de": "\N{NO-BREAK SPACE}%"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. What cannot be compared has no change."""

    key: str
    label: str
    value: str
    than_day_before: str
    than_week_before: str


def number(value: float | None, *, digits: int = 0) -> str:
    """A number in the current language; a dash where there is none."""
    if value is None:
        return MISSING
    return f"{value:,.{digits}f}".translate(_NUMERALS.get(language(), {}))


def seconds(value: float | None) -> str:
    """An answer time."""
    if value is None:
        return MISSING
    return f"{number(value, digits=1 if value >= 10 else 2)} s"


def percent(share: float | None) -> str:
    """A share, with as many digits as it takes not to call a failure 100 %."""
    if share is None:
        return MISSING
    shown = share * 100 if share in {0, 1} else min(share * 100, 99.99)
    return f"{number(shown, digits=0 if share in {0, 1} else 2 if share > 0.99 else 1)}{_sign()}"


def day_title(day: date) -> str:
    """A day with its weekday."""
    return f"{_(WEEKDAYS[day.weekday()])}, {day.isoformat()}"


def figures(report: DayReport) -> tuple[Figure, ...]:
    """All of them, in the order in which they matter."""
    found = (
        _figure(report, "messages", N_("Messages"), number, _relative),
        _figure(report, "people", N_("People"), number, _absolute),
        _figure(report, "active_bots", N_("Active bots"), number, _absolute),
        _figure(report, "uptime", N_("Uptime"), percent, _points),
        _figure(report, "failed", N_("Failed answers"), number, _absolute),
        _figure(report, "p50_s", N_("Answer time p50"), seconds, _relative),
        _figure(report, "p95_s", N_("Answer time p95"), seconds, _relative),
        _figure(report, "incidents", N_("Incidents"), number, _absolute),
        _figure(report, "alerts", N_("Alerts"), number, _absolute),
        _figure(report, "restarts", N_("Restarts"), number, _absolute),
    )
    return found


def _figure(
    report: DayReport,
    key: str,
    label: str,
    shown: Callable[[float | None], str],
    change: Callable[[float, float], str],
) -> Figure:
    now = getattr(report.summary, key)
    value = shown(now)
    if key == "active_bots" and report.summary.bots is not None:
        value = _("{count} of {total}", count=value, total=number(report.summary.bots))
    if key == "failed" and report.summary.failure_share:
        value = f"{value} ({percent(report.summary.failure_share)})"
    return Figure(
        key=key,
        label=_(label),
        value=value,
        than_day_before=_change(now, report.day_before, key, change),
        than_week_before=_change(now, report.week_before, key, change),
    )


def _change(now: float | None, before: DaySummary, key: str, change: Callable[[float, float], str]) -> str:
    then = getattr(before, key)
    return change(now, then) if now is not None and then is not None else ""


def _absolute(now: float, then: float) -> str:
    return _signed(now - then, "")


def _relative(now: float, then: float) -> str:
    if not then:
        return _signed(now - then, "") if now == then else ""
    return _signed(100 * (now - then) / then, _sign())


def _points(now: float, then: float) -> str:
    return _signed(100 * (now - then), f" {_('pp')}", digits=2)


def _signed(change: float, unit: str, *, digits: int = 0) -> str:
    rounded = round(change, digits)
    if not rounded:
        return "±0"
    return f"{'+' if rounded > 0 else '−'}{number(abs(rounded), digits=digits)}{unit}"


def _sign() -> str:
    return _PERCENT.get(language(), "%")
