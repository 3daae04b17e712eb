"""Answers about series and states over time."""

from datetime import datetime

from pydantic import BaseModel, Field

from chat_api.schemas.series import SeriesPoint, StatusInterval, Uptime


class SeriesPointEntry(BaseModel):
    """One step of a series. Times are milliseconds of what went well, null where nothing did."""

    at: datetime
    span_s: int = Field(description="How many seconds the step covers.")
    count: int = Field(description="All that was measured, the errors too.")
    errors: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @classmethod
    def of(cls, point: SeriesPoint) -> "SeriesPointEntry":
        """The point as JSON gives it."""
        return cls(
            at=point.at,
            span_s=point.span_s,
            count=point.count,
            errors=point.errors,
            mean_ms=_rounded(point.mean_ms),
            p50_ms=_rounded(point.p50_ms),
            p95_ms=_rounded(point.p95_ms),
            p99_ms=_rounded(point.p99_ms),
            max_ms=_rounded(point.max_ms),
        )


class SeriesAnswer(BaseModel):
    """A series over a window, oldest step first."""

    subject: str = Field(examples=["answers:elena"])
    window: str = Field(examples=["24h"])
    points: list[SeriesPointEntry]


class UptimeAnswer(BaseModel):
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
        return cls(
            subject=subject,
            window=uptime.window.value,
            share=uptime.share,
            up_s=uptime.up_s,
            down_s=uptime.down_s,
            maintenance_s=uptime.maintenance_s,
            unknown_s=uptime.unknown_s,
            seconds=dict(uptime.seconds),
        )


class StatusIntervalEntry(BaseModel):
    """From when until when somebody was seen in one state; between two intervals nobody looked."""

    status: str = Field(examples=["online"])
    started_at: datetime
    until_at: datetime
    duration_s: float
    reason: str

    @classmethod
    def of(cls, interval: StatusInterval) -> "StatusIntervalEntry":
        """The interval as JSON gives it."""
        return cls(
            status=interval.status,
            started_at=interval.started_at,
            until_at=interval.until_at,
            duration_s=round(interval.duration_s, 3),
            reason=interval.reason,
        )


class StatusIntervalsAnswer(BaseModel):
    """The observed states within a window, oldest first."""

    subject: str = Field(examples=["bot:elena"])
    window: str = Field(examples=["24h"])
    intervals: list[StatusIntervalEntry]


def _rounded(value_ms: float | None) -> float | None:
    return round(value_ms, 3) if value_ms is not None else None
