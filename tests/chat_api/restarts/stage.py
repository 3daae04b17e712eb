"""Everything that restarts bots, over real PostgreSQL and a real bot, with an engine that notes what it is asked.

All bots of the stage are one real process at several addresses; a broken one has an address where nobody listens. What
a real engine does is seen to in ``test_restarts`` and ``test_rolling``.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import yaml

from chat_api.audit.service import AuditService
from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import Probe
from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.errors import EngineFailed
from chat_api.core.principals import Principal
from chat_api.core.pubsub import PubSub
from chat_api.engine.interface import NoEngine
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.fleet.policies import PoliciesService
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import BotView, RestartView, SyntheticCheckView
from chat_api.fleet.service import FleetService
from chat_api.fleet.synthetic_checks import SyntheticChecksService
from chat_api.restarts.healing_worker import HealingWorker
from chat_api.restarts.rolling import RollingService
from chat_api.restarts.runs import BeforeRestart, no_evidence
from chat_api.restarts.schemas import RestartFilter
from chat_api.restarts.service import RestartsService
from models import Role
from tests.support.api import MakeSettings
from tests.support.sample_bots import RunningBot

NOWHERE = "http://127.0.0.1:9"
HOUR_S = 3600.0


class ShiftedClock:
    """Real time, and as much more as a test says."""

    def __init__(self) -> None:
        self._shift_s = 0.0

    def move(self, seconds: float) -> None:
        """Let time pass at once."""
        self._shift_s += seconds

    @property
    def clock(self) -> Clock:
        """As services take it."""
        return Clock(
            now=lambda: datetime.now(UTC) + timedelta(seconds=self._shift_s),
            monotonic_s=lambda: time.monotonic() + self._shift_s,
        )


class NotingEngine(NoEngine):
    """Does at once what it is asked, and notes it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.calls: list[tuple[str, str]] = []
        self.refuses: set[str] = set()
        self.views = {name: _container(name) for name in names}

    async def list_bots(self) -> tuple[ContainerView, ...]:
        """All of them, as they are."""
        return tuple(self.views.values())

    async def restart(self, view: ContainerView, *, timeout_s: float = 10) -> None:
        """Noted."""
        self._do("restart", view, ContainerState.RUNNING)

    async def start(self, view: ContainerView) -> None:
        """Noted."""
        self._do("start", view, ContainerState.RUNNING)

    async def stop(self, view: ContainerView, *, timeout_s: float = 10) -> None:
        """Noted."""
        self._do("stop", view, ContainerState.EXITED)

    async def logs_tail(self, view: ContainerView, lines: int = 200) -> tuple[str, ...]:
        """Two lines."""
        return ("one", "two")

    def asked(self, action: str) -> list[str]:
        """The bots that an action was done to, in order."""
        return [name for done, name in self.calls if done == action]

    def _do(self, action: str, view: ContainerView, state: ContainerState) -> None:
        self.calls.append((action, view.bot_name))
        if view.bot_name in self.refuses:
            raise EngineFailed("The engine refused.")
        self.views[view.bot_name] = replace(view, state=state)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One process of a deployment, as far as restarts go."""

    database: Database
    engine: NotingEngine
    registry: BotRegistry
    connector: BotConnector
    fleet: FleetService
    audit: AuditService
    policies: PoliciesService
    restarts: RestartsService
    rolling: RollingService
    healer: HealingWorker
    time: ShiftedClock
    evidence: list[tuple[str, str]] = field(default_factory=list)

    def bot(self, name: str) -> BotView:
        """A bot as pages see it."""
        return next(bot for bot in self.fleet.current().bots if bot.name == name)

    def look(self) -> None:
        """Take over the containers."""
        self.fleet.record_containers(tuple(self.engine.views.values()))

    def fail_checks(self, name: str, count: int) -> None:
        """So many failed health checks, a second apart."""
        for _ in range(count):
            self.time.move(1)
            self.fleet.record_probe(
                Probe(bot_name=name, is_healthy=False, checked_at=self.time.clock.now(), error="cannot connect")
            )

    def pass_check(self, name: str) -> None:
        """One good health check."""
        self.time.move(1)
        now = self.time.clock.now()
        self.fleet.record_probe(Probe(bot_name=name, is_healthy=True, checked_at=now, latency_ms=1.0))

    def fail_synthetic_checks(self, name: str, count: int) -> None:
        """So many messages of the console's own without an answer, half a minute apart, of a bot that is healthy."""
        for _ in range(count):
            self.time.move(30)
            self.pass_check(name)
            check = SyntheticCheckView(
                bot_name=name, is_answered=False, checked_at=self.time.clock.now(), error="no answer in time"
            )
            self.fleet.record_synthetic_check(check)

    async def healings(self, name: str) -> tuple[RestartView, ...]:
        """The stored automatic restarts of a bot, newest first."""
        found = await self.restarts.history.found(admin(), RestartFilter(bot_name=name))
        return tuple(view for view in found if view.origin == "auto_heal")


def admin(name: str = "olga", role: Role = Role.OPERATOR) -> Principal:
    """Somebody of the console."""
    return Principal(user_id=f"adm_{name}", username=name, display_name=name, session_id=uuid4(), role=role)


@asynccontextmanager
async def staged(
    make_settings: MakeSettings,
    bot: RunningBot,
    names: Sequence[str],
    *,
    broken: Sequence[str] = (),
    time: ShiftedClock | None = None,
    engine: NotingEngine | None = None,
    health_deadline_s: float = 0.5,
    before_restart: BeforeRestart = no_evidence,
) -> AsyncIterator[Stage]:
    """A stage with these bots; a second one over the same settings is a second process."""
    settings = make_settings()
    assert settings.bots_config is not None
    assert settings.database_url is not None
    assert settings.redis_url is not None
    entries = [
        {"name": name, "url": f"{NOWHERE}/{name}" if name in broken else bot.url_as(number)}
        for number, name in enumerate(names, start=1)
    ]
    settings.bots_config.write_text(yaml.safe_dump(entries))
    time, engine = time or ShiftedClock(), engine or NotingEngine(names)
    clock = time.clock
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url.get_secret_value(), pool_size=6)
        stack.push_async_callback(database.dispose)
        connector = BotConnector(settings)
        await connector.initialize()
        stack.push_async_callback(connector.cleanup)
        registry = BotRegistry(settings)
        await registry.refresh()
        fleet = FleetService(registry, connector, check_interval_s=60, clock=clock)
        fleet.sync_registry()
        audit = AuditService(database)
        policies = PoliciesService(database, registry, fleet, audit, clock=clock)
        restarts = RestartsService(
            database,
            engine,
            registry,
            connector,
            fleet,
            audit,
            policies,
            health_deadline_s=health_deadline_s,
            clock=clock,
            before_restart=before_restart,
        )
        stack.push_async_callback(restarts.close)
        pubsub = PubSub(settings.redis_url.get_secret_value(), deployment_id="stage")
        check = SyntheticChecksService(registry, fleet, connector).ask
        rolling = RollingService(database, registry, fleet, restarts, audit, pubsub, check=check, clock=clock)
        stack.push_async_callback(rolling.close)
        stage = Stage(
            database=database,
            engine=engine,
            registry=registry,
            connector=connector,
            fleet=fleet,
            audit=audit,
            policies=policies,
            restarts=restarts,
            rolling=rolling,
            healer=HealingWorker(fleet, restarts, policies, database, clock=clock),
            time=time,
        )
        stage.look()
        yield stage


def _container(name: str) -> ContainerView:
    long_ago = datetime.now(UTC) - timedelta(days=1)
    return ContainerView(
        bot_name=name,
        kind=ContainerKind.CONTAINER,
        id=name,
        name=f"{name}-bot",
        state=ContainerState.RUNNING,
        is_managed=True,
        last_seen_at=long_ago,
        started_at=long_ago,
    )
