"""Incidents as markup: one element for a list or a part of a page. Everything that comes from outside is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from chat_api.core.language import N_, _, ngettext
from chat_api.core.stored_sentences import in_own_language
from chat_api.incidents.schemas import (
    IncidentDetails,
    IncidentEntryView,
    IncidentNumbers,
    IncidentState,
    IncidentView,
)
from console.labels import Mark
from console.widgets.fact_words import facts_html, moment, since
from console.widgets.marks import status_mark
from console.widgets.status_words import status_words
from console.widgets.timeline import duration
from models import IncidentEntryKind

_STATES = {
    IncidentState.OPEN: ("bad", "incident", N_("Open")),
    IncidentState.ACKNOWLEDGED: ("warn", "note", N_("Acknowledged")),
    IncidentState.RESOLVED: ("ok", "online", N_("Resolved")),
}
_KINDS = {
    IncidentEntryKind.OPENED: ("bad", "incident", N_("Opened")),
    IncidentEntryKind.REOPENED: ("bad", "incident", N_("Reopened")),
    IncidentEntryKind.BOT_JOINED: ("warn", "degraded", N_("Bots affected")),
    IncidentEntryKind.BOT_RECOVERED: ("ok", "online", N_("Bots recovered")),
    IncidentEntryKind.RESTART: ("busy", "restart", N_("Restart")),
    IncidentEntryKind.EVIDENCE: ("idle", "logs", N_("Evidence")),
    IncidentEntryKind.ACKNOWLEDGED: ("warn", "note", N_("Acknowledged")),
    IncidentEntryKind.NOTE: ("idle", "note", N_("Note")),
    IncidentEntryKind.MERGED: ("idle", "link", N_("Merged")),
    IncidentEntryKind.RESOLVED: ("ok", "online", N_("Resolved")),
}
_CAUSES = {
    "service": N_("Dependency: {name}"),
    "address": N_("Several bots at one address: {name}"),
    "bot": N_("Bot: {name}"),
}
_WRITTEN = frozenset({IncidentEntryKind.NOTE, IncidentEntryKind.ACKNOWLEDGED})
_MISSING = '<span class="we-muted">–</span>'
NAMED = 6


def incident_list(incidents: Sequence[IncidentView]) -> str:
    """The incidents, each a link to its page."""
    return f'<ul class="we-incidents">{"".join(_item(incident) for incident in incidents)}</ul>'


def incident_numbers(numbers: IncidentNumbers) -> str:
    """How often and how long."""
    cards = (
        (_("Open now"), str(numbers.open)),
        (_("Last 30 days"), str(numbers.opened)),
        (_("Mean time to resolve"), _duration(numbers.mean_s)),
        (_("Median"), _duration(numbers.median_s)),
        (_("Longest"), _duration(numbers.longest_s)),
    )
    return '<dl class="we-numbers">' + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in cards) + "</dl>"


def incident_banner(incident: IncidentView) -> str:
    """What is wrong, in one line, and for how long."""
    tone = {"open": "bad", "acknowledged": "warn", "resolved": "ok"}[incident.state]
    return (
        f'<div class="we-banner we-tone-{tone}" role="status">{state_badge(incident.state)}'
        f'<span class="we-headline">{escape(in_own_language(incident.headline))}</span>'
        f'<span class="we-muted">{_lasted(incident)}</span></div>'
    )


def incident_facts(incident: IncidentView) -> str:
    """Cause, times, and who takes care."""
    kind, name = incident.cause.split(":", 1)
    facts = [
        (_("Root cause"), _(_CAUSES[kind], name=escape(name))),
        (_("Symptoms"), escape(in_own_language(incident.detail)) or _MISSING),
        (_("Opened"), moment(incident.opened_at)),
        (_("Resolved"), moment(incident.resolved_at) if incident.resolved_at else _("not yet")),
        (_("Duration"), _duration(incident.duration_s) if incident.resolved_at else _MISSING),
        (_("Bots"), _affected(incident)),
    ]
    if incident.reopened:
        facts.append((_("Reopened"), ngettext("{count} time", "{count} times", incident.reopened)))
    if incident.acknowledged_at is not None:
        when, by = moment(incident.acknowledged_at), escape(incident.acknowledged_by or "")
        facts.append((_("Acknowledged"), _("{when} by {name}", when=when, name=by)))
        facts.append((_("Acknowledgement note"), escape(incident.acknowledge_reason or "")))
    if incident.merged_into is not None:
        link = f'<a href="/admin/incidents/{incident.merged_into}">{_("another incident")}</a>'
        facts.append((_("Merged into"), link))
    return facts_html(facts)


def _affected(incident: IncidentView) -> str:
    if not incident.failing:
        return _("{count} affected", count=incident.affected)
    return _("{count} affected, {failing} still failing", count=incident.affected, failing=incident.failing)


def incident_bots(details: IncidentDetails) -> str:
    """The bots: those that fail first, then those that recovered, then those that only depend on what is down."""
    hit = sorted((bot for bot in details.bots if bot.failed_at), key=lambda bot: (not bot.is_failing, bot.bot_name))
    spared = [bot.bot_name for bot in details.bots if not bot.failed_at]
    rows = []
    for bot in hit:
        word = status_words(bot.status).label if bot.is_failing else N_("Recovered")
        tone, symbol = ("bad", "offline") if bot.is_failing else ("ok", "online")
        error = f'<div class="we-muted">{escape(bot.error)}</div>' if bot.error else ""
        rows.append(f"<li>{_link(bot.bot_name)}{_badge(tone, symbol, word)}{error}</li>")
    text = (
        f'<ul class="we-incident-bots">{"".join(rows)}</ul>'
        if rows
        else f'<p class="we-muted">{_("No bots failed.")}</p>'
    )
    if spared:
        names = ", ".join(_link(name) for name in sorted(spared))
        text += f'<p class="we-muted">{_("Depend on it, but not affected: {names}", names=names)}</p>'
    return text


def timeline(entries: Iterable[IncidentEntryView]) -> str:
    """What happened, oldest first."""
    return f'<ol class="we-timeline">{"".join(_entry(entry) for entry in entries)}</ol>'


def state_badge(state: IncidentState) -> str:
    """An incident's state as colour, icon and word."""
    return _badge(*_STATES[state])


def _item(incident: IncidentView) -> str:
    names, more = ", ".join(incident.bot_names[:NAMED]), len(incident.bot_names) - NAMED
    who = _("{names} and {count} more", names=names, count=more) if more > 0 else names
    if incident.acknowledged_by:
        who += " · " + _("acknowledged by {name}", name=incident.acknowledged_by)
    return (
        f'<li><a href="/admin/incidents/{incident.incident_id}" data-state="{incident.state}">'
        f"{state_badge(incident.state)}"
        f'<span class="we-incident-what"><span class="we-strong">{escape(in_own_language(incident.headline))}</span>'
        f'<span class="we-muted">{escape(in_own_language(incident.detail) or names)}</span></span>'
        f'<span class="we-muted we-incident-who">{escape(who)}</span>'
        f'<span class="we-muted we-incident-when">{_lasted(incident)}</span></a></li>'
    )


def _lasted(incident: IncidentView) -> str:
    if incident.resolved_at is None:
        return _("for {time}", time=since(incident.opened_at))
    return f"{_('lasted {time}', time=_duration(incident.duration_s))} · {moment(incident.opened_at)}"


def _entry(entry: IncidentEntryView) -> str:
    tone, symbol, word = _KINDS[entry.kind]
    who = _("by {name}", name=escape(entry.actor_name)) if entry.actor_name else ""
    content = f'<div class="we-entry-text">{escape(_content(entry))}</div>'
    head = f'<span class="we-entry-head">{_badge(tone, symbol, word)}<span class="we-muted">{who}</span></span>'
    return f"<li>{head}{moment(entry.at)}{content}</li>"


def _content(entry: IncidentEntryView) -> str:
    """What people wrote is shown as they wrote it."""
    return entry.content if entry.kind in _WRITTEN else in_own_language(entry.content)


def _badge(tone: str, symbol: str, word: str) -> str:
    return status_mark(Mark(word, tone, symbol))


def _link(bot_name: str) -> str:
    return f'<a href="/admin/bots/{escape(bot_name)}">{escape(bot_name)}</a>'


def _duration(seconds: float | None) -> str:
    return duration(seconds) if seconds is not None else _MISSING
