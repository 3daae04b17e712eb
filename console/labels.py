"""The words, colours and icons that Python and the browser code share; ``assets/js/we-labels.js`` reads them.

A state is always shown by all three together: by its colour alone nobody has to know it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

import orjson

from chat_api.bots.breaker import BreakerState
from chat_api.core.language import LANGUAGES
from chat_api.fleet.schemas import BotStatus, ServiceStatus, SystemStatus
from models import BotAction, RestartState


class Mark(NamedTuple):
    """How a state looks. ``weight``: the heaviest needs an operator first; ``title`` is said on hover."""

    label: str
    tone: str
    icon: str
    weight: int = 0
    title: str = ""


class Action(NamedTuple):
    """What can be done to a bot.

    ``is_felt``: people who talk with the bot notice; ``is_for_many``: it has a dialog for many bots; ``is_final``: it
    cannot be undone here.
    """

    label: str
    icon: str
    is_felt: bool = False
    is_for_many: bool = False
    is_final: bool = False


BOT: Final[Mapping[str, Mark]] = {
    BotStatus.OFFLINE: Mark("Offline", "bad", "offline", 7),
    BotStatus.MISADDRESSED: Mark("Misaddressed", "bad", "misaddressed", 7),
    BotStatus.QUARANTINED: Mark("Quarantined", "violet", "quarantined", 6),
    BotStatus.DEGRADED: Mark("Degraded", "warn", "degraded", 5),
    BotStatus.UNKNOWN: Mark("Unknown", "idle", "unknown", 4),
    BotStatus.RESTARTING: Mark("Restarting", "busy", "restarting", 3),
    BotStatus.STARTING: Mark("Starting", "busy", "starting", 2),
    BotStatus.MAINTENANCE: Mark("Maintenance", "violet", "maintenance", 1),
    BotStatus.ONLINE: Mark("Online", "ok", "online", 0),
}
SERVICE: Final[Mapping[str, Mark]] = {
    ServiceStatus.HEALTHY: Mark("Healthy", "ok", "online", 0),
    ServiceStatus.UNHEALTHY: Mark("Down", "bad", "offline", 7),
    ServiceStatus.UNKNOWN: Mark("Unknown", "idle", "unknown", 4),
    ServiceStatus.NOT_CONFIGURED: Mark("Not configured", "idle", "not_configured", 0),
}
SYSTEM: Final[Mapping[str, Mark]] = {
    SystemStatus.HEALTHY: Mark("Healthy", "ok", "online"),
    SystemStatus.DEGRADED: Mark("Degraded", "warn", "degraded"),
    SystemStatus.CRITICAL: Mark("Critical", "bad", "offline"),
}
# Of a bot's breaker, when it is not closed.
BREAKER: Final[Mapping[str, Mark]] = {
    BreakerState.OPEN: Mark("Paused", "warn", "paused", title="Calls are paused after many failures"),
    BreakerState.HALF_OPEN: Mark(
        "Trying", "busy", "starting", title="Calls were paused after many failures; the next one decides"
    ),
}
# One letter a status, for a bar of health checks is sent as a word of ninety.
LETTERS: Final[Mapping[str, str]] = {
    BotStatus.ONLINE: "o",
    BotStatus.DEGRADED: "d",
    BotStatus.STARTING: "s",
    BotStatus.RESTARTING: "r",
    BotStatus.OFFLINE: "x",
    BotStatus.MISADDRESSED: "a",
    BotStatus.QUARANTINED: "q",
    BotStatus.MAINTENANCE: "m",
    BotStatus.UNKNOWN: "u",
}
# In the order of menus.
ACTIONS: Final[Mapping[str, Action]] = {
    "restart": Action("Restart", "restart", is_felt=True),
    "start": Action("Start", "start"),
    "stop": Action("Stop", "stop", is_felt=True),
    "rolling": Action("Rolling restart", "restarting", is_felt=True, is_for_many=True),
    "maintenance": Action("Maintenance", "maintenance"),
    "end_maintenance": Action("End maintenance", "done"),
    "remove": Action("Remove", "delete", is_final=True),
}
STEPS: Final[Mapping[str, str]] = {
    RestartState.REQUESTED: "Requested",
    RestartState.STOPPING: "Stopping",
    RestartState.STARTING: "Starting",
    RestartState.HEALTH_CHECK: "Health check",
    RestartState.ONLINE: "Online",
    RestartState.STOPPED: "Stopped",
}
STEPS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    BotAction.RESTART: (
        RestartState.REQUESTED,
        RestartState.STOPPING,
        RestartState.STARTING,
        RestartState.HEALTH_CHECK,
        RestartState.ONLINE,
    ),
    BotAction.START: (
        RestartState.REQUESTED,
        RestartState.STARTING,
        RestartState.HEALTH_CHECK,
        RestartState.ONLINE,
    ),
    BotAction.STOP: (RestartState.REQUESTED, RestartState.STOPPING, RestartState.STOPPED),
}


@cache
def labels_json() -> str:
    """All of them, as the browser code reads them."""
    tables: dict[str, Mapping[str, NamedTuple]] = {
        "bot": BOT,
        "service": SERVICE,
        "system": SYSTEM,
        "breaker": BREAKER,
        "actions": ACTIONS,
    }
    told: dict[str, object] = {
        name: {key: row._asdict() for key, row in table.items()} for name, table in tables.items()
    }
    told |= {"letters": LETTERS, "steps": STEPS, "steps_of": STEPS_OF, "languages": LANGUAGES}
    return orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS).decode()


def labels_head() -> str:
    """What a page with components has in its head."""
    return f'<script type="application/json" id="we-labels">{labels_json()}</script>'
