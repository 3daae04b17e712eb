"""The Fleet page's figures: uptimes, percentiles and rates of all bots in three queries, however many there are."""

from datetime import timedelta

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.histogram import percentiles
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.reports import StatisticsReport
from chat_api.fleet.schemas import BotStatistics
from chat_api.series import repository as series
from chat_api.series import status_intervals_repository as status_intervals
from chat_api.series.repository import Total
from chat_api.series.service import share_of
from chat_api.series.status_intervals_repository import StatusSeconds

LATELY_MIN = 5
SINCE = {"day": timedelta(hours=24), "week": timedelta(days=7), "month": timedelta(days=30)}


class RecentStatisticsService:
    """Computes them from what is stored."""

    def __init__(self, database: Database, registry: BotRegistry, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock

    async def compute(self) -> StatisticsReport:
        """The figures of every bot that is known, and of every dependency. Raises: DatabaseUnavailable."""
        now = self._clock.now()
        minute = now.replace(second=0, microsecond=0)
        # The same sixty minutes as the charts' last hour, the running one among them.
        hour, lately = minute - timedelta(minutes=59), minute - timedelta(minutes=LATELY_MIN)
        async with self._database.read() as connection:
            totals = await series.totals(connection, since=hour, lately=lately)
            histograms = await series.histograms(connection, since=hour, lately=lately)
            rows = await status_intervals.seconds(connection, {name: now - age for name, age in SINCE.items()})
        seconds: dict[str, list[StatusSeconds]] = {}
        for row in rows:
            seconds.setdefault(row.subject, []).append(row)
        lately_min = (now - lately).total_seconds() / 60
        return StatisticsReport(
            reported_at=now,
            bots={
                spec.name: _statistics(
                    totals.get(f"answers:{spec.name}"),
                    histograms.get(f"answers:{spec.name}", ({}, {})),
                    seconds.get(f"bot:{spec.name}", []),
                    lately_min=lately_min,
                )
                for spec in self._registry.all()
            },
            services={
                subject.partition(":")[2]: _rounded(percentiles(histogram))
                for subject, (histogram, _) in histograms.items()
                if subject.startswith("service:")
            },
        )


def _statistics(
    total: Total | None,
    histograms: tuple[dict[int, int], dict[int, int]],
    seconds: list[StatusSeconds],
    *,
    lately_min: float,
) -> BotStatistics:
    """Rounded, so that what has not visibly changed is not sent to every page again."""
    p50_ms, p95_ms, p99_ms = _rounded(percentiles(histograms[0]))
    return BotStatistics(
        uptime_24h=_share({row.status: row.day_s for row in seconds}),
        uptime_7d=_share({row.status: row.week_s for row in seconds}),
        uptime_30d=_share({row.status: row.month_s for row in seconds}),
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        recent_p95_ms=_rounded(percentiles(histograms[1]))[1],
        messages_per_min=round(total.lately / lately_min, 1) if total else 0.0,
        error_rate=round(total.errors / total.count, 4) if total and total.count else None,
    )


def _share(seconds: dict[str, float]) -> float | None:
    share, _, _ = share_of(seconds)
    return round(share, 5) if share is not None else None


def _rounded(
    percentiles: tuple[float | None, float | None, float | None],
) -> tuple[float | None, float | None, float | None]:
    p50_ms, p95_ms, p99_ms = (float(f"{value:.3g}") if value is not None else None for value in percentiles)
    return p50_ms, p95_ms, p99_ms
