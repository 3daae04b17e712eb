"""Records the starts of the fleet's other parts: workers, stores, services and jobs; one process does, for all.

Of a part that is only watched the image is known and nothing else, from the engine's list.
"""

import asyncio

from chat_api.background.supervisor import every
from chat_api.changes.facts import facts_of_container, facts_of_image
from chat_api.changes.journal import ConfigurationJournal
from chat_api.changes.schemas import Facts, Start
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError, DatabaseUnavailable
from chat_api.core.logging import get_logger
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.engine.schemas import PART_PREFIX
from chat_api.parts.recognition import parts_of
from chat_api.parts.schemas import Part

log = get_logger(__name__)

INTERVAL_S = 30.0


class PartChangesWorker:
    """Asks about parts one after the other: nothing waits for it."""

    def __init__(self, engine: ContainerEngine, journal: ConfigurationJournal, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._engine = engine
        self._journal = journal
        self._clock = clock
        self._recorded: dict[str, str] = {}

    async def run(self) -> None:
        """Record until cancelled."""
        if isinstance(self._engine, NoEngine):
            await asyncio.Event().wait()
        await every(INTERVAL_S, self.record)

    async def record(self) -> None:
        """Look once, and write down what was started since. Raises: DatabaseUnavailable."""
        try:
            parts = parts_of(await self._engine.list_containers())
        except AppError as error:
            log.debug("parts_not_listed", code=error.code)
            return
        for key in self._recorded.keys() - {part.key for part in parts}:
            del self._recorded[key]
        for part in parts:
            try:
                await self._record(part)
            except DatabaseUnavailable:
                raise
            except AppError as error:
                log.debug("part_not_read", container=part.summary.name, code=error.code)

    async def _record(self, part: Part) -> None:
        summary = part.summary
        if not (summary.is_adopted or summary.is_labelled):
            key = f"listed:{summary.id[:100]}"
            start = Start(key=key, at=summary.created_at or self._clock.now())
            await self._started(part, start, facts_of_image(summary.image, self._journal.values))
            return
        view = await self._engine.inspect(f"{PART_PREFIX}{summary.name}")
        if view is None or view.started_at is None or not view.is_managed:  # it may be another since it was listed
            return
        start = Start(key=f"engine:{view.id[:100]}@{view.started_at.isoformat()}", at=view.started_at)
        if self._recorded.get(part.key) != start.key:
            await self._started(part, start, facts_of_container(await self._engine.facts(view), self._journal.values))

    async def _started(self, part: Part, start: Start, facts: Facts) -> None:
        if self._recorded.get(part.key) != start.key:
            await self._journal.started(part.key, start, facts)
            self._recorded[part.key] = start.key
