"""Actions on bots: what is asked for in a list, and what a bulk came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chat_api.core.read_models import ReadModel
from models import ActionOrigin, BotAction, RestartState

DEFAULT_ESTIMATE_S = 30.0  # Source: specification, "estimated_downtime": "30 seconds".


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOutcome(ReadModel):
    """What becomes of a bulk for one bot: it waits for its turn, or is not done for this reason."""

    bot_name: str
    is_accepted: bool
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkView(ReadModel):
    """One action for many bots, five at a time; how each goes on is in the history, by `group_id`."""

    group_id: UUID
    action: BotAction
    outcomes: tuple[BulkOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """How many people wrote lately, to each bot and to any of them (who talks with two counts once)."""

    by_bot: Mapping[str, int]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartFilter:
    """Which restarts are wanted; None is any."""

    bot_name: str | None = None
    action: BotAction | None = None
    origin: ActionOrigin | None = None
    state: RestartState | None = None
    group_id: UUID | None = None
    before: datetime | None = None
    limit: int = field(default=100)
