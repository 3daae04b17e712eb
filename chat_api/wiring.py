"""The services of one application, put together from what is open."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from starlette.datastructures import State

from chat_api.alerts.apprise_sender import AppriseSender
from chat_api.alerts.delivery import AlertDelivery
from chat_api.alerts.service import AlertsService
from chat_api.alerts.settings import AlertSettingsService
from chat_api.audit.service import AuditService
from chat_api.background.worker_registry import WorkerRegistry
from chat_api.changes.service import ChangesService
from chat_api.changes.values import Values
from chat_api.checks.service import ChecksService
from chat_api.core.allowances import Allowances
from chat_api.core.logging import set_log_level
from chat_api.core.loop_watch import LoopWatch
from chat_api.core.pubsub import PubSub
from chat_api.core.rate_limits import RateLimits
from chat_api.core.security import load_key_ring
from chat_api.core.settings import Settings
from chat_api.fleet.check_intervals import CheckIntervals
from chat_api.fleet.containers import ContainersService
from chat_api.fleet.dependencies import Connections
from chat_api.fleet.health import HealthService
from chat_api.fleet.known_bots import KnownBotsService
from chat_api.fleet.policies import PoliciesService
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.renames import RenamesService
from chat_api.fleet.service import FleetService
from chat_api.fleet.store_sources import StoreSources
from chat_api.fleet.synthetic_checks import SyntheticChecksService
from chat_api.fleet.synthetic_checks_cost import cost_notes
from chat_api.fleet.test_messages import TestMessagesService
from chat_api.fleet_data.queue_lives import QueuesService
from chat_api.fleet_data.service import FleetDataService
from chat_api.fleet_stores import open_fleet_stores
from chat_api.gateway.service import GatewayService
from chat_api.gateway.speakers import Speakers
from chat_api.incidents.evidence import EvidenceCollector
from chat_api.incidents.service import IncidentsService
from chat_api.keys.access import KeyAccess
from chat_api.keys.service import KeysService
from chat_api.logs.service import LogService
from chat_api.memories.bots import PersonAtBots
from chat_api.memories.erasures import MemoryErasures
from chat_api.memories.known_as import KnownAs
from chat_api.memories.service import MemoriesService
from chat_api.messages.answers import AnswersService
from chat_api.messages.edits_and_reactions import EditsService
from chat_api.messages.feeds import Feeds
from chat_api.messages.service import MessagesService
from chat_api.parts.adoption import AdoptionService
from chat_api.parts.service import PartsService
from chat_api.people.admin_setup import AdminSetupService
from chat_api.people.administrators import AdministratorsService
from chat_api.people.auth import AuthService
from chat_api.people.bot_users import BotUsers
from chat_api.people.data import PersonDataService
from chat_api.people.identity import IdentityService
from chat_api.people.service import UsersService
from chat_api.reports.service import ReportsService
from chat_api.resources import Resources
from chat_api.restarts.rolling import RollingService
from chat_api.restarts.schedules import RestartSchedulesService
from chat_api.restarts.service import RestartsService
from chat_api.series.analytics import AnalyticsService
from chat_api.series.service import SeriesService
from chat_api.service_registry import Services
from chat_api.settings.feature_flags import FeatureFlags, FeatureFlagsService
from chat_api.settings.service import SettingsService
from chat_api.settings.store import SettingsStore
from chat_api.system.service import SystemService
from chat_api.transcripts.service import TranscriptsService


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The services that doors use, and what only the background work needs."""

    services: Services
    sender: AppriseSender
    feature_flags: FeatureFlags
    store: SettingsStore
    loop_watch: LoopWatch
    book: WorkerRegistry
    fleet_redis: Redis | None
    store_sources: StoreSources


def _names_of(registry: BotRegistry) -> Iterator[str]:
    for spec in registry.all():
        yield from {spec.name, spec.display_name or spec.name}


def compose(stack: AsyncExitStack, r: Resources, state: State) -> Wiring:
    """Make every service once; ``state`` has the leader and the WebSockets when somebody asks about them."""
    database, settings, pubsub, connector, engine = r.database, r.settings, r.pubsub, r.connector, r.engine
    stores = open_fleet_stores(stack, settings)
    store_sources = StoreSources(database=stores.database, redis=stores.redis, prefix=settings.fleet_redis_prefix)
    audit, feature_flags, registry, sender = (
        AuditService(database),
        FeatureFlags(),
        BotRegistry(settings, stores=store_sources),
        AppriseSender(),
    )
    identity = IdentityService(database, settings, feature_flags=feature_flags, bot_names=lambda: _names_of(registry))
    limits = RateLimits(redis_url=r.redis_url, requests_per_minute=settings.rate_limit_requests_per_minute)
    stack.push_async_callback(limits.close)
    key_ring = load_key_ring(settings)
    auth = AuthService(database, key_ring, identity, audit, settings, limits=limits)
    key_access = KeyAccess(database, key_ring, limits, Allowances(r.redis), pubsub)
    share_ends(auth, pubsub)
    store = SettingsStore(database, audit, pubsub, values=r.set_here)
    feeds = Feeds(database, pubsub)
    fleet = _fleet(r, registry)
    bot_users = BotUsers(database, pubsub)
    at_bots, known_as = PersonAtBots(fleet.identities, connector.knowledge), KnownAs(database, bot_users)
    erasures = MemoryErasures(database, registry, fleet, at_bots, known_as, audit, limits)
    answers = AnswersService(database, fleet.identities, feeds, pubsub)
    synthetic_checks = SyntheticChecksService(registry, fleet, connector)
    policies = PoliciesService(database, registry, fleet, audit)
    fleet_changes = ChangesService(database, registry, fleet, Values(key_ring.derived("bot configurations")))
    incidents = IncidentsService(database, fleet, audit, EvidenceCollector(engine), pubsub, changes=fleet_changes)
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
    stack.push_async_callback(restarts.close)
    parts = PartsService(engine, fleet, audit)
    stack.push_async_callback(parts.close)
    logs = LogService(engine, registry, part_name=parts.log_name)
    fleet_data = FleetDataService(
        database, registry, fleet, history=stores.database, influx=stores.influx, zone=settings.fleet_timezone
    )
    stack.push_async_callback(fleet_data.close)
    checks = ChecksService(database, registry, fleet.identities, audit, pubsub)
    stack.push_async_callback(checks.close)
    # Closed before the restarts and the checks that it waits for.
    rolling = RollingService(
        database, registry, fleet, restarts, audit, pubsub, check=synthetic_checks.ask, checkup=checks.answers
    )
    stack.push_async_callback(rolling.close)
    stack.push_async_callback(logs.close)
    known_bots = KnownBotsService(database, registry, fleet, audit, pubsub)
    book = WorkerRegistry()
    loop_watch = LoopWatch(on_lag=r.metrics.record_lag, on_blocked=r.metrics.record_blocked)
    messages = MessagesService(
        database, answers, registry, limits, feeds, bot_users, feature_flags=feature_flags, keys=key_access
    )
    services = Services(
        settings=settings,
        adoption=AdoptionService(database, engine, audit, pubsub, projects=settings.adopt_compose_projects),
        administrators=AdministratorsService(database, auth, audit),
        admin_setup=AdminSetupService(database, audit, settings),
        alerts=AlertsService(database, audit, pubsub),
        alert_delivery=AlertDelivery(database, audit, sender, on_done=r.metrics.record_notification),
        alert_settings=AlertSettingsService(
            database, audit, sender, known_bots=lambda: {spec.name for spec in registry.all()}
        ),
        analytics=AnalyticsService(database),
        answers=answers,
        audit=audit,
        auth=auth,
        test_messages=TestMessagesService(registry, connector, fleet.identities, audit),
        synthetic_checks=synthetic_checks,
        changes=EditsService(database, registry, feeds, limits, feature_flags=feature_flags),
        checks=checks,
        configuration=SettingsService(
            store,
            audit,
            environment=r.environment,
            notes=cost_notes(fleet, CheckIntervals.of_settings(r.settings)),
        ),
        containers=ContainersService(engine, registry, fleet),
        feeds=feeds,
        fleet=fleet,
        fleet_data=fleet_data,
        queues=QueuesService(fleet),
        fleet_changes=fleet_changes,
        gateway=GatewayService(
            messages,
            feeds,
            registry,
            fleet.identities,
            Speakers(database),
            key_access,
            feature_flags=feature_flags,
        ),
        health=_health(r),
        incidents=incidents,
        key_access=key_access,
        keys=KeysService(database, key_ring, key_access, audit, feature_flags=feature_flags),
        known_bots=known_bots,
        renames=RenamesService(database, registry, known_bots, policies, audit),
        limits=limits,
        logs=logs,
        memories=MemoriesService(registry, at_bots, known_as, audit, limits),
        memory_erasures=erasures,
        messages=messages,
        parts=parts,
        person_data=PersonDataService(database, auth, audit, bot_users, forget_at_bots=erasures.erase_with_person),
        policies=policies,
        registry=registry,
        reports=ReportsService(database, audit, public_url=settings.web_ui_public_url),
        restart_schedules=RestartSchedulesService(database, registry, fleet, rolling, audit),
        restarts=restarts,
        rolling=rolling,
        series=SeriesService(database, registry, services=lambda: fleet.service_names),
        pubsub=pubsub,
        feature_flags=FeatureFlagsService(store, audit, feature_flags),
        system=SystemService(
            database,
            r.redis,
            pubsub,
            answers,
            fleet,
            loop_watch=loop_watch,
            requests=r.metrics.request_statistics,
            book=book,
            is_leader=lambda: state.leader.is_leader,
            websockets=lambda: state.websockets.connection_count,
        ),
        transcripts=TranscriptsService(database, audit, feeds),
        users=UsersService(database, auth, audit),
    )
    return Wiring(
        services=services,
        sender=sender,
        feature_flags=feature_flags,
        store=store,
        loop_watch=loop_watch,
        book=book,
        fleet_redis=stores.redis,
        store_sources=store_sources,
    )


def follow_settings(r: Resources, state: State, services: Services) -> None:
    """What is set in the console and needs no restart takes effect here; what others hold, in their workers."""

    def configure(new: Settings) -> None:
        set_log_level(new.log_level)
        r.database.slow_queries.limit_s = new.slow_query_ms / 1000
        r.connector.configure(new)
        services.limits.set_rate(new.rate_limit_requests_per_minute)
        services.auth.configure(new)
        services.fleet.set_check_interval(new.bot_health_check_interval)
        services.restarts.set_deadline(new.bot_restart_timeout)
        state.poller.set_interval(new.bot_health_check_interval)
        state.websockets.set_limits(
            max_connections=new.max_concurrent_connections,
            max_connections_per_user=new.max_connections_per_user,
            max_frames_per_s=new.websocket_frames_per_second,
        )

    services.configuration.changes.listen(configure)
    r.database.slow_queries.limit_s = r.settings.slow_query_ms / 1000
    if r.settings.log_level != r.environment.log_level:
        set_log_level(r.settings.log_level)


def share_ends(auth: AuthService, pubsub: PubSub) -> None:
    """A session that ends in one process ends in all of them at once."""
    ending: set[UUID] = set()

    def tell(session_id: UUID) -> None:
        if session_id not in ending:
            pubsub.publish("session_ended", str(session_id))

    def on_session_ended(payload: Any) -> None:
        session_id = UUID(payload)
        ending.add(session_id)
        auth.ended.publish(session_id)
        ending.discard(session_id)

    auth.ended.listen(tell)
    pubsub.subscribe("session_ended", on_session_ended)


def _fleet(r: Resources, registry: BotRegistry) -> FleetService:
    fleet = FleetService(
        registry,
        r.connector,
        check_interval_s=r.settings.bot_health_check_interval,
        check_intervals=CheckIntervals.of_settings(r.settings),
    )
    fleet.reports.listen(r.recorder.record_report)
    return fleet


def _health(r: Resources) -> HealthService:
    connections = Connections(database=r.database, redis=r.redis, engine=r.engine, settings=r.settings)
    return HealthService(connections, pubsub=r.pubsub)
