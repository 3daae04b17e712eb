"""What the API says of how the fleet is used."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from chat_api.http.base_models import Answer
from chat_api.series.analytics_schemas import Cohort, SourceShare, UsageReport


class UsageEntry(Answer):
    """One period; times in seconds, shares from 0 to 1."""

    start: datetime
    bot_name: str = Field(description="Empty for all bots.")
    users: int
    messages: int
    answered: int
    failed: int
    failure_share: float | None
    p50_s: float | None
    p95_s: float | None
    visits: int
    visit_minutes: float | None


class BotShareEntry(UsageEntry):
    """One bot's part of the whole time."""

    share: float


class UsageAnswer(Answer):
    """How the fleet was used."""

    grain: Literal["hour", "day", "week"]
    since: datetime
    until: datetime
    counted_up_to: datetime | None
    total: UsageEntry
    periods: list[UsageEntry]
    bots: list[BotShareEntry]
    sources: tuple[SourceShare, ...] = Field(description="By which door messages came: `chat`, `api` or `gateway`.")

    @classmethod
    def of(cls, report: UsageReport) -> "UsageAnswer":
        """The report as JSON gives it."""
        return cls(
            grain=report.grain,
            since=report.since,
            until=report.until,
            counted_up_to=report.counted_up_to,
            total=report.total,
            periods=report.periods,
            sources=report.sources,
            bots=[BotShareEntry(**dict(UsageEntry.model_validate(bot.total)), share=bot.share) for bot in report.bots],
        )


class RetentionAnswer(Answer):
    """Cohorts, the newest first."""

    cohorts: tuple[Cohort, ...]
