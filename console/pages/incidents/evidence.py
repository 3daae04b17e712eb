"""The evidence of an incident as markup: how a bot ended, its last checks and the last lines of its log."""

from collections.abc import Mapping, Sequence
from html import escape

from chat_api.core.language import N_, _, ngettext
from chat_api.core.stored_sentences import in_own_language
from chat_api.incidents.schemas import EvidenceView
from console.labels import CONTAINERS
from console.widgets.fact_words import fact_label, facts_html, moment
from console.widgets.quantities import latency
from console.widgets.status_words import status_words

# Facts of evidence that are moments.
_TIMES = frozenset({"started_at", "last_answer"})
_FACTS: Mapping[str, str] = {
    "bot_status": N_("Bot status"),
    "state": N_("State"),
    "exit_code": N_("Exit code"),
    "oom_killed": N_("OOM killed"),
    "last_answer": N_("Last answer"),
    "started_at": N_("Started"),
    "restart_count": N_("Restarts"),
    "container": N_("Container"),
    "container_id": N_("Container ID"),
    "engine_health": N_("Engine health check"),
    "image": N_("Image"),
    "image_digest": N_("Image digest"),
    "last_error": N_("Last error"),
    "breaker": N_("Breaker"),
    "test_conversation": N_("Test message"),
}
_FIRST = ("bot_status", "state", "exit_code", "oom_killed", "last_answer", "started_at", "restart_count")


def evidence_panel(evidence: Sequence[EvidenceView]) -> str:
    """What was captured, each in a box that opens; the first one is open."""
    if not evidence:
        return f'<p class="we-muted">{_("Nothing captured: no bot was failing.")}</p>'
    return "".join(_evidence(one, is_open=number == 0) for number, one in enumerate(evidence))


def _evidence(evidence: EvidenceView, *, is_open: bool) -> str:
    facts = [
        (
            escape(_(_FACTS[name]) if name in _FACTS else fact_label(name)),
            _when(value) if name in _TIMES else escape(_said(name, value)),
        )
        for name, value in sorted(evidence.facts.items(), key=_importance)
        if value is not None
    ]
    name = escape(evidence.bot_name)
    checks = "".join(_check(check) for check in evidence.checks)
    parts = [facts_html(facts)]
    if checks:
        parts.append(f'<h3>{_("Last checks")}</h3><ol class="we-checks">{checks}</ol>')
    if evidence.log_lines:
        lines = escape("\n".join(evidence.log_lines))
        parts.append(
            f"<h3>{_last_lines(len(evidence.log_lines))}</h3>"
            f'<div class="we-log-lines" tabindex="0" role="region" aria-label="{_("Logs of {name}", name=name)}">'
            f"<pre>{lines}</pre></div>"
        )
    if evidence.problem:
        parts.append(f'<p class="we-muted">{escape(_(evidence.problem))}</p>')
    reason = escape(in_own_language(evidence.reason))
    return (
        f'<details class="we-evidence"{" open" if is_open else ""}><summary><span class="we-strong">{name}</span>'
        f' <span class="we-muted">{reason}, {moment(evidence.captured_at)}</span></summary>'
        f"{''.join(parts)}</details>"
    )


def _last_lines(count: int) -> str:
    return ngettext("Last log line", "Last {count} log lines", count)


def _importance(fact: tuple[str, object]) -> tuple[int, str]:
    """How an outage ended comes first; the store keeps facts in no order that means anything."""
    name = fact[0]
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _check(check: Mapping[str, object]) -> str:
    status = escape(_(status_words(str(check.get("status"))).label))
    return f"<li>{_when(check.get('at'))} <b>{status}</b>{_latency(check.get('latency_ms'))}</li>"


def _said(name: str, value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = str(value)
    if name == "state":
        return _(CONTAINERS.get(text, text))
    return _(status_words(text).label) if name == "bot_status" else text


def _when(at: object) -> str:
    return f'<we-time datetime="{escape(str(at))}"></we-time>'


def _latency(latency_ms: object) -> str:
    return f" {latency(latency_ms)}" if isinstance(latency_ms, (int, float)) else ""
