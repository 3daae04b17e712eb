"""The words, colours and icons that Python and the browser code share; ``assets/js/we-labels.js`` reads them.

A state is always shown by all three together: by its colour alone nobody has to know it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

import orjson

from chat_api.bots.breaker import BreakerState
from chat_api.core.language import LANGUAGES, N_
from chat_api.engine.schemas import ContainerState
from chat_api.fleet.schemas import BotStatus, PartRole, ServiceStatus, SystemStatus
from console.bot_words import MODEL_SILENT, NOTES, WHY_NOT
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
    BotStatus.OFFLINE: Mark(N_("Offline"), "bad", "offline", 7),
    BotStatus.MISADDRESSED: Mark(N_("Misaddressed"), "bad", "misaddressed", 7),
    BotStatus.QUARANTINED: Mark(N_("Quarantined"), "violet", "quarantined", 6),
    BotStatus.DEGRADED: Mark(N_("Degraded"), "warn", "degraded", 5),
    BotStatus.UNKNOWN: Mark(N_("Unknown"), "idle", "unknown", 4),
    BotStatus.RESTARTING: Mark(N_("Restarting"), "busy", "restarting", 3),
    BotStatus.STARTING: Mark(N_("Starting"), "busy", "starting", 2),
    BotStatus.MAINTENANCE: Mark(N_("Maintenance"), "violet", "maintenance", 1),
    BotStatus.ONLINE: Mark(N_("Online"), "ok", "online", 0),
}
SERVICE: Final[Mapping[str, Mark]] = {
    ServiceStatus.HEALTHY: Mark(N_("Healthy"), "ok", "online", 0),
    ServiceStatus.UNHEALTHY: Mark(N_("Down"), "bad", "offline", 7),
    ServiceStatus.UNKNOWN: Mark(N_("Unknown"), "idle", "unknown", 4),
    ServiceStatus.STOPPED: Mark(N_("Stopped"), "idle", "stop", 1),
    ServiceStatus.NOT_CONFIGURED: Mark(N_("Not configured"), "idle", "not_configured", 0),
}
# What a container is to the fleet.
PART_ROLES: Final[Mapping[str, str]] = {
    PartRole.DEPENDENCY: N_("Dependency"),
    PartRole.BOT: N_("Bot"),
    PartRole.WORKER: N_("Worker"),
    PartRole.STORE: N_("Store"),
    PartRole.SERVICE: N_("Service"),
    PartRole.JOB: N_("Job"),
    PartRole.CONSOLE: N_("This console"),
    PartRole.OTHER: N_("Unknown"),
}
CONTAINER_STATES: Final[Mapping[str, Mark]] = {
    ContainerState.RUNNING: Mark(N_("Running"), "ok", "online"),
    ContainerState.RESTARTING: Mark(N_("Restarting"), "bad", "restarting"),
    ContainerState.PAUSED: Mark(N_("Paused"), "warn", "paused"),
    ContainerState.CREATED: Mark(N_("Created"), "idle", "stop"),
    ContainerState.EXITED: Mark(N_("Exited"), "idle", "stop"),
    ContainerState.DEAD: Mark(N_("Dead"), "bad", "offline"),
    ContainerState.MISSING: Mark(N_("Removed"), "bad", "unknown"),
    ContainerState.UNKNOWN: Mark(N_("Unknown"), "idle", "unknown"),
}
SYSTEM: Final[Mapping[str, Mark]] = {
    SystemStatus.HEALTHY: Mark(N_("Healthy"), "ok", "online"),
    SystemStatus.DEGRADED: Mark(N_("Degraded"), "warn", "degraded"),
    SystemStatus.CRITICAL: Mark(N_("Critical"), "bad", "offline"),
}
# Of a bot's breaker, when it is not closed.
BREAKER: Final[Mapping[str, Mark]] = {
    BreakerState.OPEN: Mark(N_("Calls paused"), "warn", "paused", title=N_("Calls are paused after repeated failures")),
    BreakerState.HALF_OPEN: Mark(
        N_("Probing"), "busy", "starting", title=N_("Calls were paused after repeated failures; the next one decides")
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
    "restart": Action(N_("Restart"), "restart", is_felt=True),
    "start": Action(N_("Start"), "start"),
    "stop": Action(N_("Stop"), "stop", is_felt=True),
    "rolling": Action(N_("Rolling restart"), "restarting", is_felt=True, is_for_many=True),
    "maintenance": Action(N_("Maintenance"), "maintenance"),
    "end_maintenance": Action(N_("End maintenance"), "done"),
    "remove": Action(N_("Remove"), "delete", is_final=True),
}
STEPS: Final[Mapping[str, str]] = {
    RestartState.REQUESTED: N_("Requested"),
    RestartState.STOPPING: N_("Stopping"),
    RestartState.STARTING: N_("Starting"),
    RestartState.HEALTH_CHECK: N_("Health check"),
    RestartState.ONLINE: N_("Online"),
    RestartState.STOPPED: N_("Stopped"),
}
CONTAINERS: Final[Mapping[str, str]] = {
    ContainerState.CREATED: N_("created"),
    ContainerState.RUNNING: N_("running"),
    ContainerState.RESTARTING: N_("restarting"),
    ContainerState.PAUSED: N_("paused"),
    ContainerState.EXITED: N_("exited"),
    ContainerState.DEAD: N_("dead"),
    ContainerState.MISSING: N_("missing"),
    ContainerState.UNKNOWN: N_("unknown"),
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
    labels: dict[str, object] = {
        name: {key: row._asdict() for key, row in table.items()} for name, table in tables.items()
    }
    labels |= {
        "letters": LETTERS,
        "steps": STEPS,
        "steps_of": STEPS_OF,
        "containers": CONTAINERS,
        "notes": NOTES,
        "why_not": WHY_NOT,
        "model_silent": MODEL_SILENT,
        "languages": LANGUAGES,
    }
    return orjson.dumps(labels, option=orjson.OPT_NON_STR_KEYS).decode()


def labels_head() -> str:
    """What a page with components has in its head."""
    return f'<script type="application/json" id="we-labels">{labels_json()}</script>'
