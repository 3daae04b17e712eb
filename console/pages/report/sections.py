"""The parts of a report: its figures as tiles, and a table for each thing that happened."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from chat_api.core.language import N_, _
from chat_api.reports.figures import MISSING, Figure, figures, number, percent, seconds
from chat_api.reports.schemas import BotDay, DayReport, IncidentDay
from console.labels import ACTIONS
from console.pages.alerts.labels import SEVERITIES, SEVERITY_TONES
from console.widgets.records import RecordsTable, column, heading
from console.widgets.timeline import duration

BOTS = (
    column("bot", N_("Bot"), kind="link"),
    column("uptime", N_("Uptime"), kind="number"),
    column("outages", N_("Outages"), kind="number"),
    column("people", N_("People"), kind="number"),
    column("messages", N_("Messages"), kind="number"),
    column("failed", N_("Failed"), kind="number"),
    column("p50", "p50", kind="number"),
    column("p95", "p95", kind="number"),
)
MODES = (
    column("mode", N_("Mode")),
    column("answers", N_("Answers"), kind="number"),
    column("share", N_("Share"), kind="number"),
    column("p95", "p95", kind="number"),
)
QUEUES = (
    column("queue", N_("Queue")),
    column("peak", N_("Longest"), kind="number"),
    column("peak_at", N_("At"), kind="moment"),
)
INCIDENTS = (
    column("opened_at", N_("Opened"), kind="moment"),
    column("title", N_("Incident"), kind="link"),
    column("cause", N_("Cause")),
    column("duration", N_("Duration"), kind="number"),
    column("bots", N_("Bots"), kind="number"),
)
ALERTS = (
    column("opened_at", N_("Opened"), kind="moment"),
    column("severity", N_("Severity"), kind="status"),
    column("title", N_("Alert")),
)
RESTARTS = (
    column("by", N_("By")),
    column("action", N_("Action")),
    column("bots", N_("Bots"), kind="long"),
    column("count", N_("Count"), kind="number"),
    column("failed", N_("Failed"), kind="number"),
)
CHANGES = (
    column("actor", N_("User")),
    column("action", N_("Action")),
    column("count", N_("Count"), kind="number"),
)
# What is better when there is less of it.
_WORSE_WHEN_MORE = frozenset({"failed", "p50_s", "p95_s", "incidents", "alerts", "restarts"})


def figures_html(report: DayReport) -> str:
    """The figures as tiles, with what changed."""
    return f'<dl class="we-totals we-report-figures">{"".join(map(_tile, figures(report)))}</dl>'


def _tile(figure: Figure) -> str:
    changes = (
        (figure.than_day_before, _("vs. the day before")),
        (figure.than_week_before, _("vs. a week earlier")),
    )
    lines = "".join(
        f'<dd class="we-report-change"><span class="we-status-{_tone(figure.key, change)}">{escape(change)}</span>'
        f" {escape(words)}</dd>"
        for change, words in changes
        if change
    )
    return f'<div class="we-total"><dt>{escape(figure.label)}</dt><dd>{escape(figure.value)}</dd>{lines}</div>'


def _tone(key: str, change: str) -> str:
    """Only what is better or worse has a colour: more messages are neither."""
    if change.startswith("±") or key in {"messages", "people"}:
        return "idle"
    return "bad" if change.startswith("+") == (key in _WORSE_WHEN_MORE) else "ok"


def sections(report: DayReport) -> None:
    """A table for each thing of which there is something; without incidents that is said, too."""
    _table(BOTS, _("Bots"), [_bot(one) for one in report.bots], empty=_("No bots were observed."))
    modes = [
        {
            "key": one.mode,
            "mode": one.mode,
            "answers": number(one.answers),
            "share": percent(one.share),
            "p95": seconds(one.p95_s),
        }
        for one in report.modes
    ]
    if modes:
        _table(MODES, _("Modes"), modes)
    if report.queues:
        queues = [
            {"key": one.queue, "queue": one.queue, "peak": number(one.peak), "peak_at": one.peak_at.isoformat()}
            for one in report.queues
        ]
        _table(QUEUES, _("Queues"), queues)
    _table(
        INCIDENTS, _("Incidents"), [_incident(one) for one in report.incidents], empty=_("No incidents on this day.")
    )
    if report.alerts:
        _table(ALERTS, _("Alerts"), _alerts(report))
    if report.restarts:
        _table(RESTARTS, _("Restarts"), _restarts(report))
    if report.changes:
        changes = [
            {"key": f"{one.actor} {one.action}", "actor": one.actor, "action": one.action, "count": number(one.count)}
            for one in report.changes
        ]
        _table(CHANGES, _("Actions"), changes)


def _table(columns: Sequence[dict[str, Any]], title: str, rows: Sequence[dict[str, Any]], *, empty: str = "") -> None:
    lead: Callable[[], object] = lambda: heading(title)  # noqa: E731
    RecordsTable(columns, rows, empty=empty, lead=lead, has_filter=False)


def _bot(bot: BotDay) -> dict[str, Any]:
    return {
        "key": bot.bot_name,
        "bot": bot.bot_name,
        "href": f"/admin/bots/{bot.bot_name}",
        "uptime": percent(bot.uptime),
        "uptime_number": bot.uptime if bot.uptime is not None else -1,
        "outages": number(bot.outages) if bot.uptime is not None else MISSING,
        "people": number(bot.people),
        "messages": number(bot.messages),
        "failed": number(bot.failed),
        "p50": seconds(bot.p50_s),
        "p50_number": bot.p50_s or 0,
        "p95": seconds(bot.p95_s),
        "p95_number": bot.p95_s or 0,
    }


def _incident(incident: IncidentDay) -> dict[str, Any]:
    return {
        "key": str(incident.incident_id),
        "opened_at": incident.opened_at.isoformat(),
        "title": incident.title,
        "href": f"/admin/incidents/{incident.incident_id}",
        "cause": incident.cause,
        "duration": duration(incident.duration_s),
        "duration_number": incident.duration_s,
        "note": "" if incident.resolved_at else _("open"),
        "bots": number(incident.bots),
    }


def _alerts(report: DayReport) -> list[dict[str, Any]]:
    rows = []
    for place, one in enumerate(report.alerts):
        tone, symbol = SEVERITY_TONES[one.severity]
        rows.append(
            {
                "key": str(place),
                "opened_at": one.opened_at.isoformat(),
                "severity": _(SEVERITIES[one.severity]),
                "tone": tone,
                "symbol": symbol,
                "title": one.title,
            }
        )
    return rows


def _restarts(report: DayReport) -> list[dict[str, Any]]:
    return [
        {
            "key": f"{one.requested_by} {one.action} {one.origin}",
            "by": one.requested_by,
            "action": _(ACTIONS[one.action].label) if one.action in ACTIONS else one.action,
            "bots": ", ".join(one.bot_names),
            "count": number(one.count),
            "failed": number(one.failed),
        }
        for one in report.restarts
    ]
