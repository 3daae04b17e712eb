"""Incidents as people use them: look, acknowledge, note, take away; and evidence captured before a restart."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.changes.schemas import ChangesSince
from chat_api.changes.service import ChangesService
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import AppError, Conflict, NotFound
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.pubsub import PubSub
from chat_api.core.text import check_text
from chat_api.fleet.schemas import BotView
from chat_api.fleet.service import FleetService
from chat_api.incidents import evidence_repository as evidence_store
from chat_api.incidents import listing_repository as listing
from chat_api.incidents import repository as incidents
from chat_api.incidents import sentences
from chat_api.incidents.evidence import EvidenceCollector
from chat_api.incidents.schemas import (
    IncidentBotView,
    IncidentDetails,
    IncidentFilter,
    IncidentNumbers,
    IncidentView,
)
from models import IncidentEntry, IncidentEntryKind

log = get_logger(__name__)

TOPIC = "incident"
NUMBERS_OF = timedelta(days=30)
MAX_REASON_CHARS = 500
MAX_NOTE_CHARS = 4_000
MAX_PARTS = 1_000
# Each is up to 64 kB: an incident of the whole fleet has some of its bots as witnesses, not all.
MAX_EVIDENCE = 40
_IS_OPEN = {IncidentFilter.ALL: None, IncidentFilter.OPEN: True, IncidentFilter.RESOLVED: False}


class IncidentsService:
    """The same for the page and for the API. ``changed`` tells the id of an incident that is not as it was."""

    def __init__(
        self,
        database: Database,
        fleet: FleetService,
        audit: AuditService,
        evidence: EvidenceCollector,
        pubsub: PubSub,
        *,
        changes: ChangesService | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._changes = changes
        self._database = database
        self._fleet = fleet
        self._audit = audit
        self._evidence = evidence
        self._pubsub = pubsub
        self._clock = clock
        self.changed: Topic[UUID] = Topic("incidents")
        pubsub.subscribe(TOPIC, lambda payload: self.changed.publish(UUID(str(payload))))

    def tell(self, incident_id: UUID) -> None:
        """Say to every process that an incident changed; after the commit."""
        self.changed.publish(incident_id)
        self._pubsub.publish(TOPIC, str(incident_id))

    async def newest(
        self,
        principal: Principal,
        *,
        state: IncidentFilter = IncidentFilter.ALL,
        bot_name: str | None = None,
        limit: int = 200,
    ) -> tuple[IncidentView, ...]:
        """Incidents, open ones first, then the newest. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await listing.newest(
                connection, is_open=_IS_OPEN[state], bot_name=bot_name, limit=limit, now=self._clock.now()
            )

    async def numbers(self, principal: Principal) -> IncidentNumbers:
        """How often and how long, of the last 30 days. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await listing.numbers(connection, after=self._clock.now() - NUMBERS_OF)

    async def details(self, principal: Principal, incident_id: UUID) -> IncidentDetails:
        """One incident with all that is known. Log lines are for who may read logs.

        Raises: NotFound, PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            incident = await self._one(connection, incident_id)
            bots = await listing.bots(connection, incident_id)
            timeline = await listing.timeline(connection, incident_id, limit=MAX_PARTS)
            evidence = await evidence_store.captured(connection, incident_id, limit=MAX_PARTS)
        if not principal.may(Permission.VIEW_LOGS):
            evidence = tuple(replace(one, log_lines=()) for one in evidence)
        changes = await self.changes_of(principal, bots)
        return IncidentDetails(incident=incident, bots=bots, timeline=timeline, evidence=evidence, changes=changes)

    async def changes_of(self, principal: Principal, bots: tuple[IncidentBotView, ...]) -> tuple[ChangesSince, ...]:
        """What changed of an incident's bots since each was last healthy, by what is known now.

        Not captured as evidence is: what a bot tells of itself comes seconds after its start.
        Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        failed = {bot.bot_name: (bot.failed_at, bot.recovered_at) for bot in bots if bot.failed_at is not None}
        return await self._changes.since_failed(principal, failed) if self._changes else ()

    async def acknowledge(self, principal: Principal, incident_id: UUID, reason: str) -> IncidentDetails:
        """Say that somebody takes care of it, and why it is in hand.

        Raises: NotFound, Conflict when it is resolved or was acknowledged, InvalidInput, PermissionDenied.
        """
        await self._audit.require(principal, Permission.MANAGE_INCIDENTS, str(incident_id))
        reason = check_text(reason.strip(), field="reason", max_chars=MAX_REASON_CHARS)
        now = self._clock.now()
        async with self._database.write() as connection:
            await self._one(connection, incident_id)
            if not await incidents.acknowledge(
                connection, incident_id, actor=principal.username, reason=reason, at=now
            ):
                raise Conflict("The incident is already acknowledged or resolved.")
            await self._add(connection, principal, incident_id, IncidentEntryKind.ACKNOWLEDGED, reason)
        self.tell(incident_id)
        return await self.details(principal, incident_id)

    async def note(self, principal: Principal, incident_id: UUID, content: str) -> IncidentDetails:
        """Add what somebody found out to the timeline. Raises: NotFound, InvalidInput, PermissionDenied."""
        await self._audit.require(principal, Permission.MANAGE_INCIDENTS, str(incident_id))
        content = check_text(content.strip(), field="content", max_chars=MAX_NOTE_CHARS)
        async with self._database.write() as connection:
            await self._one(connection, incident_id)
            await self._add(connection, principal, incident_id, IncidentEntryKind.NOTE, content)
        self.tell(incident_id)
        return await self.details(principal, incident_id)

    async def capture(self, bot_name: str, reason: str, *, seen: BotView | None = None) -> None:
        """Store how a bot is now, before it is restarted. In its time limit, and without ever failing.

        It belongs to the open incident of the bot; without one, to the incident that follows within ten minutes.
        """
        if seen is None:
            seen = next((bot for bot in self._fleet.current().bots if bot.name == bot_name), None)
        try:
            evidence = await self._evidence.collect(bot_name, reason, seen=seen)
            async with self._database.write() as connection:
                current = await evidence_store.current_of(connection, bot_name)
                incident_id, evidence_count = current or (None, 0)
                if evidence_count >= MAX_EVIDENCE:
                    return
                evidence.incident_id = incident_id
                await evidence_store.add(connection, evidence)
                if incident_id is not None:
                    await incidents.add_entry(
                        connection, _captured(evidence.bot_name, incident_id, self._clock, reason)
                    )
        except AppError as error:
            log.warning("evidence_not_stored", bot_name=bot_name, code=error.code, detail=error.detail)
            return
        if evidence.incident_id is not None:
            self.tell(evidence.incident_id)

    async def _one(self, connection: Connection, incident_id: UUID) -> IncidentView:
        incident = await listing.one(connection, incident_id, now=self._clock.now())
        if incident is None:
            raise NotFound("This incident doesn't exist.")
        return incident

    async def _add(
        self, connection: Connection, principal: Principal, incident_id: UUID, kind: IncidentEntryKind, content: str
    ) -> None:
        """A line of somebody, in the timeline and in the audit trail."""
        entry = IncidentEntry(
            id=new_id(),
            incident_id=incident_id,
            at=self._clock.now(),
            kind=kind,
            actor_name=principal.username,
            content=content,
        )
        await incidents.add_entry(connection, entry)
        action = "incident.acknowledge" if kind is IncidentEntryKind.ACKNOWLEDGED else "incident.note"
        details = {"text": content[:MAX_REASON_CHARS]}
        await self._audit.record(principal, action, str(incident_id), details=details, connection=connection)


def _captured(bot_name: str, incident_id: UUID, clock: Clock, reason: str) -> IncidentEntry:
    return IncidentEntry(
        id=new_id(),
        incident_id=incident_id,
        at=clock.now(),
        kind=IncidentEntryKind.EVIDENCE,
        bot_name=bot_name,
        content=sentences.evidence_captured(bot_name, reason),
    )
