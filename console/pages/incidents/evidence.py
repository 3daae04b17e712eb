"""The evidence of an incident as markup: how a bot ended, its last checks and the last lines of its log."""

from collections.abc import Mapping, Sequence
from html import escape

from chat_api.incidents.schemas import EvidenceView
from console.widgets.fact_words import fact_label, facts_html, moment

# Facts of evidence that are moments.
_TIMES = frozenset({"started_at", "last_answer"})
_FIRST = ("bot_status", "state", "exit_code", "oom_killed", "last_answer", "started_at", "restart_count")


def evidence_panel(evidence: Sequence[EvidenceView]) -> str:
    """What was captured, each in a box that opens; the first one is open."""
    if not evidence:
        return '<p class="we-muted">Nothing was captured: there was no bot in trouble to ask.</p>'
    return "".join(_evidence(one, is_open=number == 0) for number, one in enumerate(evidence))


def _evidence(evidence: EvidenceView, *, is_open: bool) -> str:
    facts = [
        (escape(fact_label(name)), _when(value) if name in _TIMES else escape(_said(value)))
        for name, value in sorted(evidence.facts.items(), key=_importance)
        if value is not None
    ]
    name = escape(evidence.bot_name)
    checks = "".join(_check(check) for check in evidence.checks)
    parts = [facts_html(facts)]
    if checks:
        parts.append(f'<h3>Last checks</h3><ol class="we-checks">{checks}</ol>')
    if evidence.log_lines:
        lines = escape("\n".join(evidence.log_lines))
        parts.append(
            f"<h3>{_last_lines(len(evidence.log_lines))}</h3>"
            f'<div class="we-log-lines" tabindex="0" role="region" aria-label="Log lines of {name}">'
            f"<pre>{lines}</pre></div>"
        )
    if evidence.problem:
        parts.append(f'<p class="we-muted">{escape(evidence.problem)}</p>')
    return (
        f'<details class="we-evidence"{" open" if is_open else ""}><summary><span class="we-strong">{name}</span>'
        f' <span class="we-muted">{escape(evidence.reason)}, {moment(evidence.captured_at)}</span></summary>'
        f"{''.join(parts)}</details>"
    )


def _last_lines(count: int) -> str:
    return "Last log line" if count == 1 else f"Last {count} log lines"


def _importance(fact: tuple[str, object]) -> tuple[int, str]:
    """How an outage ended comes first; the store keeps facts in no order that means anything."""
    name, _ = fact
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _check(check: Mapping[str, object]) -> str:
    status = escape(str(check.get("status")))
    return f"<li>{_when(check.get('at'))} <b>{status}</b>{_latency(check.get('latency_ms'))}</li>"


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _when(at: object) -> str:
    return f'<we-time datetime="{escape(str(at))}"></we-time>'


def _latency(latency_ms: object) -> str:
    return f" {latency_ms:.0f} ms" if isinstance(latency_ms, (int, float)) else ""
