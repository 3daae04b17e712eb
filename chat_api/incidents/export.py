"""An incident as a Markdown document. What others wrote is escaped, or fenced so that it cannot end the fence."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from chat_api.changes.schemas import ChangeEntry, ChangesSince
from chat_api.core.markdown import escaped_line
from chat_api.incidents.schemas import EvidenceView, IncidentBotView, IncidentDetails

_BACKTICKS = re.compile(r"`+")


def incident_markdown(details: IncidentDetails) -> str:
    """The whole incident, ready to be saved or pasted into a ticket."""
    incident = details.incident
    facts = [
        ("State", incident.state),
        ("Cause", incident.cause),
        ("Opened", _time(incident.opened_at)),
        ("Resolved", _time(incident.resolved_at) if incident.resolved_at else "not yet"),
        ("Duration", duration_words(incident.duration_s)),
        ("Symptoms", incident.detail or "–"),
    ]
    if incident.acknowledged_at is not None:
        facts.append(("Acknowledged", f"{_time(incident.acknowledged_at)} by {incident.acknowledged_by}"))
        facts.append(("Reason", incident.acknowledge_reason or ""))
    if incident.reopened:
        facts.append(("Reopened", f"{incident.reopened} times"))
    lines = [f"# {escaped_line(incident.headline)}", "", *_table(("Fact", "Value"), facts), "", "## Bots", ""]
    lines += _table(("Bot", "Failed", "Recovered", "Last error"), [_bot(bot) for bot in details.bots])
    if details.changes:
        lines += ["", "## What changed", ""]
        for since in details.changes:
            lines += _changes(since)
    lines += ["", "## Timeline", ""]
    for entry in details.timeline:
        who = f" ({escaped_line(entry.actor_name)})" if entry.actor_name else ""
        lines.append(f"- {_time(entry.at)} **{entry.kind.replace('_', ' ')}**{who}: {escaped_line(entry.content)}")
    lines += ["", "## Evidence", ""]
    for evidence in details.evidence:
        lines += _evidence(evidence)
    return "\n".join(lines) + "\n"


def duration_words(seconds: float) -> str:
    """A duration for people: its two largest units."""
    minutes, whole_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole_s} s" if minutes else f"{whole_s} s"


def _changes(since: ChangesSince) -> list[str]:
    """What is different of one bot since it was last healthy."""
    when = f"since it was last healthy, {_time(since.healthy_at)}" if since.healthy_at else "as far as is known"
    starts = f"{since.starts} start{'' if since.starts == 1 else 's'} known"
    said = f"{when} ({starts})"
    name = escaped_line(since.bot_name)
    if not since.changes:
        lines = [f"- **{name}**: nothing we know of changed {said}."]
    else:
        lines = [f"- **{name}**, {said}:", *(f"  - {_change(entry)}" for entry in since.changes)]
    last = since.last_change
    if last is not None and last.changes != since.changes:
        lines += [f"  - Last change, {_time(last.at)}:", *(f"    - {_change(entry)}" for entry in last.changes)]
    return lines


def _change(entry: ChangeEntry) -> str:
    what = f"{entry.kind} {escaped_line(entry.name)}"
    if entry.is_hidden:
        return f"{what}: {entry.change} (value hidden)"
    if entry.before is None or entry.after is None:
        return f"{what}: {entry.change} ({escaped_line(entry.after or entry.before or '')})"
    return f"{what}: {escaped_line(entry.before)} → {escaped_line(entry.after)}"


def _evidence(evidence: EvidenceView) -> list[str]:
    facts = [(name.replace("_", " "), str(value)) for name, value in evidence.facts.items() if value is not None]
    checks = [
        (str(check.get("at")), str(check.get("status")), str(check.get("latency_ms"))) for check in evidence.checks
    ]
    lines = [
        f"### {escaped_line(evidence.bot_name)}, {_time(evidence.captured_at)}",
        "",
        f"{escaped_line(evidence.reason)}.",
        "",
    ]
    lines += [*_table(("Fact", "Value"), facts), ""]
    if checks:
        lines += [*_table(("Check", "Status", "Latency in ms"), checks), ""]
    if evidence.problem:
        lines += [escaped_line(evidence.problem), ""]
    if evidence.log_lines:
        lines += [*_fenced(evidence.log_lines), ""]
    return lines


def _fenced(log_lines: Sequence[str]) -> list[str]:
    """The lines in a fence longer than any run of backticks in them, so that none of them ends it."""
    longest = max((len(run) for line in log_lines for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *(" ".join(line.splitlines()) for line in log_lines), fence]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(escaped_line(cell) for cell in row)} |" for row in rows]


def _bot(bot: IncidentBotView) -> tuple[str, str, str, str]:
    if bot.failed_at is None:
        return bot.bot_name, "no, depends on it", "", ""
    recovered = _time(bot.recovered_at) if bot.recovered_at else "no"
    return bot.bot_name, _time(bot.failed_at), recovered, bot.error or ""


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
