"""Opens every resource in order and closes them in reverse."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from redis.asyncio import Redis

from chat_api.clients.bots import BotConnector
from chat_api.clients.container_engine import ContainerEngine, NoEngine
from chat_api.core.database import Database
from chat_api.core.logging import get_logger
from chat_api.core.metrics import Metrics
from chat_api.core.redis import connect_redis
from chat_api.core.security import load_key_ring
from chat_api.core.settings import Settings
from chat_api.core.signals import Signals
from chat_api.realtime.manager import WebSocketManager
from chat_api.repositories import deployment
from chat_api.services.answers import AnswersService
from chat_api.services.audit import AuditService
from chat_api.services.auth import AuthService
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.changes import ChangesService
from chat_api.services.container import Services
from chat_api.services.feeds import Feeds
from chat_api.services.fleet import FleetService
from chat_api.services.health import HealthService
from chat_api.services.identity import IdentityService
from chat_api.services.incident_evidence import EvidenceCollector
from chat_api.services.incident_journal import IncidentJournal
from chat_api.services.incidents import IncidentsService
from chat_api.services.limits import RateLimits
from chat_api.services.messages import MessagesService
from chat_api.services.restarts import RestartsService
from chat_api.workers.fleet_keeper import FleetKeeper
from chat_api.workers.fleet_relay import FleetRelay
from chat_api.workers.gauges import keep_gauges
from chat_api.workers.health_poller import HealthPoller
from chat_api.workers.incident_keeper import FORGET_EVERY_S, IncidentKeeper
from chat_api.workers.leader import Leader
from chat_api.workers.supervisor import Supervisor, every
from models.migrate import upgrade

log = get_logger(__name__)

BEAT_S = 5.0
ABANDON_S = 30.0
FORGET_S = 600.0
STALENESS_S = 1.0
TYPING_S = 0.1
# The server has four seconds before this for open requests; the promise is 25 in all. Source: promises.
DRAIN_S = 18.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: PLR0915 - what is opened in order is read in order
    """Everything the application needs, for as long as it runs. Fails the start when something vital is missing."""
    settings: Settings = app.state.settings
    metrics: Metrics = app.state.metrics
    async with AsyncExitStack() as stack:
        database, redis_url = await _storage(stack, settings)
        redis = _redis(stack, redis_url)
        engine = _engine(settings)
        stack.push_async_callback(engine.close)
        connector = await _connector(stack, settings, metrics)

        audit = AuditService(database)
        identity = IdentityService(database, settings)
        auth = AuthService(database, load_key_ring(settings), identity, audit, settings)
        registry = BotRegistry(settings)
        limits = RateLimits(redis_url=redis_url, requests_per_minute=settings.rate_limit_requests_per_minute)
        stack.push_async_callback(limits.close)
        signals = Signals(redis_url, deployment_id=await _deployment_id(database))
        _share_ends(auth, signals)
        feeds = Feeds(database, signals)
        answers = AnswersService(database, connector, registry, feeds, signals)
        messages = MessagesService(database, answers, registry, limits, feeds)
        changes = ChangesService(database, registry, feeds, limits)
        fleet = FleetService(registry, connector, check_interval_s=settings.bot_health_check_interval)
        health = HealthService(
            database,
            redis,
            engine,
            qdrant_url=settings.qdrant_url,
            llm_url=settings.llm_health_url,
            signals=signals,
        )
        incidents = IncidentsService(database, fleet, audit, EvidenceCollector(engine), signals)
        restarts = RestartsService(
            database, engine, registry, connector, fleet, audit, health_deadline_s=settings.bot_restart_timeout
        )
        stack.push_async_callback(restarts.close)
        websockets = WebSocketManager(
            feeds,
            auth,
            fleet,
            signals,
            metrics,
            max_connections=settings.max_concurrent_connections,
            max_connections_per_user=settings.max_connections_per_user,
            max_frames_per_s=settings.websocket_frames_per_second,
        )
        poller = HealthPoller(
            registry, connector, fleet, health, database, interval_s=settings.bot_health_check_interval
        )
        keeper = FleetKeeper(registry, fleet, poller, engine)
        relay = FleetRelay(fleet, keeper, signals, database)
        leader = Leader(
            database,
            signals,
            _leaders_work(poller, keeper, restarts, feeds, answers)
            | _incident_work(IncidentKeeper(fleet, IncidentJournal(database, incidents, audit), incidents)),
            on_change=metrics.record_leader,
        )
        await _look_around(keeper, poller, relay, answers)

        app.state.services = Services(
            settings=settings,
            auth=auth,
            audit=audit,
            answers=answers,
            changes=changes,
            feeds=feeds,
            messages=messages,
            fleet=fleet,
            health=health,
            incidents=incidents,
            limits=limits,
            registry=registry,
            restarts=restarts,
            signals=signals,
        )
        app.state.leader = leader
        app.state.websockets = websockets
        app.state.setup_code = await auth.prepare_first_admin() if app.state.makes_admin else None
        supervisor = Supervisor(
            {
                "sessions": websockets.watch_sessions,
                "peers": websockets.watch_peers,
                "signals": signals.run,
                "feeds": feeds.run,
                "leader": leader.run,
                "relay": relay.run,
                "sources": keeper.refresh_regularly,
            }
            | _upkeep(app.state.services, metrics, database)
        )
        supervisor.start()
        log.info("started", bots=len(registry.all()), problems=len(registry.problems))

        async def drain() -> None:
            """Take no more traffic and send clients elsewhere; the server calls it before it closes sockets itself."""
            health.is_draining = True
            await asyncio.gather(leader.resign(), websockets.drain())

        app.state.drain = drain
        try:
            yield
        finally:
            await drain()
            await answers.drain(timeout_s=DRAIN_S)
            await supervisor.stop()


async def _storage(stack: AsyncExitStack, settings: Settings) -> tuple[Database, str]:
    """The migrated database, open, and the address of Redis."""
    database_url, redis_url = await _servers(stack, settings)
    await upgrade(database_url)
    database = Database(database_url, pool_size=settings.database_pool_size)
    stack.push_async_callback(database.dispose)
    return database, redis_url


async def _servers(stack: AsyncExitStack, settings: Settings) -> tuple[str, str]:
    """The addresses of PostgreSQL and Redis: the configured ones, else those of our own servers."""
    database_url = settings.database_url.get_secret_value() if settings.database_url else None
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    if database_url is None or redis_url is None:
        from chat_api.core.embedded import embedded_servers

        endpoints = await stack.enter_async_context(
            embedded_servers(settings.web_ui_state_dir, postgres=database_url is None, valkey=redis_url is None)
        )
        database_url = database_url or endpoints.database_url
        redis_url = redis_url or endpoints.redis_url
    assert database_url is not None
    assert redis_url is not None
    return database_url, redis_url


async def _deployment_id(database: Database) -> str:
    async with database.statement() as connection:
        return await deployment.deployment_id(connection)


def _share_ends(auth: AuthService, signals: Signals) -> None:
    """A session that ends in one process ends in all of them at once."""
    heard: set[UUID] = set()

    def tell(session_id: UUID) -> None:
        if session_id not in heard:
            signals.publish("session_ended", str(session_id))

    def hear(told: Any) -> None:
        session_id = UUID(told)
        heard.add(session_id)
        auth.ended.publish(session_id)
        heard.discard(session_id)

    auth.ended.listen(tell)
    signals.subscribe("session_ended", hear)


def _redis(stack: AsyncExitStack, redis_url: str) -> Redis:
    redis = connect_redis(redis_url)
    stack.push_async_callback(redis.aclose)
    return redis


async def _connector(stack: AsyncExitStack, settings: Settings, metrics: Metrics) -> BotConnector:
    connector = BotConnector(settings, on_call=metrics.record_bot_call, on_refused=metrics.record_bot_refusal)
    await connector.initialize()
    stack.push_async_callback(connector.cleanup)
    return connector


async def _look_around(keeper: FleetKeeper, poller: HealthPoller, relay: FleetRelay, answers: AnswersService) -> None:
    """The fleet as the sources describe it and as other processes last saw it; and that we are there."""
    await keeper.refresh()
    await poller.restore()
    await relay.catch_up()
    await answers.beat()


def _leaders_work(
    poller: HealthPoller, keeper: FleetKeeper, restarts: RestartsService, feeds: Feeds, answers: AnswersService
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What one process of the deployment does for all."""
    return {
        "health_poller": poller.run,
        "containers": keeper.watch_containers,
        "restarts": partial(every, ABANDON_S, restarts.abandon_dead),
        "old_events": partial(every, FORGET_S, feeds.forget_old),
        "dead_instances": partial(every, FORGET_S, answers.forget_dead),
    }


def _incident_work(incident_keeper: IncidentKeeper) -> dict[str, Callable[[], Awaitable[None]]]:
    return {
        "incidents": incident_keeper.run,
        "old_incidents": partial(every, FORGET_EVERY_S, incident_keeper.forget_old),
    }


def _upkeep(services: Services, metrics: Metrics, database: Database) -> dict[str, Callable[[], Awaitable[None]]]:
    """What is done again and again beside the watching."""
    return {
        "heartbeat": partial(every, BEAT_S, services.answers.beat),
        "typing": partial(every, TYPING_S, services.answers.tell_typing),
        "staleness": partial(every, STALENESS_S, services.fleet.refresh),
        "loop_lag": metrics.measure_loop_lag,
        "gauges": partial(keep_gauges, metrics, database, services.answers, services.fleet),
    }


def _engine(settings: Settings) -> ContainerEngine:
    if settings.docker_host is None:
        return NoEngine()
    from chat_api.clients.docker_engine import DockerEngine  # The SDK is slow to import, and not always needed.

    return DockerEngine(settings.docker_host, label=settings.docker_label)
