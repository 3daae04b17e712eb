"""How far a restart, a start or a stop is, as markup; the browser counts its seconds."""

from chat_api.core.language import _
from chat_api.fleet.schemas import RestartView
from console.labels import STEPS, STEPS_OF
from console.widgets.fact_words import since
from console.widgets.quantities import span


def restart_progress(action: RestartView, title: str) -> str:
    """The step it is at, and one mark a step. ``title`` is the bot's, as markup."""
    states = STEPS_OF[action.action]
    reached = states.index(action.state) if action.state in states else -1
    time = since(
        action.requested_at,
        after=_("of ~{estimate}", estimate=span(action.estimate_s)),
        limit_s=action.estimate_s,
        late=_("longer than usual"),
        classes="we-number",
    )
    steps = "".join(_step(_(STEPS[state]), at - reached) for at, state in enumerate(states))
    now = _(STEPS[states[reached]]) if reached >= 0 else ""
    return (
        f'<div class="we-restart" data-testid="action-progress" data-state="{action.state}">'
        f'<div class="we-restart-text"><span class="we-now">{now}</span>{time}</div>'
        f'<ol class="we-steps" aria-label="{_("Progress of {bot}", bot=title)}">{steps}</ol></div>'
    )


def _step(label: str, ahead: int) -> str:
    """``ahead``: by how many steps it comes after the one that is reached."""
    kind = ' class="we-done"' if ahead < 0 else ' class="we-now" aria-current="step"' if ahead == 0 else ""
    return f'<li{kind}><span class="we-hidden">{label}</span></li>'
