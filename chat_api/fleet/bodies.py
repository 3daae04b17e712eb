"""What the API says of the fleet's bots, and of a test message to one."""

from datetime import datetime
from typing import Literal

from pydantic import Field, StrictStr

from chat_api.fleet.schemas import Heartbeat
from chat_api.fleet.test_messages import MAX_TEST_MESSAGE_CHARS
from chat_api.http.base_models import Answer, Body


class BotOverview(Answer):
    """One bot with all its figures, flat, so that it is a line of a spreadsheet. Null is "not known"."""

    name: str = Field(examples=["elena"])
    display_name: str = Field(examples=["Elena Rodriguez"])
    status: str = Field(examples=["online"])
    cause: str | None = Field(None, description="The dependency that its trouble is put down to.", examples=["redis"])
    error: str | None = None
    contract: Literal["v1", "v2"] | None = None
    is_on_discord: bool | None = Field(None, description="Null where the bot does not tell.")
    discord_guilds: int | None = Field(None, description="Discord servers that it is on.")
    discord_latency_ms: float | None = Field(None, description="Of its Discord gateway.")
    port: int | None = None
    last_checked_at: datetime | None = None
    last_seen_at: datetime | None = None
    health_latency_ms: float | None = Field(None, description="Of the last health check.")
    uptime_24h: float | None = Field(None, description="Share (0 to 1) of the time that is known.", examples=[0.9993])
    uptime_7d: float | None = None
    uptime_30d: float | None = None
    p50_ms: float | None = Field(None, description="Of the chat answers of the last hour, as are the next ones.")
    p95_ms: float | None = None
    p99_ms: float | None = None
    error_rate: float | None = Field(None, description="Share (0 to 1) of the answers of the last hour.")
    messages_per_min: float | None = Field(None, description="Of the last five minutes.")
    calls_in_flight: int
    calls_waiting: int
    breaker: str = Field(examples=["closed"])
    synthetic_check_is_answered: bool | None = Field(None, description="Of the last one.")
    synthetic_check_at: datetime | None = None
    canary_is_answered: bool | None = Field(None, deprecated="Use synthetic_check_is_answered.")
    canary_at: datetime | None = Field(None, deprecated="Use synthetic_check_at.")
    cpu_percent: float | None = Field(None, description="Of one core.")
    memory_bytes: int | None = None
    container_name: str | None = None
    container_state: str | None = Field(None, examples=["running"])
    container_started_at: datetime | None = None
    container_restarts: int | None = None
    image: str | None = None
    maintenance_until: datetime | None = None
    maintenance_reason: str | None = None
    quarantined_at: datetime | None = None
    quarantine_reason: str | None = None


class SourceStatement(Answer):
    """What one source says of a bot."""

    source: str = Field(examples=[".env.elena"])
    facts: dict[str, str | int] = Field(examples=[{"port": 9091, "model": "llama3"}])


class BotDetails(BotOverview):
    """One bot, with what describes it and its last health checks, oldest first."""

    description: str
    emoji: str
    model: str | None = None
    url: str = Field(examples=["http://localhost:9091"])
    addresses: list[str] = Field(description="Where it may be; `url` is the one in use.")
    sources: list[str] = Field(description="Who described it, lowest precedence first.")
    said: list[SourceStatement] = Field(description="What each of them says, lowest precedence first.")
    declared_by: list[str] = Field(description="What makes it exist now; empty for a bot that is only remembered.")
    notes: str = ""
    heartbeats: tuple[Heartbeat, ...]


class BotOverviewList(Answer):
    """Every bot of the fleet, by name."""

    status: Literal["healthy", "degraded", "critical"]
    headline: str = Field(examples=["All 12 bots are online"])
    bots: list[BotOverview]


class BotMergeBody(Body):
    """The bot that takes over the history of another."""

    into: StrictStr = Field(min_length=1, max_length=50, examples=["ryan-chen"])


class BotMergeAnswer(Answer):
    """What was moved."""

    messages: int


class TryBody(Body):
    """A test message."""

    text: StrictStr = Field(min_length=1, max_length=MAX_TEST_MESSAGE_CHARS, examples=["Are you there?"])
