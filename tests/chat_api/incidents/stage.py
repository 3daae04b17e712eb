"""A fleet of made-up bots, whose probes a test records, with everything that keeps incidents over a real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from chat_api.audit.service import AuditService
from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import Probe
from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.principals import Principal
from chat_api.core.pubsub import PubSub
from chat_api.engine.interface import NoEngine
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.reports import PoliciesReport, ServiceReport
from chat_api.fleet.schemas import BotPolicy, ServiceStatus
from chat_api.fleet.service import FleetService
from chat_api.incidents.evidence import EvidenceCollector
from chat_api.incidents.journal import IncidentJournal
from chat_api.incidents.schemas import IncidentDetails, IncidentView
from chat_api.incidents.service import IncidentsService
from chat_api.incidents.worker import IncidentWorker
from models import Role
from tests.support.api import MakeSettings

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def admin(role: Role = Role.ADMIN) -> Principal:
    """Somebody of the console."""
    return Principal(user_id=str(role), username=f"the {role}", display_name="x", session_id=uuid4(), role=role)


@dataclass
class Stage:
    """The parts; ``keepers`` are as many as there are processes that believe to lead."""

    database: Database
    fleet: FleetService
    service: IncidentsService
    audit: AuditService
    clock: Clock
    names: Sequence[str]
    now: list[datetime]
    keepers: list[IncidentWorker] = field(default_factory=list)

    def add_keeper(self) -> IncidentWorker:
        """One more process that keeps incidents."""
        journal = IncidentJournal(self.database, self.service, self.audit, clock=self.clock)
        keeper = IncidentWorker(self.fleet, journal, self.service, clock=self.clock)
        self.keepers.append(keeper)
        return keeper

    def probe(self, names: Sequence[str], *, is_healthy: bool) -> None:
        """Look at these bots."""
        for name in names:
            error = None if is_healthy else "connection refused"
            latency_ms = 5.0 if is_healthy else None
            at = self.now[0]
            self.fleet.record_probe(
                Probe(bot_name=name, is_healthy=is_healthy, checked_at=at, latency_ms=latency_ms, error=error)
            )

    def check(self, name: str, *, is_healthy: bool) -> None:
        """Look at a dependency."""
        status = ServiceStatus.HEALTHY if is_healthy else ServiceStatus.UNHEALTHY
        self.fleet.record_service(
            ServiceReport(
                name=name,
                title=name.title(),
                status=status,
                checked_at=self.now[0],
                latency_ms=1.0 if is_healthy else None,
                error=None if is_healthy else "connection refused",
            )
        )

    def die(self, name: str, *, exit_code: int = 1) -> None:
        """Let the engine show that a bot's container ended."""
        self.fleet.record_containers(
            (
                ContainerView(
                    bot_name=name,
                    kind=ContainerKind.CONTAINER,
                    id="c" * 64,
                    name=f"{name}-bot",
                    state=ContainerState.EXITED,
                    is_managed=True,
                    last_seen_at=self.now[0],
                    exit_code=exit_code,
                ),
            )
        )

    def maintain(self, name: str) -> None:
        """Put a bot into maintenance."""
        policy = BotPolicy(bot_name=name, changed_at=self.now[0], maintenance_since=self.now[0])
        self.fleet.record_policies(PoliciesReport(reported_at=self.now[0], policies=(policy,)))

    def want_stopped(self, name: str) -> None:
        """An operator stops a bot."""
        policy = BotPolicy(bot_name=name, changed_at=self.now[0], stopped_at=self.now[0], stopped_by="olga")
        self.fleet.record_policies(PoliciesReport(reported_at=self.now[0], policies=(policy,)))

    async def evaluate(self, after_s: float = 0.0) -> None:
        """Let time pass, and every keeper look, all at once."""
        self.now[0] += timedelta(seconds=after_s)
        await asyncio.gather(*(keeper.evaluate() for keeper in self.keepers))
        captures = [task for keeper in self.keepers for task in keeper._captures]
        await asyncio.gather(*captures)

    async def all(self) -> tuple[IncidentView, ...]:
        """Every incident, as an administrator sees them."""
        return await self.service.newest(admin())

    async def only(self) -> IncidentDetails:
        """The one incident that there is."""
        (incident,) = await self.all()
        return await self.service.details(admin(), incident.incident_id)


@asynccontextmanager
async def stage(make_settings: MakeSettings, names: Sequence[str]) -> AsyncIterator[Stage]:
    """A fleet of these bots, all well, and one keeper; its clock stands still unless told."""
    settings = make_settings()
    assert settings.bots_config is not None
    assert settings.database_url is not None
    lines = "\n".join(f"- {{name: {name}, url: 'http://127.0.0.1:9/{name}'}}" for name in names)
    settings.bots_config.write_text(lines + "\n")
    now = [BEGIN]
    clock = Clock(now=lambda: now[0], monotonic_s=lambda: (now[0] - BEGIN) / timedelta(seconds=1))
    database = Database(settings.database_url.get_secret_value(), pool_size=5)
    connector = BotConnector(settings)
    await connector.initialize()
    registry = BotRegistry(settings)
    await registry.refresh()
    try:
        fleet = FleetService(registry, connector, check_interval_s=600, clock=clock)
        fleet.sync_registry()
        audit = AuditService(database, clock=clock)
        pubsub = PubSub("redis://127.0.0.1:1/0", deployment_id=uuid4().hex)
        service = IncidentsService(
            database, fleet, audit, EvidenceCollector(NoEngine(), clock=clock), pubsub, clock=clock
        )
        built = Stage(database=database, fleet=fleet, service=service, audit=audit, clock=clock, names=names, now=now)
        built.add_keeper()
        built.probe(names, is_healthy=True)
        for name in ("postgres", "redis"):
            built.check(name, is_healthy=True)
        await built.evaluate()
        yield built
    finally:
        await connector.cleanup()
        await database.dispose()
