"""Opens every resource in order and closes them in reverse."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import FastAPI
from redis.asyncio import Redis

from chat_api.clients.apprise_sender import AppriseSender
from chat_api.clients.bots import BotConnector
from chat_api.clients.container_engine import ContainerEngine, NoEngine
from chat_api.core.database import Database
from chat_api.core.logging import get_logger, set_log_level
from chat_api.core.loop_watch import LoopWatch
from chat_api.core.metrics import Metrics
from chat_api.core.redis import connect_redis
from chat_api.core.security import load_key_ring
from chat_api.core.settings import Settings
from chat_api.core.signals import Signals
from chat_api.core.worker_book import WorkerBook
from chat_api.realtime.manager import WebSocketManager
from chat_api.repositories import console_settings, deployment
from chat_api.services.administrators import AdministratorsService
from chat_api.services.alert_blind import BlindAlerts
from chat_api.services.alert_delivery import AlertDelivery
from chat_api.services.alert_settings import AlertSettingsService
from chat_api.services.alerts import AlertsService
from chat_api.services.analytics import AnalyticsService
from chat_api.services.answers import AnswersService
from chat_api.services.audit import AuditService
from chat_api.services.auth import AuthService
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.bot_trials import BotTrialsService
from chat_api.services.canary import CanaryService
from chat_api.services.changes import ChangesService
from chat_api.services.container import Services
from chat_api.services.containers import ContainersService
from chat_api.services.feeds import Feeds
from chat_api.services.figures import FiguresService
from chat_api.services.fleet import FleetService
from chat_api.services.health import HealthService
from chat_api.services.identity import IdentityService
from chat_api.services.incident_evidence import EvidenceCollector
from chat_api.services.incident_journal import IncidentJournal
from chat_api.services.incidents import IncidentsService
from chat_api.services.limits import RateLimits
from chat_api.services.logs import LogService
from chat_api.services.messages import MessagesService
from chat_api.services.person_data import PersonDataService
from chat_api.services.policies import PoliciesService
from chat_api.services.restarts import RestartsService
from chat_api.services.rolling import RollingService
from chat_api.services.series import SeriesService
from chat_api.services.series_recorder import SeriesRecorder
from chat_api.services.settings import SettingsService, effective
from chat_api.services.settings_store import SettingsStore, Values
from chat_api.services.switches import Switches, SwitchesService
from chat_api.services.system import REPORT_EVERY_S, SystemService
from chat_api.services.transcripts import TranscriptsService
from chat_api.services.users import UsersService
from chat_api.workers.alerter import Alerter
from chat_api.workers.canary import CanaryWorker
from chat_api.workers.fleet_keeper import FleetKeeper
from chat_api.workers.fleet_relay import FleetRelay
from chat_api.workers.gauges import keep_gauges
from chat_api.workers.healer import Healer
from chat_api.workers.health_poller import HealthPoller
from chat_api.workers.incident_keeper import FORGET_EVERY_S, IncidentKeeper
from chat_api.workers.leader import Leader
from chat_api.workers.rollups import FLUSH_S, Rollups
from chat_api.workers.status_keeper import StatusKeeper
from chat_api.workers.supervisor import Supervisor, every
from chat_api.workers.usage import measure_all, measure_watched
from models.database_url import asyncpg_dsn
from models.migrate import upgrade

log = get_logger(__name__)

BEAT_S = 5.0
ABANDON_S = 30.0
INTERRUPT_S = 10.0
POLICIES_S = 5.0
FORGET_S = 600.0
COUNT_USAGE_S = 120.0
STALENESS_S = 1.0
TYPING_S = 0.1
BLIND_S = 2.0
SETTINGS_S = 5.0
TOLD_S = 0.5
NOTICES_S = 1.0
# The server has four seconds before this for open requests; the promise is 25 in all. Source: promises.
DRAIN_S = 18.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: PLR0915 - what is opened in order is read in order
    """Everything the application needs, for as long as it runs. Fails the start when something vital is missing."""
    settings: Settings = app.state.settings
    metrics: Metrics = app.state.metrics
    async with AsyncExitStack() as stack:
        database, redis_url, set_here = await _storage(stack, settings)
        environment, settings = settings, effective(settings, set_here)
        database.slow_queries.on_slow = metrics.record_slow_query
        redis = _redis(stack, redis_url)
        engine = _engine(stack, settings)
        recorder = _recorder(stack, database, metrics)
        connector = await _connector(stack, settings, metrics, recorder)

        audit = AuditService(database)
        switches = Switches()
        identity = IdentityService(database, settings, switches=switches)
        auth = AuthService(database, load_key_ring(settings), identity, audit, settings)
        registry = BotRegistry(settings)
        limits = RateLimits(redis_url=redis_url, requests_per_minute=settings.rate_limit_requests_per_minute)
        stack.push_async_callback(limits.close)
        signals = await _signals(redis_url, database, auth)
        store = SettingsStore(database, audit, signals, values=set_here)
        configuration = SettingsService(store, audit, environment=environment)
        feeds = Feeds(database, signals)
        answers = AnswersService(database, connector, registry, feeds, signals)
        messages = MessagesService(database, answers, registry, limits, feeds, switches=switches)
        changes = ChangesService(database, registry, feeds, limits, switches=switches)
        fleet = _fleet(settings, registry, connector, recorder)
        canary = CanaryService(registry, connector, fleet)
        policies = PoliciesService(database, registry, fleet, audit)
        incidents = IncidentsService(database, fleet, audit, EvidenceCollector(engine), signals)
        health = HealthService(
            database,
            redis,
            engine,
            qdrant_url=settings.qdrant_url,
            llm_url=settings.llm_health_url,
            signals=signals,
        )
        restarts = RestartsService(
            database,
            engine,
            registry,
            connector,
            fleet,
            audit,
            policies,
            health_deadline_s=settings.bot_restart_timeout,
            before_restart=incidents.capture,
        )
        rolling = RollingService(database, registry, fleet, restarts, audit, signals, canary=canary.ask)
        _close_last(stack, restarts.close, rolling.close)
        containers = ContainersService(engine, registry, fleet)
        logs = LogService(engine, registry)
        stack.push_async_callback(logs.close)
        app.state.websockets = websockets = WebSocketManager(
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
        alerting = _alerting(settings, fleet, registry, audit, signals, database, metrics)
        book = WorkerBook()
        loop_watch = LoopWatch(on_lag=metrics.record_lag, on_blocked=metrics.record_blocked)
        system = SystemService(
            database,
            redis,
            signals,
            answers,
            fleet,
            loop_watch=loop_watch,
            requests=metrics.request_figures,
            book=book,
            is_leader=lambda: leader.is_leader,
            websockets=lambda: websockets.connection_count,
        )

        _follow_settings(
            configuration, environment, database, limits, auth, connector, fleet, poller, restarts, websockets
        )
        app.state.leader = leader = Leader(
            database,
            signals,
            _leaders_work(poller, keeper, restarts, feeds, answers)
            | _chronicle(settings, database, registry, fleet, canary)
            | _healing(rolling, Healer(fleet, restarts, policies, database))
            | _incident_work(IncidentKeeper(fleet, IncidentJournal(database, incidents, audit), incidents))
            | {"alerts": alerting.worker.run, "usage": partial(measure_all, containers)}
            | {"analytics": partial(every, COUNT_USAGE_S, AnalyticsService(database).count)}
            | {"dead_processes": partial(every, FORGET_S, system.forget_dead)},
            on_change=metrics.record_leader,
            book=book,
        )
        await _look_around(keeper, poller, relay, answers, policies)

        app.state.services = Services(
            settings=settings,
            alerts=alerting.alerts,
            alert_delivery=alerting.delivery,
            alert_settings=alerting.settings,
            auth=auth,
            audit=audit,
            answers=answers,
            canary=canary,
            changes=changes,
            containers=containers,
            feeds=feeds,
            bot_trials=BotTrialsService(registry, connector, audit),
            messages=messages,
            fleet=fleet,
            health=health,
            incidents=incidents,
            limits=limits,
            policies=policies,
            logs=logs,
            registry=registry,
            restarts=restarts,
            series=SeriesService(database, registry),
            rolling=rolling,
            signals=signals,
            administrators=AdministratorsService(database, auth, audit),
            analytics=AnalyticsService(database),
            person_data=PersonDataService(database, auth, audit),
            transcripts=TranscriptsService(database, audit, feeds),
            users=UsersService(database, auth, audit),
            configuration=configuration,
            switches=SwitchesService(store, audit, switches),
            system=system,
        )
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
            | {"series": partial(every, FLUSH_S, recorder.flush)}
            | {"blind_alerts": partial(every, BLIND_S, alerting.blind.look)}
            | {
                "loop_lag": loop_watch.run,
                "settings": partial(every, SETTINGS_S, store.look),
                "settings_told": partial(every, TOLD_S, store.look_when_told),
                "notices": partial(every, NOTICES_S, app.state.services.switches.tick),
                "process_report": partial(every, REPORT_EVERY_S, system.report),
                "gauges": partial(keep_gauges, metrics, database, answers, fleet, book, switches),
            }
            | _upkeep(app.state.services),
            book=book,
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
            await system.leave()


def _follow_settings(
    configuration: SettingsService,
    environment: Settings,
    database: Database,
    limits: RateLimits,
    auth: AuthService,
    connector: BotConnector,
    fleet: FleetService,
    poller: HealthPoller,
    restarts: RestartsService,
    websockets: WebSocketManager,
) -> None:
    """What is set in the console and needs no restart takes effect here."""

    def configure(new: Settings) -> None:
        set_log_level(new.log_level)
        database.slow_queries.limit_s = new.slow_query_ms / 1000
        limits.set_rate(new.rate_limit_requests_per_minute)
        auth.configure(new)
        connector.configure(new)
        fleet.set_check_interval(new.bot_health_check_interval)
        poller.set_interval(new.bot_health_check_interval)
        restarts.set_deadline(new.bot_restart_timeout)
        websockets.set_limits(
            max_connections=new.max_concurrent_connections,
            max_connections_per_user=new.max_connections_per_user,
            max_frames_per_s=new.websocket_frames_per_second,
        )

    configuration.changes.listen(configure)
    database.slow_queries.limit_s = configuration.current.slow_query_ms / 1000
    if configuration.current.log_level != environment.log_level:
        set_log_level(configuration.current.log_level)


async def _storage(stack: AsyncExitStack, settings: Settings) -> tuple[Database, str, Values]:
    """The migrated database, open, the address of Redis, and what is set in the console."""
    database_url, redis_url = await _servers(stack, settings)
    await upgrade(database_url)
    set_here = await console_settings.read_at_start(asyncpg_dsn(database_url))
    database = Database(database_url, pool_size=effective(settings, set_here).database_pool_size)
    stack.push_async_callback(database.dispose)
    return database, redis_url, set_here


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


async def _signals(redis_url: str, database: Database, auth: AuthService) -> Signals:
    async with database.statement() as connection:
        signals = Signals(redis_url, deployment_id=await deployment.deployment_id(connection))
    _share_ends(auth, signals)
    return signals


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


def _recorder(stack: AsyncExitStack, database: Database, metrics: Metrics) -> SeriesRecorder:
    """What counts everything that happens in this process."""
    recorder = SeriesRecorder(database)
    metrics.on_request, metrics.on_lag = recorder.record_request, recorder.record_lag
    stack.push_async_callback(recorder.close)
    return recorder


def _fleet(
    settings: Settings, registry: BotRegistry, connector: BotConnector, recorder: SeriesRecorder
) -> FleetService:
    fleet = FleetService(
        registry,
        connector,
        check_interval_s=settings.bot_health_check_interval,
        canary_interval_s=settings.bot_canary_interval,
    )
    fleet.reports.listen(recorder.record_report)
    return fleet


async def _connector(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics, recorder: SeriesRecorder
) -> BotConnector:
    def called(bot_name: str, outcome: str, duration_s: float) -> None:
        metrics.record_bot_call(bot_name, outcome, duration_s)
        recorder.record_answer(bot_name, outcome, duration_s)

    connector = BotConnector(settings, on_call=called, on_refused=metrics.record_bot_refusal)
    await connector.initialize()
    stack.push_async_callback(connector.cleanup)
    return connector


async def _look_around(
    keeper: FleetKeeper, poller: HealthPoller, relay: FleetRelay, answers: AnswersService, policies: PoliciesService
) -> None:
    """The fleet as the sources describe it and as other processes last saw it; and that we are there."""
    await keeper.refresh()
    await poller.restore()
    await relay.catch_up()
    await policies.reload()
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


def _chronicle(
    settings: Settings, database: Database, registry: BotRegistry, fleet: FleetService, canary: CanaryService
) -> dict[str, Callable[[], Awaitable[None]]]:
    """The leader's part in what is known over time."""
    interval_s = settings.bot_health_check_interval
    return {
        "canary": CanaryWorker(canary, fleet, interval_s=settings.bot_canary_interval).run,
        "rollups": Rollups(FiguresService(database, registry), fleet, database).run,
        "status": StatusKeeper(fleet, database, check_interval_s=interval_s).run,
    }


def _close_last(stack: AsyncExitStack, *closers: Callable[[], Awaitable[None]]) -> None:
    """The last of them first: a rolling restart ends before the restart that it waits for."""
    for close in closers:
        stack.push_async_callback(close)


def _healing(rolling: RollingService, healer: Healer) -> dict[str, Callable[[], Awaitable[None]]]:
    """What the leader does with bots by itself."""
    return {"healer": healer.run, "dead_rolling": partial(every, INTERRUPT_S, rolling.interrupt_dead)}


def _incident_work(incident_keeper: IncidentKeeper) -> dict[str, Callable[[], Awaitable[None]]]:
    return {
        "incidents": incident_keeper.run,
        "old_incidents": partial(every, FORGET_EVERY_S, incident_keeper.forget_old),
    }


class _Alerting(NamedTuple):
    """What alerts are made of."""

    alerts: AlertsService
    delivery: AlertDelivery
    settings: AlertSettingsService
    worker: Alerter
    blind: BlindAlerts


def _alerting(
    settings: Settings,
    fleet: FleetService,
    registry: BotRegistry,
    audit: AuditService,
    signals: Signals,
    database: Database,
    metrics: Metrics,
) -> _Alerting:
    sender = AppriseSender()
    alerts = AlertsService(database, audit, signals)
    delivery = AlertDelivery(database, audit, sender, on_done=metrics.record_notification)
    worker = Alerter(
        fleet,
        alerts,
        delivery,
        database,
        metrics,
        state_dir=settings.web_ui_state_dir,
        settle_s=2 * settings.bot_health_check_interval + 1,
        deadman_url=settings.deadman_url.get_secret_value() if settings.deadman_url else None,
        deadman_interval_s=settings.deadman_interval,
    )
    decisions = AlertSettingsService(database, audit, sender, known_bots=lambda: {spec.name for spec in registry.all()})
    return _Alerting(alerts, delivery, decisions, worker, BlindAlerts(database, alerts, audit, sender))


def _upkeep(services: Services) -> dict[str, Callable[[], Awaitable[None]]]:
    """What is done again and again beside the watching."""
    return {
        "heartbeat": partial(every, BEAT_S, services.answers.beat),
        "typing": partial(every, TYPING_S, services.answers.tell_typing),
        "staleness": partial(every, STALENESS_S, services.fleet.refresh),
        "policies": partial(every, POLICIES_S, services.policies.reload),
        "rolling": services.rolling.watch,
        "alerts": services.alerts.follow,
        "usage_watched": partial(measure_watched, services.containers),
    }


def _engine(stack: AsyncExitStack, settings: Settings) -> ContainerEngine:
    if settings.docker_host is None:
        return NoEngine()
    from chat_api.clients.docker_engine import DockerEngine  # The SDK is slow to import, and not always needed.

    engine = DockerEngine(settings.docker_host, label=settings.docker_label)
    stack.push_async_callback(engine.close)
    return engine
