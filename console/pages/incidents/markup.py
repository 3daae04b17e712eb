"""Incidents as markup: one element for a list or a part of a page. Everything that comes from outside is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from chat_api.incidents.export import duration_words
from chat_api.incidents.schemas import (
    IncidentDetails,
    IncidentEntryView,
    IncidentNumbers,
    IncidentState,
    IncidentView,
)
from console.labels import Mark
from console.widgets.fact_words import facts_html, moment
from console.widgets.marks import status_mark
from models import IncidentEntryKind

_STATES = {
    IncidentState.OPEN: ("bad", "incident", "Open"),
    IncidentState.ACKNOWLEDGED: ("warn", "note", "Acknowledged"),
    IncidentState.RESOLVED: ("ok", "online", "Resolved"),
}
_KINDS = {
    IncidentEntryKind.OPENED: ("bad", "incident", "Opened"),
    IncidentEntryKind.REOPENED: ("bad", "incident", "Reopened"),
    IncidentEntryKind.BOT_JOINED: ("warn", "degraded", "Bots affected"),
    IncidentEntryKind.BOT_RECOVERED: ("ok", "online", "Bots recovered"),
    IncidentEntryKind.RESTART: ("busy", "restart", "Restart"),
    IncidentEntryKind.EVIDENCE: ("idle", "logs", "Evidence"),
    IncidentEntryKind.ACKNOWLEDGED: ("warn", "note", "Acknowledged"),
    IncidentEntryKind.NOTE: ("idle", "note", "Note"),
    IncidentEntryKind.MERGED: ("idle", "link", "Merged"),
    IncidentEntryKind.RESOLVED: ("ok", "online", "Resolved"),
}
_MISSING = '<span class="we-muted">–</span>'
NAMED = 6


def incident_list(incidents: Sequence[IncidentView]) -> str:
    """The incidents, each a link to its page."""
    return f'<ul class="we-incidents">{"".join(_item(incident) for incident in incidents)}</ul>'


def incident_numbers(numbers: IncidentNumbers) -> str:
    """How often and how long."""
    cards = (
        ("Open now", str(numbers.open)),
        ("In the last 30 days", str(numbers.opened)),
        ("Mean time to resolve", _duration(numbers.mean_s)),
        ("Median", _duration(numbers.median_s)),
        ("Longest", _duration(numbers.longest_s)),
    )
    return '<dl class="we-numbers">' + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in cards) + "</dl>"


def incident_banner(incident: IncidentView) -> str:
    """What is wrong, in one line, and for how long."""
    tone = {"open": "bad", "acknowledged": "warn", "resolved": "ok"}[incident.state]
    return (
        f'<div class="we-banner we-tone-{tone}" role="status">{state_badge(incident.state)}'
        f'<span class="we-headline">{escape(incident.headline)}</span>'
        f'<span class="we-muted">{_lasted(incident)}</span></div>'
    )


def incident_facts(incident: IncidentView) -> str:
    """Cause, times, and who takes care."""
    kind, _, name = incident.cause.partition(":")
    facts = [
        ("Root cause", f"{'The dependency' if kind == 'service' else 'The bot'} {escape(name)} itself"),
        ("Symptoms", escape(_sentence(incident.detail)) or _MISSING),
        ("Opened", moment(incident.opened_at)),
        ("Resolved", moment(incident.resolved_at) if incident.resolved_at else "not yet"),
        ("Lasted", _duration(incident.duration_s) if incident.resolved_at else _MISSING),
        ("Bots", f"{incident.affected} affected" + (f", {incident.failing} still failing" if incident.failing else "")),
    ]
    if incident.reopened:
        facts.append(("Came back", f"{incident.reopened} time{'s' if incident.reopened > 1 else ''}"))
    if incident.acknowledged_at is not None:
        by = escape(incident.acknowledged_by or "")
        facts.append(("Acknowledged", f"{moment(incident.acknowledged_at)} by {by}"))
        facts.append(("Reason", escape(incident.acknowledge_reason or "")))
    if incident.merged_into is not None:
        facts.append(("Part of", f'<a href="/admin/incidents/{incident.merged_into}">another incident</a>'))
    return facts_html(facts)


def incident_bots(details: IncidentDetails) -> str:
    """The bots: those that fail first, then those that recovered, then those that only depend on what is down."""
    hit = sorted((bot for bot in details.bots if bot.failed_at), key=lambda bot: (not bot.is_failing, bot.bot_name))
    spared = [bot.bot_name for bot in details.bots if not bot.failed_at]
    rows = []
    for bot in hit:
        tone, symbol, word = ("bad", "offline", bot.status) if bot.is_failing else ("ok", "online", "recovered")
        error = f'<div class="we-muted">{escape(bot.error)}</div>' if bot.error else ""
        rows.append(f"<li>{_link(bot.bot_name)}{_badge(tone, symbol, escape(word))}{error}</li>")
    text = f'<ul class="we-incident-bots">{"".join(rows)}</ul>' if rows else '<p class="we-muted">None failed.</p>'
    if spared:
        names = ", ".join(_link(name) for name in sorted(spared))
        text += f'<p class="we-muted">Depend on it and are not affected: {names}</p>'
    return text


def timeline(entries: Iterable[IncidentEntryView]) -> str:
    """What happened, oldest first."""
    return f'<ol class="we-timeline">{"".join(_entry(entry) for entry in entries)}</ol>'


def state_badge(state: IncidentState) -> str:
    """An incident's state as colour, icon and word."""
    return _badge(*_STATES[state])


def _item(incident: IncidentView) -> str:
    names = ", ".join(incident.bot_names[:NAMED])
    more = f" and {len(incident.bot_names) - NAMED} more" if len(incident.bot_names) > NAMED else ""
    who = f" by {escape(incident.acknowledged_by)}" if incident.acknowledged_by else ""
    return (
        f'<li><a href="/admin/incidents/{incident.incident_id}" data-state="{incident.state}">'
        f"{state_badge(incident.state)}"
        f'<span class="we-incident-what"><span class="we-strong">{escape(incident.headline)}</span>'
        f'<span class="we-muted">{escape(_sentence(incident.detail) or names)}</span></span>'
        f'<span class="we-muted we-incident-who">{escape(names + more)}{who}</span>'
        f'<span class="we-muted we-incident-when">{_lasted(incident)}</span></a></li>'
    )


def _lasted(incident: IncidentView) -> str:
    opened = moment(incident.opened_at)
    if incident.resolved_at is None:
        return f"since {opened}"
    return f"{opened}, for {_duration(incident.duration_s)}"


def _entry(entry: IncidentEntryView) -> str:
    tone, symbol, word = _KINDS[entry.kind]
    who = f'<span class="we-muted">by {escape(entry.actor_name)}</span>' if entry.actor_name else ""
    content = f'<div class="we-entry-text">{escape(entry.content)}</div>'
    head = f'<span class="we-entry-head">{_badge(tone, symbol, word)}{who}</span>'
    return f"<li>{head}{moment(entry.at)}{content}</li>"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _badge(tone: str, symbol: str, word: str) -> str:
    return status_mark(Mark(word, tone, symbol))


def _link(bot_name: str) -> str:
    return f'<a href="/admin/bots/{escape(bot_name)}">{escape(bot_name)}</a>'


def _duration(seconds: float | None) -> str:
    return duration_words(seconds) if seconds is not None else _MISSING
