"""All services of one application, built once by the lifespan and kept on ``app.state.services``."""

from dataclasses import dataclass, field, fields
from typing import TypeVar, cast

from chat_api.alerts.delivery import AlertDelivery
from chat_api.alerts.service import AlertsService
from chat_api.alerts.settings import AlertSettingsService
from chat_api.audit.service import AuditService
from chat_api.changes.service import ChangesService
from chat_api.checks.service import ChecksService
from chat_api.core.pubsub import PubSub
from chat_api.core.rate_limits import RateLimits
from chat_api.core.settings import Settings
from chat_api.fleet.containers import ContainersService
from chat_api.fleet.health import HealthService
from chat_api.fleet.known_bots import KnownBotsService
from chat_api.fleet.policies import PoliciesService
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.renames import RenamesService
from chat_api.fleet.service import FleetService
from chat_api.fleet.synthetic_checks import SyntheticChecksService
from chat_api.fleet.test_messages import TestMessagesService
from chat_api.fleet_data.queue_lives import QueuesService
from chat_api.fleet_data.service import FleetDataService
from chat_api.gateway.service import GatewayService
from chat_api.incidents.service import IncidentsService
from chat_api.keys.access import KeyAccess
from chat_api.keys.service import KeysService
from chat_api.logs.service import LogService
from chat_api.memories.erasures import MemoryErasures
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
from chat_api.people.data import PersonDataService
from chat_api.people.service import UsersService
from chat_api.reports.service import ReportsService
from chat_api.restarts.rolling import RollingService
from chat_api.restarts.schedules import RestartSchedulesService
from chat_api.restarts.service import RestartsService
from chat_api.series.analytics import AnalyticsService
from chat_api.series.service import SeriesService
from chat_api.settings.feature_flags import FeatureFlagsService
from chat_api.settings.service import SettingsService
from chat_api.system.service import SystemService
from chat_api.transcripts.service import TranscriptsService

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What endpoints and pages may use."""

    settings: Settings
    adoption: AdoptionService
    auth: AuthService
    audit: AuditService
    alerts: AlertsService
    alert_delivery: AlertDelivery
    alert_settings: AlertSettingsService
    answers: AnswersService
    synthetic_checks: SyntheticChecksService
    changes: EditsService
    checks: ChecksService
    containers: ContainersService
    feeds: Feeds
    test_messages: TestMessagesService
    messages: MessagesService
    parts: PartsService
    renames: RenamesService
    fleet: FleetService
    fleet_data: FleetDataService
    queues: QueuesService
    fleet_changes: ChangesService
    gateway: GatewayService
    health: HealthService
    incidents: IncidentsService
    key_access: KeyAccess
    keys: KeysService
    known_bots: KnownBotsService
    memories: MemoriesService
    memory_erasures: MemoryErasures
    limits: RateLimits
    policies: PoliciesService
    logs: LogService
    registry: BotRegistry
    reports: ReportsService
    restart_schedules: RestartSchedulesService
    restarts: RestartsService
    series: SeriesService
    rolling: RollingService
    pubsub: PubSub
    administrators: AdministratorsService
    admin_setup: AdminSetupService
    analytics: AnalyticsService
    person_data: PersonDataService
    transcripts: TranscriptsService
    users: UsersService
    configuration: SettingsService
    feature_flags: FeatureFlagsService
    system: SystemService
    _by_class: dict[type[object], object] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        values = (getattr(self, one.name) for one in fields(self) if one.init)
        self._by_class.update({type(value): value for value in values})

    def of(self, kind: type[S]) -> S:
        """The service of a class."""
        return cast("S", self._by_class[kind])
