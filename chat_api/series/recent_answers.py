"""How every bot answers now: its newest calls, and how long it usually takes. Two statements, however many bots."""

from datetime import datetime, timedelta

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.reports import AnswersReport
from chat_api.fleet.schemas import RecentAnswers
from chat_api.fleet.service import FleetService
from chat_api.fleet.status import ENOUGH_CALLS, RECENT, recent_answers
from chat_api.series import repository as series
from chat_api.series.repository import Newest

# What is usual changes slowly.
USUAL_EVERY = timedelta(seconds=60)


class RecentAnswersService:
    """Counts what all processes stored, and judges it."""

    def __init__(
        self, database: Database, registry: BotRegistry, fleet: FleetService, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._database = database
        self._registry = registry
        self._fleet = fleet
        self._clock = clock
        self._usual: dict[str, tuple[int, float]] = {}
        self._usual_at: datetime | None = None

    async def compute(self) -> AnswersReport:
        """Of every bot that was asked for an answer lately. Raises: DatabaseUnavailable."""
        now = self._clock.now()
        known = {spec.name: self._fleet.recent_of(spec.name) for spec in self._registry.all()}
        begun = {f"answers:{name}": began_at for name, (_, began_at) in known.items() if began_at is not None}
        async with self._database.read() as connection:
            newest = await series.newest_answers(connection, since=now - RECENT, enough=ENOUGH_CALLS, begun=begun)
            if newest and (self._usual_at is None or now - self._usual_at >= USUAL_EVERY):
                hour = now.replace(minute=0, second=0, microsecond=0)
                self._usual = await series.usual_ms(connection, hour=hour, until=now - RECENT)
                self._usual_at = now
        return AnswersReport(
            reported_at=now,
            bots={
                name: _judged(newest[f"answers:{name}"], self._usual.get(f"answers:{name}", (0, 0.0)), before)
                for name, (before, _) in known.items()
                if f"answers:{name}" in newest
            },
        )


def _judged(newest: Newest, usual: tuple[int, float], before: RecentAnswers | None) -> RecentAnswers:
    """Rounded, so that what has not visibly changed is not sent to every page again."""
    tally = newest.tally
    answered = tally.count - tally.errors
    usual_count, usual_ms = usual
    return recent_answers(
        calls=tally.count,
        failures=tally.errors,
        mean_ms=_rounded(tally.sum_ms / answered) if answered else None,
        usual_ms=_rounded(usual_ms) if usual_count else None,
        usual_count=usual_count,
        before=before,
        answered_at=newest.answered_at,
        failed_at=newest.failed_at,
    )


def _rounded(ms: float) -> float:
    return float(f"{ms:.3g}")
