"""What the timeline of an incident says by itself; what somebody wrote stands there as it was written."""

from collections.abc import Iterable, Sequence

from chat_api.core.language import N_
from chat_api.core.stored_sentences import stored
from chat_api.fleet.schemas import RestartView
from chat_api.fleet.sentences import listed
from models import BotAction, RestartState

NAMED = 10
INCIDENT_OPENED = stored(N_("the incident opened"))
BOT_JOINED = stored(N_("the bot joined the incident"))
TAKEN_OVER = stored(N_("the incident was taken over"))
RECOVERED = stored(N_("Incident resolved."))
_GONE = {
    "bot": stored(N_("The bot left the fleet.")),
    "service": stored(N_("It is no longer configured.")),
    "address": stored(N_("No two bots share this address any more.")),
}
_AFFECTED_AT_ONCE = stored(N_("Affected at once: {names}."))
_ALSO_AFFECTED = stored(N_("Also affected: {names}."))
_RECOVERED = stored(N_("Recovered: {names}."))
_LEFT_FLEET = stored(N_("Left the fleet: {names}."))
_OTHER_REASON = stored(N_("{what} In trouble for another reason by now: {names}."))
_PART_OF = stored(N_("This turned out to be part of the incident of {name}."))
_TOOK_OVER = stored(N_("Took over the incident of {names}."))
_EVIDENCE = stored(N_("Evidence of {name} captured: {reason}."))
_EXITED = stored(N_("its container exited with code {code}"))
_OUT_OF_MEMORY = stored(N_("it ran out of memory (killed by the kernel)"))
_REMOVED = stored(N_("its container was removed"))
_JOINED = stored(N_("{what}; {rest}"))
_LINE = stored(N_("{what}."))
_LINES = stored(N_("{what}. {rest}."))
_REQUESTED = {
    BotAction.RESTART: stored(N_("Restart of {name} requested.")),
    BotAction.START: stored(N_("Start of {name} requested.")),
    BotAction.STOP: stored(N_("Stop of {name} requested.")),
}
_DONE = {
    BotAction.RESTART: stored(N_("{name} restarted.")),
    BotAction.START: stored(N_("{name} started.")),
    BotAction.STOP: stored(N_("{name} stopped.")),
}
_FAILED = {
    BotAction.RESTART: stored(N_("Restart of {name} failed.")),
    BotAction.START: stored(N_("Start of {name} failed.")),
    BotAction.STOP: stored(N_("Stop of {name} failed.")),
}
_FAILED_BECAUSE = {
    BotAction.RESTART: stored(N_("Restart of {name} failed. {reason}.")),
    BotAction.START: stored(N_("Start of {name} failed. {reason}.")),
    BotAction.STOP: stored(N_("Stop of {name} failed. {reason}.")),
}


def opened(title: str, detail: str) -> str:
    """What is wrong, and what was seen of it."""
    return sentence(f"{title}. {detail}" if detail else title)


def joined(parts: Iterable[str]) -> str:
    """What was seen of a bot, part by part, as a line of its own."""
    text = "; ".join(part for part in parts if part)[:1000]
    return text[:1].upper() + text[1:]


def exited(code: int) -> str:
    """How a bot's container ended."""
    return _EXITED.format(code=code)


def out_of_memory() -> str:
    """Why a bot's container ended."""
    return _OUT_OF_MEMORY


def removed() -> str:
    """That a bot's container is gone."""
    return _REMOVED


def affected_at_once(names: Iterable[str]) -> str:
    """Whom an incident hit when it opened."""
    return _AFFECTED_AT_ONCE.format(names=_named(names))


def also_affected(names: Iterable[str]) -> str:
    """Whom it hit later."""
    return _ALSO_AFFECTED.format(names=_named(names))


def recovered(names: Iterable[str]) -> str:
    """Who is well again while others are not."""
    return _RECOVERED.format(names=_named(names))


def left_fleet(names: Iterable[str]) -> str:
    """Who is not of the fleet any more."""
    return _LEFT_FLEET.format(names=_named(names))


def resolved(cause: str, *, is_gone: bool, others: Sequence[str]) -> str:
    """How an incident ended, and who fails for another reason by now."""
    what = _GONE[cause.partition(":")[0]] if is_gone else RECOVERED
    return _OTHER_REASON.format(what=what, names=_named(others)) if others else what


def part_of(cause: str) -> str:
    """Whose incident this one turned out to be."""
    return _PART_OF.format(name=cause.partition(":")[2])


def took_over(names: Iterable[str]) -> str:
    """Whose incidents went over into this one."""
    return _TOOK_OVER.format(names=_named(names))


def evidence_captured(bot_name: str, reason: str) -> str:
    """That there is evidence, and what it was captured for."""
    return _EVIDENCE.format(name=bot_name, reason=reason)


def restart_said(restart: RestartView) -> str:
    """That a restart, start or stop was requested, or how it ended."""
    if restart.is_running:
        return _REQUESTED[restart.action].format(name=restart.bot_name)
    if restart.state is not RestartState.FAILED:
        return _DONE[restart.action].format(name=restart.bot_name)
    if not restart.error:
        return _FAILED[restart.action].format(name=restart.bot_name)
    reason = restart.error.partition("\n")[0][:900].rstrip(".")
    return _FAILED_BECAUSE[restart.action].format(name=restart.bot_name, reason=reason)


def sentence(text: str) -> str:
    """A text with one full stop at its end."""
    return text[:1000].rstrip(".") + "."


def _named(names: Iterable[str]) -> str:
    return listed(sorted(names), most=NAMED)
