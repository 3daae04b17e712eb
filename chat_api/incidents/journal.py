"""Writes down what the keeper found: each step is one transaction, and doing one twice changes nothing.

The ids of what is written follow from its content, so that two keepers at once write one timeline.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import Conflict
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.principals import SYSTEM_ACTOR
from chat_api.fleet.schemas import BotView, RestartView
from chat_api.incidents import evidence_repository as evidence
from chat_api.incidents import repository as incidents
from chat_api.incidents import sentences
from chat_api.incidents.repository import FailingBot
from chat_api.incidents.schemas import OpenIncident
from chat_api.incidents.service import IncidentsService
from chat_api.incidents.tracker import Change, Merger, Opening, Resolution
from models import AuditOutcome, IncidentEntry, IncidentEntryKind

log = get_logger(__name__)

REOPEN_WITHIN = timedelta(minutes=5)
# What was captured so long before an incident belongs to it.
EVIDENCE_BEFORE = timedelta(minutes=10)
KEEP = timedelta(days=400)
KEEP_LOOSE_EVIDENCE = timedelta(days=1)


class IncidentJournal:
    """Opens, changes, resolves and merges incidents, and tells every open page."""

    def __init__(
        self,
        database: Database,
        incidents_service: IncidentsService,
        audit: AuditService,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._service = incidents_service
        self._audit = audit
        self._clock = clock

    async def open_ones(self) -> dict[str, OpenIncident]:
        """The incidents that are not resolved, by cause. Raises: DatabaseUnavailable."""
        async with self._database.read() as connection:
            return {incident.cause: incident for incident in await incidents.open_ones(connection)}

    async def open(self, opening: Opening, *, dependents: Sequence[BotView]) -> bool:
        """Open an incident, or the last one again; False when another keeper was first.

        ``dependents`` are all bots that depend on what is down.
        """
        try:
            incident_id = await self._open(opening, dependents)
        except Conflict:
            return False  # opened by one keeper while another reopened it
        if incident_id is not None:
            self._service.tell(incident_id)
        return incident_id is not None

    async def _open(self, opening: Opening, dependents: Sequence[BotView]) -> UUID | None:
        judgement = opening.judgement
        async with self._database.write() as connection:
            incident_id = await self._opened(connection, opening)
            if incident_id is None:
                return None
            await incidents.add_dependents(connection, incident_id, {bot.name: bot.status for bot in dependents})
            await incidents.fail(connection, incident_id, _failing(judgement.failing), at=opening.since)
            names = [bot.name for bot in judgement.failing]
            after = opening.since - EVIDENCE_BEFORE
            await evidence.take(connection, incident_id, names, after=after)
            await self._audit.record(
                None,
                "incident.open",
                str(incident_id),
                outcome=AuditOutcome.AUTOMATIC,
                details={"cause": judgement.cause, "title": judgement.title, "bots": names[: sentences.NAMED]},
                connection=connection,
            )
        log.warning("incident_opened", cause=judgement.cause, bots=len(names), incident_id=str(incident_id))
        return incident_id

    async def _opened(self, connection: Connection, opening: Opening) -> UUID | None:
        judgement = opening.judgement
        after = self._clock.now() - REOPEN_WITHIN
        cause, detail, title = judgement.cause, judgement.detail, judgement.title
        content = sentences.opened(title, detail)
        # Two keepers that reopen at once wait for one another here: the row is locked by the first.
        incident_id = await incidents.reopen(connection, cause=cause, detail=detail, after=after)
        if incident_id is not None:
            await self._add(connection, incident_id, IncidentEntryKind.REOPENED, content)
            return incident_id
        incident_id = new_id()
        is_new = await incidents.open_one(
            connection, incident_id=incident_id, cause=cause, title=title, detail=detail, at=opening.since
        )
        if not is_new:
            return None
        await self._add(connection, incident_id, IncidentEntryKind.OPENED, content, at=opening.since)
        if not cause.startswith("bot:") and judgement.failing:
            content = sentences.affected_at_once(bot.name for bot in judgement.failing)
            await self._add(connection, incident_id, IncidentEntryKind.BOT_JOINED, content, at=opening.since)
        return incident_id

    async def change(self, change: Change) -> tuple[str, ...]:
        """Note bots that fell into the trouble, or came out of it; returns those that fell."""
        now = self._clock.now()
        incident_id = change.incident.incident_id
        async with self._database.write() as connection:
            joined = await incidents.fail(connection, incident_id, _failing(change.joined), at=now)
            recovered = await incidents.recover(connection, incident_id, change.recovered, at=now)
            gone = await incidents.recover(connection, incident_id, change.gone, at=now)
            for names, kind, say in (
                (joined, IncidentEntryKind.BOT_JOINED, sentences.also_affected),
                (recovered, IncidentEntryKind.BOT_RECOVERED, sentences.recovered),
                (gone, IncidentEntryKind.BOT_RECOVERED, sentences.left_fleet),
            ):
                if names:
                    await self._add(connection, incident_id, kind, say(names))
        if joined or recovered or gone:
            self._service.tell(incident_id)
        return tuple(sorted(joined))

    async def resolve(self, resolution: Resolution) -> None:
        """Close an incident."""
        now = self._clock.now()
        incident = resolution.incident
        content = sentences.resolved(incident.cause, is_gone=resolution.is_gone, others=resolution.left)
        async with self._database.write() as connection:
            if not await incidents.resolve(connection, incident.incident_id, at=now):
                return
            await incidents.recover(connection, incident.incident_id, resolution.recovered, at=now)
            await self._add(connection, incident.incident_id, IncidentEntryKind.RESOLVED, content)
            await self._audit.record(
                None,
                "incident.resolve",
                str(incident.incident_id),
                outcome=AuditOutcome.AUTOMATIC,
                details={"cause": incident.cause},
                connection=connection,
            )
        log.info("incident_resolved", cause=incident.cause, incident_id=str(incident.incident_id))
        self._service.tell(incident.incident_id)

    async def merge(self, merger: Merger) -> None:
        """Let a bot's own incident go over into that of its parent, with its evidence."""
        now = self._clock.now()
        own, parent = merger.incident, merger.parent
        async with self._database.write() as connection:
            if not await incidents.resolve(connection, own.incident_id, at=now, merged_into=parent.incident_id):
                return
            await evidence.move(connection, own.incident_id, parent_id=parent.incident_id)
            content = sentences.part_of(parent.cause)
            await self._add(connection, own.incident_id, IncidentEntryKind.MERGED, content)
            content = sentences.took_over(own.failing or [own.cause.partition(":")[2]])
            await self._add(connection, parent.incident_id, IncidentEntryKind.MERGED, content)
        self._service.tell(own.incident_id)
        self._service.tell(parent.incident_id)

    async def restarted(self, incident: OpenIncident, restart: RestartView) -> None:
        """Note a restart of a bot in an incident: when it is requested, and how it ended."""
        is_over = not restart.is_running
        entry = IncidentEntry(
            id=uuid5(incident.incident_id, f"restart {restart.restart_id} {is_over}"),
            incident_id=incident.incident_id,
            at=restart.finished_at or restart.requested_at,
            kind=IncidentEntryKind.RESTART,
            actor_name=None if restart.requested_by == SYSTEM_ACTOR else restart.requested_by,
            bot_name=restart.bot_name,
            content=sentences.restart_said(restart),
        )
        async with self._database.write() as connection:
            is_new = await incidents.add_entry(connection, entry)
        if is_new:
            self._service.tell(incident.incident_id)

    async def prune(self) -> None:
        """Drop what nobody will look for any more."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await incidents.prune(connection, before=now - KEEP)
            await evidence.prune(connection, before=now - KEEP_LOOSE_EVIDENCE)

    async def _add(
        self,
        connection: Connection,
        incident_id: UUID,
        kind: IncidentEntryKind,
        content: str,
        *,
        at: datetime | None = None,
    ) -> None:
        entry = IncidentEntry(
            id=new_id(), incident_id=incident_id, at=at or self._clock.now(), kind=kind, content=content
        )
        await incidents.add_entry(connection, entry)


def _failing(bots: Sequence[BotView]) -> list[FailingBot]:
    return [FailingBot(bot_name=bot.name, status=bot.status, error=bot.error) for bot in bots]
