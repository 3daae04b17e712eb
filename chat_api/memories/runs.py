"""Carrying out what is stored of an erasure: at once when it is asked for, and by the leader until it is done."""

from uuid import UUID

from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.logging import get_logger
from chat_api.fleet.schemas import BotStatus
from chat_api.fleet.service import FleetService
from chat_api.memories import repository as memories
from chat_api.memories.attempts import Attempts
from chat_api.memories.bots import PersonAtBots

log = get_logger(__name__)

# As many in one turn of the leader's task, one after the other.
MAX_DUE = 5
_AWAY = frozenset({BotStatus.OFFLINE, BotStatus.UNKNOWN, BotStatus.MISADDRESSED, BotStatus.RESTARTING})


class ErasureRuns:
    """Tries what is left; of several who would do so at once, one does."""

    def __init__(self, database: Database, fleet: FleetService, at_bots: PersonAtBots, *, clock: Clock) -> None:
        self._database = database
        self._fleet = fleet
        self._attempts = Attempts(at_bots, clock)
        self._clock = clock
        # The bots that could be reached when this process last looked; to who begins to lead, all of them are back.
        self._online: set[str] = set()

    async def attempt(self, erasure_id: UUID) -> None:
        """Try what is left of one erasure, unless somebody else is at it. Raises: DatabaseUnavailable."""
        async with self._database.write() as connection:
            work = await memories.claim(connection, erasure_id)
        if work is None:
            return
        tried = await self._attempts.make(work)
        async with self._database.write() as connection:
            await memories.finish(connection, erasure_id, tried, now=self._clock.now())
        outcomes = sorted({part.outcome.value for part in tried})
        log.info("memory_erasure_tried", receipt_id=str(erasure_id), parts=len(tried), outcomes=outcomes)

    async def retry_due(self) -> None:
        """Go on with what is due, also at bots that are back; give up what is too old. The leader's, regularly."""
        now = self._clock.now()
        online = {bot.name for bot in self._fleet.current().bots if bot.status not in _AWAY}
        async with self._database.write() as connection:
            given_up = await memories.close(connection, None, now=now)
            await memories.bring_forward(connection, online - self._online, now=now)
        self._online = online
        if given_up:
            log.info("memory_erasures_given_up", count=given_up)
        async with self._database.read() as connection:
            due = await memories.due(connection, now=now, limit=MAX_DUE)
        for erasure_id in due:
            await self.attempt(erasure_id)
