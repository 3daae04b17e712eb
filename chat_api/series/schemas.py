"""Series and intervals of states, as pages and doors show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import Field, PlainSerializer

from chat_api.core.read_models import ReadModel

# To the microsecond, where it is told.
Rounded = Annotated[float, PlainSerializer(lambda value: round(value, 3), return_type=float)]


class Span(IntEnum):
    """How many seconds one stored row covers."""

    MOMENT = 10  # of answers only
    MINUTE = 60
    HOUR = 3600
    DAY = 86_400


class Window(StrEnum):
    """How far back one looks."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "1y"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return _LENGTHS[self]

    @property
    def span(self) -> Span:
        """The stored rows that its points are made of."""
        return _STEPS[self][0]

    @property
    def step_s(self) -> int:
        """How many seconds one point covers: at most 400 points a window."""
        return _STEPS[self][1]


_LENGTHS = {
    Window.HOUR: timedelta(hours=1),
    Window.DAY: timedelta(hours=24),
    Window.WEEK: timedelta(days=7),
    Window.MONTH: timedelta(days=30),
    Window.YEAR: timedelta(days=365),
}
_STEPS = {
    Window.HOUR: (Span.MINUTE, 60),
    Window.DAY: (Span.MINUTE, 300),
    Window.WEEK: (Span.HOUR, 3600),
    Window.MONTH: (Span.HOUR, 7200),
    Window.YEAR: (Span.DAY, 86_400),
}


class BotSeries(StrEnum):
    """What is measured of a bot."""

    ANSWERS = "answers"
    HEALTH = "health"
    SYNTHETIC_CHECK = "synthetic_check"
    CANARY = "canary"  # the same, by the name that it had


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint(ReadModel):
    """One step of a series. Times are milliseconds of what went well, null where nothing did."""

    at: datetime
    span_s: Annotated[int, Field(description="How many seconds the step covers.")]
    count: Annotated[int, Field(description="All that was measured, the errors too.")] = 0
    errors: int = 0
    mean_ms: Rounded | None = None
    p50_ms: Rounded | None = None
    p95_ms: Rounded | None = None
    p99_ms: Rounded | None = None
    max_ms: Rounded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusInterval:
    """From when until when a subject was seen in one state, within the window that was asked for."""

    status: str
    started_at: datetime
    until_at: datetime
    reason: str = ""

    @property
    def duration_s(self) -> float:
        """How long it was."""
        return (self.until_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """How much of a window a subject was up.

    ``share`` is up ÷ (up + down); ``None`` when nothing is known. Up is online, degraded and healthy; down is every
    other observed state but maintenance: somebody who wrote to a starting bot got no answer. ``unknown_s`` is what
    nobody observed, ``maintenance_s`` what was announced; neither counts.
    """

    window: Window
    share: float | None
    up_s: float
    down_s: float
    maintenance_s: float
    unknown_s: float
    seconds: Mapping[str, float]
