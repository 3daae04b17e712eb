"""What the Checks pages call things."""

from typing import Final

from chat_api.checks.schemas import CheckPrompt, Expectation, Failure, RunView
from chat_api.core.language import N_, _
from console.labels import Mark
from console.widgets.quantities import whole
from models import CheckRunState

STATES: Final = {
    CheckRunState.RUNNING: Mark(N_("Running"), "busy", "restarting"),
    CheckRunState.DONE: Mark(N_("Passed"), "ok", "online"),
    CheckRunState.STOPPED: Mark(N_("Stopped"), "warn", "stop"),
    CheckRunState.INTERRUPTED: Mark(N_("Interrupted"), "warn", "unknown"),
}
FAILED: Final = Mark(N_("Failed"), "bad", "offline")
PASSED: Final = Mark(N_("Passed"), "ok", "online")
WAITING: Final = Mark(N_("Waiting"), "idle", "paused")
NOT_ASKED: Final = Mark(N_("Not asked"), "idle", "unknown")


def mark_of(run: RunView) -> Mark:
    """How a run is; one that is done and has failures failed."""
    return FAILED if run.state is CheckRunState.DONE and run.failed else STATES[run.state]


def score(run: RunView) -> str:
    """How many answers passed."""
    return _("{count} of {total}", count=whole(run.passed), total=whole(run.total))


def failure_words(failure: Failure) -> str:
    """What an answer fails, as a sentence."""
    expected = failure.expected
    return {
        Expectation.ERROR: _("No answer: {reason}", reason=expected),
        Expectation.NOT_EMPTY: _("The answer is empty."),
        Expectation.TRUNCATED: _("The answer broke off."),
        Expectation.NO_APOLOGY: _("It is a stock apology."),
        Expectation.CONTAINS: _("“{text}” is missing.", text=expected),
        Expectation.EXCLUDES: _("“{text}” must not be in it.", text=expected),
        Expectation.MATCHES: _("It doesn't match {pattern}.", pattern=expected),
        Expectation.MAX_S: _("It took longer than {time}.", time=expected),
    }[failure.kind]


def expectations(prompt: CheckPrompt) -> list[str]:
    """What is expected of an answer, in a few words each."""
    words = [_("contains “{text}”", text=text) for text in prompt.contains]
    words += [_("without “{text}”", text=text) for text in prompt.excludes]
    if prompt.matches:
        words.append(_("matches {pattern}", pattern=prompt.matches))
    if prompt.max_s is not None:
        words.append(_("within {time}", time=f"{prompt.max_s:g} s"))
    if not prompt.is_answer_required:
        words.append(_("may be empty"))
    if not prompt.is_apology_refused:
        words.append(_("may apologize"))
    return words or [_("any answer")]
