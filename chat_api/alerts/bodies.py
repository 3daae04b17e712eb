"""What the API takes and gives of alerts, and of the messages about them."""

from datetime import datetime
from typing import Literal

from pydantic import Field, StrictInt, StrictStr

from chat_api.http.base_models import Answer, Body, TextId

SeverityName = Literal["info", "warning", "critical"]


class SilenceBody(Body):
    """Tell nobody for a while."""

    minutes: StrictInt = Field(ge=1, le=10_080, examples=[60])
    reason: StrictStr = Field(min_length=1, max_length=300, examples=["We are on it"])


class AlertEntry(Answer):
    """One root cause."""

    id: TextId = Field(validation_alias="alert_id")
    status: Literal["pending", "firing", "resolved"]
    severity: SeverityName
    title: str = Field(examples=["Redis is down: 30 bots affected"])
    body: str
    subjects: list[str] = Field(description="The names of what suffers.")
    opened_at: datetime
    notified_at: datetime | None = Field(description="When anybody was last notified.")
    told_at: datetime | None = Field(validation_alias="notified_at", deprecated="Use notified_at.")
    resolved_at: datetime | None
    silenced_until: datetime | None
    silenced_by: str | None
    silence_reason: str | None


class AlertList(Answer):
    """Alerts."""

    alerts: list[AlertEntry]


class SubjectEntry(Answer):
    """One bot or dependency as one rule sees it."""

    rule_id: TextId
    subject: str = Field(examples=["bot:elena"])
    status: Literal["pending", "firing", "no_data"]
    since: datetime
    fired_at: datetime | None
    healthy_since: datetime | None = Field(description="Healthy again, but not for long enough.")
    well_since: datetime | None = Field(validation_alias="healthy_since", deprecated="Use healthy_since.")
    summary: str = Field(examples=["is offline"])
    words: str = Field(validation_alias="summary", deprecated="Use summary.")
    cause: str | None = Field(
        description="The dependency or the shared address (`address:<host:port>`) that explains it."
    )


class SubjectList(Answer):
    """All that is not well for some rule."""

    subjects: list[SubjectEntry]


class NotificationEntry(Answer):
    """One message to one channel."""

    id: TextId = Field(validation_alias="notification_id")
    alert_id: TextId | None = Field(description="Null for a test, and for a daily report.")
    channel: str = Field(validation_alias="channel_name")
    kind: Literal["firing", "changed", "repeat", "resolved", "test", "report"] | None = Field(
        description="Null, like `severity`, when the message cannot be read any more."
    )
    severity: SeverityName | None
    title: str
    status: Literal["waiting", "sent", "failed"]
    created_at: datetime
    due_at: datetime
    done_at: datetime | None
    attempts: int
    error: str | None


class NotificationList(Answer):
    """The last messages, newest first."""

    notifications: list[NotificationEntry]
