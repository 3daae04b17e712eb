"""What the API of alerts takes and gives."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StrictInt, StrictStr

from chat_api.routes.models import Body
from chat_api.schemas.alerts import (
    AlertView,
    ChannelDraft,
    ChannelView,
    NotificationView,
    QuietHours,
    RuleDraft,
    RuleView,
    SubjectState,
    WindowDraft,
    WindowView,
)
from models import NoData, RuleKind, Severity

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
SeverityName = Literal["info", "warning", "critical"]
BotName = Annotated[StrictStr, Field(min_length=1, max_length=50)]
BotNames = Annotated[list[BotName], Field(min_length=1, max_length=1000)]
# From JSON these are texts, which strict types would refuse.
Id = Annotated[UUID, Field(strict=False)]
Moment = Annotated[AwareDatetime, Field(strict=False)]


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
        return RuleDraft(
            name=self.name,
            kind=RuleKind(self.kind),
            threshold=self.threshold,
            bots=tuple(self.bots) if self.bots is not None else None,
            for_s=self.for_s,
            keep_firing_for_s=self.keep_firing_for_s,
            no_data=NoData(self.no_data),
            severity=Severity(self.severity),
            channels=tuple(self.channels) if self.channels is not None else None,
            repeat_s=self.repeat_s,
            is_enabled=self.is_enabled,
        )


class RuleEntry(BaseModel):
    """A stored rule."""

    id: str
    name: str
    kind: KindName
    threshold: float | None
    bots: list[str] | None
    for_s: int
    keep_firing_for_s: int
    no_data: Literal["ok", "alert", "keep"]
    severity: SeverityName
    channels: list[str] | None
    repeat_s: int
    is_enabled: bool

    @classmethod
    def of(cls, rule: RuleView) -> "RuleEntry":
        """The rule as JSON gives it."""
        return cls(
            id=str(rule.rule_id),
            name=rule.name,
            kind=rule.kind.value,
            threshold=rule.threshold,
            bots=list(rule.bots) if rule.bots is not None else None,
            for_s=rule.for_s,
            keep_firing_for_s=rule.keep_firing_for_s,
            no_data=rule.no_data.value,
            severity=rule.severity.value,
            channels=[str(one) for one in rule.channels] if rule.channels is not None else None,
            repeat_s=rule.repeat_s,
            is_enabled=rule.is_enabled,
        )


class RuleList(BaseModel):
    """All rules, by name."""

    rules: list[RuleEntry]


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
        quiet = self.quiet
        return ChannelDraft(
            name=self.name,
            url=self.url,
            severities=tuple(Severity(one) for one in self.severities),
            quiet=QuietHours(
                starts=quiet.starts,
                ends=quiet.ends,
                time_zone=quiet.time_zone,
                does_critical_break=quiet.does_critical_break,
            )
            if quiet
            else None,
            is_enabled=self.is_enabled,
        )


class QuietEntry(BaseModel):
    """Quiet hours."""

    starts: str
    ends: str
    time_zone: str
    does_critical_break: bool


class ChannelEntry(BaseModel):
    """A stored channel."""

    id: str
    name: str
    url: str = Field(description="Masked.", examples=["ntfy://••••"])
    severities: list[SeverityName]
    quiet: QuietEntry | None
    is_enabled: bool

    @classmethod
    def of(cls, channel: ChannelView) -> "ChannelEntry":
        """The channel as JSON gives it."""
        quiet = channel.quiet
        return cls(
            id=str(channel.channel_id),
            name=channel.name,
            url=channel.masked_url,
            severities=[one.value for one in channel.severities],
            quiet=QuietEntry(
                starts=quiet.starts,
                ends=quiet.ends,
                time_zone=quiet.time_zone,
                does_critical_break=quiet.does_critical_break,
            )
            if quiet
            else None,
            is_enabled=channel.is_enabled,
        )


class ChannelList(BaseModel):
    """All channels, by name."""

    channels: list[ChannelEntry]


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
        return WindowDraft(
            name=self.name,
            bots=tuple(self.bots) if self.bots is not None else None,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            is_weekly=self.is_weekly,
            time_zone=self.time_zone,
        )


class WindowEntry(BaseModel):
    """A stored maintenance window."""

    id: str
    name: str
    bots: list[str] | None
    starts_at: datetime
    ends_at: datetime
    is_weekly: bool
    time_zone: str
    created_by: str
    is_active: bool

    @classmethod
    def of(cls, window: WindowView) -> "WindowEntry":
        """The window as JSON gives it."""
        return cls(
            id=str(window.window_id),
            name=window.name,
            bots=list(window.bots) if window.bots is not None else None,
            starts_at=window.starts_at,
            ends_at=window.ends_at,
            is_weekly=window.is_weekly,
            time_zone=window.time_zone,
            created_by=window.created_by,
            is_active=window.is_active,
        )


class WindowList(BaseModel):
    """All maintenance windows, by name."""

    windows: list[WindowEntry]


class SilenceBody(Body):
    """Tell nobody for a while."""

    minutes: StrictInt = Field(ge=1, le=10_080, examples=[60])
    reason: StrictStr = Field(min_length=1, max_length=300, examples=["We are on it"])


class AlertEntry(BaseModel):
    """One root cause."""

    id: str
    status: Literal["pending", "firing", "resolved"]
    severity: SeverityName
    title: str = Field(examples=["Redis is down: 30 bots affected"])
    body: str
    subjects: list[str] = Field(description="The names of what suffers.")
    opened_at: datetime
    told_at: datetime | None = Field(description="When it was last told.")
    resolved_at: datetime | None
    silenced_until: datetime | None
    silenced_by: str | None
    silence_reason: str | None

    @classmethod
    def of(cls, alert: AlertView) -> "AlertEntry":
        """The alert as JSON gives it."""
        return cls(
            id=str(alert.alert_id),
            status=alert.status.value,
            severity=alert.severity.value,
            title=alert.title,
            body=alert.body,
            subjects=list(alert.subjects),
            opened_at=alert.opened_at,
            told_at=alert.told_at,
            resolved_at=alert.resolved_at,
            silenced_until=alert.silenced_until,
            silenced_by=alert.silenced_by,
            silence_reason=alert.silence_reason,
        )


class AlertList(BaseModel):
    """Alerts."""

    alerts: list[AlertEntry]


class SubjectEntry(BaseModel):
    """One bot or dependency as one rule sees it."""

    rule_id: str
    subject: str = Field(examples=["bot:elena"])
    status: Literal["pending", "firing", "no_data"]
    since: datetime
    fired_at: datetime | None
    well_since: datetime | None = Field(description="It is well again, but not for long enough.")
    words: str = Field(examples=["is offline"])
    cause: str | None = Field(description="The dependency that this is put down to.")

    @classmethod
    def of(cls, state: SubjectState) -> "SubjectEntry":
        """The state as JSON gives it."""
        return cls(
            rule_id=str(state.rule_id),
            subject=state.subject,
            status=state.status.value,
            since=state.since,
            fired_at=state.fired_at,
            well_since=state.well_since,
            words=state.words,
            cause=state.cause,
        )


class SubjectList(BaseModel):
    """All that is not well for some rule."""

    subjects: list[SubjectEntry]


class NotificationEntry(BaseModel):
    """One message to one channel."""

    id: str
    alert_id: str | None = Field(description="Null for a test.")
    channel: str
    kind: Literal["firing", "changed", "repeat", "resolved", "test"]
    severity: SeverityName
    title: str
    status: Literal["waiting", "sent", "failed"]
    created_at: datetime
    due_at: datetime
    done_at: datetime | None
    attempts: int
    error: str | None

    @classmethod
    def of(cls, one: NotificationView) -> "NotificationEntry":
        """The message as JSON gives it."""
        return cls(
            id=str(one.notification_id),
            alert_id=str(one.alert_id) if one.alert_id else None,
            channel=one.channel_name,
            kind=one.kind.value,
            severity=one.severity.value,
            title=one.title,
            status=one.status.value,
            created_at=one.created_at,
            due_at=one.due_at,
            done_at=one.done_at,
            attempts=one.attempts,
            error=one.error,
        )


class NotificationList(BaseModel):
    """The last messages, newest first."""

    notifications: list[NotificationEntry]
