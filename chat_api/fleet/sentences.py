"""What is said of a bot or a dependency in trouble, in the titles of incidents and alerts."""

from collections.abc import Mapping

from chat_api.core.language import N_
from chat_api.core.stored_sentences import stored
from chat_api.fleet.schemas import BotStatus

_BOT_IS: Mapping[str, str] = {
    BotStatus.OFFLINE: stored(N_("{name} is offline")),
    BotStatus.MISADDRESSED: stored(N_("{name} is misaddressed")),
    BotStatus.QUARANTINED: stored(N_("{name} is quarantined")),
    BotStatus.DEGRADED: stored(N_("{name} is degraded")),
    BotStatus.STARTING: stored(N_("{name} does not come up")),
    BotStatus.UNKNOWN: stored(N_("{name} was not seen for a while")),
}
# By what is wrong with it, as its check says so.
_SERVICE_IS: Mapping[str, str] = {
    "is down": stored(N_("{service} is down")),
    "was down": stored(N_("{service} was down")),
    "does not answer": stored(N_("{service} does not answer")),
    "lacks a permission": stored(N_("{service} lacks a permission")),
    "takes no writes": stored(N_("{service} takes no writes")),
    "refuses requests": stored(N_("{service} refuses requests")),
    "has not been seen lately": stored(N_("{service} has not been seen lately")),
}
_AFFECTED = stored(N_("{what}: {count} bots affected"))
_ONE_AFFECTED = stored(N_("{what}: {count} bot affected"))
_AT_ONE_ADDRESS = stored(N_("{count} bots are configured at {address}"))
_NAMES = stored(N_("{names} and {count} more"))


def bot_trouble(display_name: str, status: BotStatus) -> str:
    """A bot and what is wrong with it."""
    return _BOT_IS[status].format(name=display_name)


def service_trouble(title: str, fault: str) -> str:
    """A dependency and what is wrong with it."""
    template = _SERVICE_IS.get(fault)
    return template.format(service=title) if template else f"{title} {fault}"


def with_affected(what: str, count: int) -> str:
    """What is wrong, and how many bots it hit."""
    return (_ONE_AFFECTED if count == 1 else _AFFECTED).format(what=what, count=count)


def at_one_address(count: int, address: str) -> str:
    """Several bots that are configured at the same address."""
    return _AT_ONE_ADDRESS.format(count=count, address=address)


def listed(names: list[str], *, most: int) -> str:
    """Names, and how many more there are than fit."""
    shown = ", ".join(names[:most])
    return _NAMES.format(names=shown, count=len(names) - most) if len(names) > most else shown
