"""Answers about series and states over time."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from chat_api.http.base_models import Answer
from chat_api.series.schemas import SeriesPoint, Uptime

Rounded = Annotated[float, AfterValidator(lambda value: round(value, 3))]


class SeriesAnswer(Answer):
    """A series over a window, oldest step first."""

    subject: str = Field(examples=["answers:elena"])
    window: str = Field(examples=["24h"])
    points: tuple[SeriesPoint, ...]


class UptimeAnswer(Answer):
    """How much of a window somebody was up."""

    subject: str = Field(examples=["bot:elena"])
    window: str = Field(examples=["24h"])
    share: float | None = Field(description="`up_s / (up_s + down_s)`, null when nothing is known.")
    up_s: float
    down_s: float
    maintenance_s: float = Field(description="Announced, and so neither up nor down.")
    unknown_s: float = Field(description="Observed by nobody, and so neither up nor down.")
    seconds: dict[str, float] = Field(description="The seconds in each observed state.")

    @classmethod
    def of(cls, subject: str, uptime: Uptime) -> "UptimeAnswer":
        """The uptime as JSON gives it."""
        return cls(subject=subject, **asdict(uptime))


class StatusIntervalEntry(Answer):
    """From when until when somebody was seen in one state; between two intervals nobody looked."""

    status: str = Field(examples=["online"])
    started_at: datetime
    until_at: datetime
    duration_s: Rounded
    reason: str


class StatusIntervalsAnswer(Answer):
    """The observed states within a window, oldest first."""

    subject: str = Field(examples=["bot:elena"])
    window: str = Field(examples=["24h"])
    intervals: list[StatusIntervalEntry]
