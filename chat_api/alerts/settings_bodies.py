"""What the API takes and gives of when to alert: rules, channels, maintenance windows."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, StrictStr, TypeAdapter

from chat_api.alerts.bodies import SeverityName
from chat_api.alerts.schemas import ChannelDraft, ChannelView, RuleDraft, RuleView, WindowDraft, WindowView
from chat_api.http.base_models import Answer, Body, Moment

KindName = Literal[
    "bot_down",
    "bot_degraded",
    "slow_p95",
    "error_rate",
    "restarts",
    "quarantined",
    "service_down",
    "disk",
    "no_data",
    "loop_lag",
]
BotName = Annotated[StrictStr, Field(min_length=1, max_length=50)]
BotNames = Annotated[list[BotName], Field(min_length=1, max_length=1000)]
Id = Annotated[UUID, Field(strict=False)]  # a text, from JSON
# They make words states again, and lists tuples.
_RULE = TypeAdapter(RuleDraft)
_CHANNEL = TypeAdapter(ChannelDraft)
_WINDOW = TypeAdapter(WindowDraft)


class RuleBody(Body):
    """A rule."""

    name: StrictStr = Field(min_length=1, max_length=80, examples=["Elena is slow"])
    kind: KindName = Field(examples=["slow_p95"])
    threshold: float | None = Field(
        None,
        ge=0,
        le=600_000,
        description="Milliseconds for `slow_p95` and `loop_lag`, a share for `error_rate` and `disk` (free), a count"
        " for `restarts`; the other kinds have none.",
        examples=[5000],
    )
    bots: BotNames | None = Field(None, description="Null: all.", examples=[["elena"]])
    for_s: StrictInt = Field(60, ge=0, le=86_400, description="Seconds until it fires.", examples=[300])
    keep_firing_for_s: StrictInt = Field(
        60, ge=0, le=86_400, description="Seconds that it has to be well until it is resolved.", examples=[120]
    )
    no_data: Literal["ok", "alert", "keep"] = Field("keep", description="What no data means.", examples=["keep"])
    severity: SeverityName = Field("warning", examples=["warning"])
    channels: Annotated[list[Id], Field(max_length=100)] | None = Field(
        None, description="Ids of channels. Null: all.", examples=[None]
    )
    repeat_s: StrictInt = Field(
        14_400, ge=0, le=604_800, description="Seconds until it is told again. 0: never.", examples=[14400]
    )
    is_enabled: StrictBool = Field(True, examples=[True])

    def draft(self) -> RuleDraft:
        """As the service takes it."""
        return _RULE.validate_python(self.model_dump())


class RuleList(Answer):
    """All rules, by name."""

    rules: tuple[RuleView, ...]


class QuietBody(Body):
    """When a channel is not to be disturbed."""

    starts: StrictStr = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["22:00"])
    ends: StrictStr = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["07:00"])
    time_zone: StrictStr = Field("UTC", min_length=1, max_length=64, examples=["Europe/Berlin"])
    does_critical_break: StrictBool = Field(True, description="Critical alerts come all the same.", examples=[True])


class ChannelBody(Body):
    """A channel."""

    name: StrictStr = Field(min_length=1, max_length=50, examples=["On call"])
    url: StrictStr | None = Field(
        None,
        min_length=1,
        max_length=2000,
        description="An apprise address. A secret: it is never given again. Null keeps the stored one.",
        examples=["ntfy://ntfy.example.org/alerts"],
    )
    severities: Annotated[list[SeverityName], Field(min_length=1, max_length=10)] = Field(
        default=["info", "warning", "critical"], examples=[["warning", "critical"]]
    )
    quiet: QuietBody | None = Field(
        None, description="What is not critical waits until they end.", examples=[{"starts": "22:00", "ends": "07:00"}]
    )
    is_enabled: StrictBool = Field(True, examples=[True])

    def draft(self) -> ChannelDraft:
        """As the service takes it."""
        return _CHANNEL.validate_python(self.model_dump())


class ChannelList(Answer):
    """All channels, by name."""

    channels: tuple[ChannelView, ...]


class WindowBody(Body):
    """A maintenance window."""

    name: StrictStr = Field(min_length=1, max_length=80, examples=["Sunday updates"])
    bots: BotNames | None = Field(None, description="Null: all.", examples=[["elena"]])
    starts_at: Moment = Field(examples=["2026-03-01T02:00:00Z"])
    ends_at: Moment = Field(examples=["2026-03-01T04:00:00Z"])
    is_weekly: StrictBool = Field(False, description="Every week again.", examples=[True])
    time_zone: StrictStr = Field(
        "UTC",
        min_length=1,
        max_length=64,
        description="By whose clocks a weekly one keeps its hour.",
        examples=["Europe/Berlin"],
    )

    def draft(self) -> WindowDraft:
        """As the service takes it."""
        return _WINDOW.validate_python(self.model_dump())


class WindowList(Answer):
    """All maintenance windows, by name."""

    windows: tuple[WindowView, ...]
