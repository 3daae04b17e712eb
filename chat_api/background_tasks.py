"""The background work: what every process does for itself, and what one of a deployment, the leader, does for all."""

from collections.abc import Awaitable, Callable
from functools import partial

from chat_api.alerts.database_outage import DatabaseOutageAlerts
from chat_api.alerts.worker import AlertEvaluator
from chat_api.background.supervisor import every
from chat_api.changes.journal import ConfigurationJournal
from chat_api.changes.parts_worker import PartChangesWorker
from chat_api.changes.worker import PRUNE_EVERY_S as PRUNE_CHANGES_EVERY_S
from chat_api.changes.worker import ChangesWorker
from chat_api.fleet.addresses import is_inside_container
from chat_api.fleet.check_intervals import CheckIntervals
from chat_api.fleet.container_usage_worker import measure_all, measure_watched
from chat_api.fleet.health_poller import HealthPoller
from chat_api.fleet.queue_watcher import QueueWatcher
from chat_api.fleet.relay_worker import FleetRelay
from chat_api.fleet.sources_watcher import SourcesWatcher
from chat_api.fleet.storage_watcher import StorageWatcher
from chat_api.fleet.store_sources_watcher import watch_stores
from chat_api.fleet.synthetic_checks_worker import SyntheticChecksWorker
from chat_api.incidents.journal import IncidentJournal
from chat_api.incidents.worker import PRUNE_EVERY_S as PRUNE_INCIDENTS_EVERY_S
from chat_api.incidents.worker import IncidentWorker
from chat_api.messages.socket_manager import WebSocketManager
from chat_api.parts.worker import PartsWorker, keep_adopted
from chat_api.resources import Resources
from chat_api.restarts.healing_worker import HealingWorker
from chat_api.series.recent_answers import RecentAnswersService
from chat_api.series.recent_statistics import RecentStatisticsService
from chat_api.series.rollups_worker import FLUSH_S, Rollups
from chat_api.series.status_worker import StatusRecorder
from chat_api.service_registry import Services
from chat_api.system.gauges_worker import keep_gauges
from chat_api.system.service import REPORT_EVERY_S
from chat_api.wiring import Wiring

BackgroundTasks = dict[str, Callable[[], Awaitable[None]]]

HEARTBEAT_S = 5.0
ABANDON_S = 30.0
INTERRUPT_S = 10.0
POLICIES_S = 5.0
PRUNE_EVERY_S = 600.0
COUNT_USAGE_S = 120.0
STALENESS_S = 1.0
TYPING_S = 0.1
DATABASE_OUTAGE_S = 2.0
SETTINGS_S = 5.0
RELOAD_S = 0.5
NOTICES_S = 1.0
MEMORY_ERASURES_S = 20.0
REPORTS_S = 30.0
SCHEDULES_S = 5.0
KEY_USAGE_S = 5.0


def leader_tasks(r: Resources, c: Wiring, poller: HealthPoller, sources: SourcesWatcher) -> BackgroundTasks:
    """What one process of the deployment does for all."""
    s = c.services
    incidents = IncidentWorker(s.fleet, IncidentJournal(r.database, s.incidents, s.audit), s.incidents)
    changes = _changes(r, s)
    interval_s = r.settings.bot_health_check_interval
    return {
        "health_poller": poller.run,
        "containers": sources.watch_containers,
        "parts": _parts_worker(r, s, sources).run,
        "synthetic_checks": SyntheticChecksWorker(
            s.synthetic_checks, s.fleet, CheckIntervals.of_settings(r.settings)
        ).run,
        "rollups": _rollups(r, s).run,
        "status": StatusRecorder(s.fleet, r.database, check_interval_s=interval_s).run,
        "usage": partial(measure_all, s.containers),
        "healer": HealingWorker(s.fleet, s.restarts, s.policies, r.database).run,
        "incidents": incidents.run,
        "alerts": _alert_evaluator(r, c).run,
        "daily_report": partial(every, REPORTS_S, s.reports.send_regularly),
        "restart_schedules": partial(every, SCHEDULES_S, s.restart_schedules.run_due),
        "changes": changes.run,
        "part_changes": PartChangesWorker(r.engine, _journal(r, s)).run,
        "analytics": partial(every, COUNT_USAGE_S, s.analytics.count),
        "dead_checks": partial(every, ABANDON_S, s.checks.interrupt_dead),
        "dead_restarts": partial(every, ABANDON_S, s.restarts.abandon_dead),
        "dead_rolling": partial(every, INTERRUPT_S, s.rolling.interrupt_dead),
        "dead_instances": partial(every, PRUNE_EVERY_S, s.answers.prune_dead),
        "dead_processes": partial(every, PRUNE_EVERY_S, s.system.prune_dead),
        "queues": QueueWatcher(c.fleet_redis, s.fleet, check_interval_s=interval_s).run,
        "memory_erasures": partial(every, MEMORY_ERASURES_S, s.memory_erasures.runs.retry_due),
        "old_key_usage": partial(every, PRUNE_EVERY_S, s.keys.prune),
        "known_bots": sources.remember_regularly,
        "old_events": partial(every, PRUNE_EVERY_S, s.feeds.prune),
        "old_changes": partial(every, PRUNE_CHANGES_EVERY_S, changes.prune),
        "old_incidents": partial(every, PRUNE_INCIDENTS_EVERY_S, incidents.prune),
    }


def process_tasks(
    r: Resources, c: Wiring, websockets: WebSocketManager, sources: SourcesWatcher, relay: FleetRelay
) -> BackgroundTasks:
    """What every process does for itself."""
    s = c.services
    return {
        "sessions": websockets.watch_sessions,
        "peers": websockets.watch_peers,
        "pubsub": s.pubsub.run,
        "feeds": s.feeds.run,
        "relay": relay.run,
        "sources": sources.refresh_regularly,
        "adoption": partial(keep_adopted, s.adoption, sources.list_soon),
        "store_sources": partial(watch_stores, c.store_sources, sources),
        "heartbeat": partial(every, HEARTBEAT_S, s.answers.heartbeat),
        "typing": partial(every, TYPING_S, s.answers.tell_typing),
        "staleness": partial(every, STALENESS_S, s.fleet.refresh),
        "policies": partial(every, POLICIES_S, s.policies.reload),
        "rolling": s.rolling.watch,
        "alerts": s.alerts.follow,
        "database_outage_alerts": partial(
            every, DATABASE_OUTAGE_S, DatabaseOutageAlerts(r.database, s.alerts, s.audit, c.sender).evaluate
        ),
        "usage_watched": partial(measure_watched, s.containers),
        "storage": StorageWatcher(s.fleet, s.health, check_interval_s=r.settings.bot_health_check_interval).run,
        "series": partial(every, min(FLUSH_S, r.settings.bot_health_check_interval / 2), r.recorder.flush),
        "settings": partial(every, SETTINGS_S, c.store.reload),
        "settings_changes": partial(every, RELOAD_S, c.store.reload_when_notified),
        "key_usage": partial(every, KEY_USAGE_S, s.key_access.flush),
        "notices": partial(every, NOTICES_S, s.feature_flags.tick),
        "loop_lag": c.loop_watch.run,
        "process_report": partial(every, REPORT_EVERY_S, s.system.report),
        "gauges": partial(keep_gauges, r.metrics, r.database, s.answers, s.fleet, c.book, c.feature_flags),
    }


def _parts_worker(r: Resources, s: Services, sources: SourcesWatcher) -> PartsWorker:
    return PartsWorker(
        r.engine,
        s.fleet,
        s.adoption,
        is_inside=is_inside_container(),
        check_interval_s=r.settings.bot_health_check_interval,
        woken=s.parts.acted,
        was_asked_to_stop=sources.was_asked_to_stop,
    )


def _rollups(r: Resources, s: Services) -> Rollups:
    return Rollups(
        RecentStatisticsService(r.database, s.registry),
        RecentAnswersService(r.database, s.registry, s.fleet),
        s.fleet,
        r.database,
        check_interval_s=r.settings.bot_health_check_interval,
    )


def _changes(r: Resources, s: Services) -> ChangesWorker:
    return ChangesWorker(s.fleet, s.registry, r.engine, _journal(r, s), characters_dir=r.settings.characters_dir)


def _journal(r: Resources, s: Services) -> ConfigurationJournal:
    return ConfigurationJournal(r.database, s.fleet_changes.values)


def _alert_evaluator(r: Resources, c: Wiring) -> AlertEvaluator:
    settings = r.settings
    return AlertEvaluator(
        c.services.fleet,
        c.services.alerts,
        c.services.alert_delivery,
        r.database,
        r.metrics,
        state_dir=settings.web_ui_state_dir,
        warm_up_s=2 * settings.bot_health_check_interval + 1,
        deadman_url=settings.deadman_url.get_secret_value() if settings.deadman_url else None,
        deadman_interval_s=settings.deadman_interval,
    )
