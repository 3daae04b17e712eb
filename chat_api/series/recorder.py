"""Counts what happens in this process and adds it to the stored series every few seconds.

Each batch holds the minutes, hours and days at once, so that nothing has to be rolled up later, and has a number, so
that one whose arrival is in doubt can be sent again. A process that dies loses what it counted since its last batch.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

from chat_api.bots.schemas import Probe
from chat_api.core.call_outcomes import is_counted, is_failure
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.histogram import bucket_of
from chat_api.core.logging import get_logger
from chat_api.fleet.reports import FleetReport, ServiceReport
from chat_api.fleet.schemas import ServiceStatus, SyntheticCheckView
from chat_api.series import repository as series
from chat_api.series.repository import Increment, Tally
from chat_api.series.schemas import Span

log = get_logger(__name__)

BATCH_ROWS = 2000
LAST_FLUSH_S = 1.0
# What waits while PostgreSQL is away, a row each, about 25 MB; then the oldest go.
MAX_PENDING = 50_000
# Kept by the moment as well: how a bot answers now is what its status says.
ANSWERS = "answers:"
# A check of what is not there, or was stopped on purpose, neither went well nor failed.
UNCOUNTED = frozenset({ServiceStatus.NOT_CONFIGURED, ServiceStatus.STOPPED})


class SeriesRecorder:
    """One for each process."""

    def __init__(self, database: Database, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._clock = clock
        self._writer = uuid4()
        self._batch = 1
        self._pending: dict[tuple[str, int], Tally] = {}
        # Batches that were cut off from what is still counted, oldest first; the first may be stored already.
        self._unsent: list[list[Increment]] = []
        self.dropped = 0

    def record(self, subject: str, value_ms: float | None, *, is_error: bool = False) -> None:
        """Count one measurement; ``value_ms`` of a failed one is not looked at."""
        now_s = int(self._clock.now().timestamp())
        key = subject, now_s - now_s % (Span.MOMENT if subject.startswith(ANSWERS) else Span.MINUTE)
        tally = self._pending.get(key)
        if tally is None:
            self._make_room()
            tally = self._pending[key] = Tally(buckets={})
        tally.count += 1
        if is_error:
            tally.errors += 1
        elif value_ms is not None:
            tally.sum_ms += value_ms
            tally.max_ms = max(tally.max_ms, value_ms)
            bucket = bucket_of(value_ms)
            tally.buckets[bucket] = tally.buckets.get(bucket, 0) + 1

    def record_answer(self, bot_name: str, outcome: str, duration_s: float) -> None:
        """Count one chat call of a user, as the bot connector tells of it."""
        if is_counted(outcome):
            self.record(f"{ANSWERS}{bot_name}", duration_s * 1000, is_error=is_failure(outcome))

    def record_request(self, status: int, duration_s: float) -> None:
        """Count one HTTP request that we answered."""
        self.record("http", duration_s * 1000, is_error=status >= 500)

    def record_lag(self, lag_s: float) -> None:
        """Count one look at how late the event loop is."""
        self.record("loop_lag", lag_s * 1000)

    def record_report(self, report: FleetReport) -> None:
        """Count what this process itself saw of bots and dependencies."""
        match report:
            case Probe():
                self.record(f"health:{report.bot_name}", report.latency_ms, is_error=not report.is_healthy)
            case SyntheticCheckView():
                self.record(f"synthetic_check:{report.bot_name}", report.latency_ms, is_error=not report.is_answered)
            case ServiceReport() if report.queue is not None:
                self.record(f"service:{report.name}", float(report.queue.depth))
            case ServiceReport() if report.status not in UNCOUNTED:
                is_error = report.status is not ServiceStatus.HEALTHY
                self.record(f"service:{report.name}", report.latency_ms, is_error=is_error)

    async def flush(self) -> None:
        """Store what was counted. While PostgreSQL is away it is kept, up to a bound."""
        if self._pending and not self._unsent:
            pending, self._pending = self._pending, {}
            rows = list(_increments(pending))
            self._unsent = [rows[first : first + BATCH_ROWS] for first in range(0, len(rows), BATCH_ROWS)]
        try:
            while self._unsent:
                async with self._database.statement() as connection:
                    await series.add(connection, self._unsent[0], writer=self._writer, batch=self._batch)
                self._batch += 1
                del self._unsent[0]
        except AppError as error:
            log.debug("series_not_stored", detail=error.detail, waiting=len(self._pending))

    async def close(self) -> None:
        """Store what was counted last, if that is quickly done."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_FLUSH_S):
                await self.flush()
                await self.flush()  # what had to wait for an earlier batch

    def _make_room(self) -> None:
        if len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
            self.dropped += 1


def _increments(pending: dict[tuple[str, int], Tally]) -> Iterator[Increment]:
    """The rows of all spans that these times belong to."""
    merged: dict[tuple[str, int, int], Tally] = {}
    for (subject, at_s), tally in pending.items():
        for span in Span:
            if span is Span.MOMENT and not subject.startswith(ANSWERS):
                continue
            merged.setdefault((subject, span, at_s - at_s % span), Tally(buckets={})).add(tally)
    for (subject, span_s, at_s), tally in merged.items():
        yield Increment(subject=subject, span_s=span_s, started_at=datetime.fromtimestamp(at_s, tz=UTC), tally=tally)
