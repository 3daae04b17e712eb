"""A report as a Markdown document. What bots and people are called means nothing in it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from chat_api.core.language import _
from chat_api.core.markdown import escaped_line
from chat_api.incidents.export import duration_words
from chat_api.reports.figures import day_title, figures, number, percent, seconds
from chat_api.reports.schemas import DayReport

_NUMBER, _TEXT = "---:", "---"


def report_markdown(report: DayReport) -> str:
    """The whole report, ready to be saved or pasted."""
    lines = [f"# {_('Daily report: {day}', day=day_title(report.day))}", "", _about(report), ""]
    if not report.is_observed:
        lines.append(_("Nothing is known of this day: the console was off."))
        return "\n".join(lines) + "\n"
    lines += _table(
        ("", _("Value"), _("vs. the day before"), _("vs. a week earlier")),
        [(one.label, one.value, one.than_day_before or "–", one.than_week_before or "–") for one in figures(report)],
        numbers=3,
    )
    for title, table in _sections(report):
        lines += ["", f"## {title}", "", *table]
    return "\n".join(lines) + "\n"


def _about(report: DayReport) -> str:
    times = _("Midnight to midnight, {zone}.", zone=report.time_zone)
    if report.is_over:
        return times
    return f"{times} {_('Not over yet: until {time}.', time=_clock(report.until, report))}"


def _sections(report: DayReport) -> Iterator[tuple[str, list[str]]]:
    if report.bots:
        yield _("Bots"), _bots(report)
    if report.modes:
        rows = [(_safe(one.mode), number(one.answers), percent(one.share), seconds(one.p95_s)) for one in report.modes]
        yield _("Modes"), _table((_("Mode"), _("Answers"), _("Share"), "p95"), rows, numbers=3)
    if report.queues:
        queues = [(_safe(one.queue), number(one.peak), _clock(one.peak_at, report)) for one in report.queues]
        yield _("Queues"), _table((_("Queue"), _("Longest"), _("At")), queues, numbers=2)
    if report.incidents:
        yield _("Incidents"), _incidents(report)
    if report.alerts:
        alerts = [(_clock(one.opened_at, report), _safe(one.title), str(one.severity)) for one in report.alerts]
        yield _("Alerts"), _table((_("Time"), _("Alert"), _("Severity")), alerts)
    if report.restarts:
        restarts = [
            (
                _safe(one.requested_by),
                one.action,
                _safe(", ".join(one.bot_names)),
                number(one.count),
                number(one.failed),
            )
            for one in report.restarts
        ]
        yield _("Restarts"), _table((_("By"), _("Action"), _("Bots"), _("Count"), _("Failed")), restarts, numbers=2)
    if report.changes:
        changes = [(_safe(one.actor), _safe(one.action), number(one.count)) for one in report.changes]
        yield _("Actions"), _table((_("User"), _("Action"), _("Count")), changes, numbers=1)


def _bots(report: DayReport) -> list[str]:
    head = (_("Bot"), _("Uptime"), _("Outages"), _("People"), _("Messages"), _("Failed"), "p50", "p95")
    rows = [
        (
            _safe(bot.bot_name),
            percent(bot.uptime),
            number(bot.outages if bot.uptime is not None else None),
            number(bot.people),
            number(bot.messages),
            number(bot.failed),
            seconds(bot.p50_s),
            seconds(bot.p95_s),
        )
        for bot in report.bots
    ]
    return _table(head, rows, numbers=7)


def _incidents(report: DayReport) -> list[str]:
    rows = [
        (
            _clock(one.opened_at, report),
            _safe(one.title),
            _safe(one.cause),
            duration_words(one.duration_s) + ("" if one.resolved_at else f", {_('open')}"),
            number(one.bots),
        )
        for one in report.incidents
    ]
    return _table((_("Opened"), _("Incident"), _("Cause"), _("Duration"), _("Bots")), rows, numbers=1)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> list[str]:
    """A table whose last ``numbers`` columns are numbers."""
    kinds = [_TEXT] * (len(head) - numbers) + [_NUMBER] * numbers
    return [_row(head), _row(kinds), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _safe(text: str) -> str:
    return escaped_line(text)


def _clock(at: datetime, report: DayReport) -> str:
    here = at.astimezone(ZoneInfo(report.time_zone))
    return f"{here:%H:%M}" if here.date() == report.day else f"{here:%Y-%m-%d %H:%M}"
