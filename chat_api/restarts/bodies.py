"""What the doors of restarts, rolling restarts and policies take and give."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator

from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.http.base_models import Answer, Body, TextId
from chat_api.restarts.rolling_schemas import RollingView

Action = Literal["restart", "start", "stop"]
Origin = Literal["operator", "bulk", "rolling", "auto_heal"]
ActionState = Literal["requested", "stopping", "starting", "health_check", "online", "failed", "stopped"]
RESTART_COLUMNS = (
    *("requested_at", "bot_name", "action", "state", "origin", "requested_by", "duration_s", "error"),
    *("finished_at", "group_id", "restart_id"),
)


class RestartEntry(Answer):
    """One restart, start or stop."""

    restart_id: TextId
    bot_name: str
    action: Action
    origin: Origin = Field(description="Who began it: a person, a bulk, a rolling restart, or the healing.")
    group_id: TextId | None = Field(description="Shared by the actions of one bulk or rolling restart.")
    state: ActionState
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    duration_s: float | None = Field(description="From the request to the first healthy answer.")
    error: str | None = Field(description="Why it failed, with the last log lines of the container.")


class RestartList(Answer):
    """The history, newest first."""

    restarts: list[RestartEntry]


class ImpactAnswer(Answer):
    """What a restart of a bot would cost."""

    affected_users: int = Field(description="People who wrote to it in the last five minutes.")
    estimate_s: float = Field(description="Seconds until it is back, learned from earlier restarts.")


class RestartAnswer(Answer):
    """Source: specification, ``POST /api/admin/bots/{bot_name}/restart``."""

    success: bool
    message: str = Field(examples=["Bot restart initiated"])
    estimated_downtime: str = Field(examples=["30 seconds"])
    restart_id: str


class BulkBody(Body):
    """One action for many bots."""

    action: Action = Field(examples=["restart"])
    bot_names: list[StrictStr] = Field(min_length=1, max_length=1000, examples=[["elena", "marcus"]])


class RollingBody(Body):
    """A rolling restart."""

    bot_names: list[StrictStr] = Field(
        default_factory=list,
        max_length=1000,
        description="In this order; none: all bots, those with the fewest users first.",
        examples=[["elena", "marcus"]],
    )
    batch_size: StrictInt = Field(1, ge=1, le=50, description="Bots restarted at a time.", examples=[1])
    check_suite_id: UUID | None = Field(
        None,
        strict=False,
        description="Suite of checks that is run before and after; one that passed before and fails after stops the"
        " restart.",
        examples=[None],
    )


class RollingList(Answer):
    """The last rolling restarts, newest first."""

    rolling_restarts: tuple[RollingView, ...]


class PolicyBody(Body):
    """What to change; what is left out stays."""

    is_in_maintenance: StrictBool | None = Field(None, examples=[True])
    maintenance_reason: StrictStr = Field("", max_length=200, examples=["New disk"])
    maintenance_until: StrictStr | None = Field(
        None,
        max_length=40,
        description="With its zone, in the next year; none: until somebody ends it.",
        examples=["2027-01-31T18:00:00Z"],
    )
    is_synthetic_check_on: StrictBool | None = Field(None, examples=[True])
    is_canary_on: StrictBool | None = Field(None, deprecated="Use is_synthetic_check_on.", examples=[True])
    is_auto_healed: StrictBool | None = Field(None, examples=[True])
    is_healed_when_silent: StrictBool | None = Field(
        None, description="Healed also when it is healthy and answers no synthetic check.", examples=[False]
    )
    heal_after_failures: StrictInt | None = Field(None, ge=1, le=100, examples=[3])
    notes: StrictStr | None = Field(None, max_length=4000, examples=["Needs a minute to load its model."])

    @field_validator("maintenance_until")
    @classmethod
    def _is_time(cls, value: str | None) -> str | None:
        if value is not None and datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("a time with its zone")
        return value

    def change(self) -> PolicyChange:
        """As the service takes it."""
        until = datetime.fromisoformat(self.maintenance_until).astimezone(UTC) if self.maintenance_until else None
        given = dict(self) | {"maintenance_until": until}
        by_its_old_name = given.pop("is_canary_on")
        if given["is_synthetic_check_on"] is None:
            given["is_synthetic_check_on"] = by_its_old_name
        return PolicyChange(**given)


class PolicyAnswer(Answer):
    """What operators decided for a bot, and whether the healing gave up on it."""

    bot_name: str
    changed_at: datetime
    changed_by: str
    maintenance_since: datetime | None
    maintenance_until: datetime | None
    maintenance_reason: str
    is_synthetic_check_on: bool
    is_canary_on: bool = Field(validation_alias="is_synthetic_check_on", deprecated="Use is_synthetic_check_on.")
    is_auto_healed: bool
    is_healed_when_silent: bool
    heal_after_failures: int
    quarantined_at: datetime | None
    quarantine_reason: str
    stopped_at: datetime | None
    stopped_by: str
    notes: str
