"""All services of one application, built once by the lifespan and kept on ``app.state.services``."""

from dataclasses import dataclass

from chat_api.core.settings import Settings
from chat_api.core.signals import Signals
from chat_api.services.administrators import AdministratorsService
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
from chat_api.services.containers import ContainersService
from chat_api.services.feeds import Feeds
from chat_api.services.fleet import FleetService
from chat_api.services.health import HealthService
from chat_api.services.incidents import IncidentsService
from chat_api.services.known_bots import KnownBotsService
from chat_api.services.limits import RateLimits
from chat_api.services.logs import LogService
from chat_api.services.messages import MessagesService
from chat_api.services.person_data import PersonDataService
from chat_api.services.policies import PoliciesService
from chat_api.services.restarts import RestartsService
from chat_api.services.rolling import RollingService
from chat_api.services.series import SeriesService
from chat_api.services.settings import SettingsService
from chat_api.services.switches import SwitchesService
from chat_api.services.system import SystemService
from chat_api.services.transcripts import TranscriptsService
from chat_api.services.users import UsersService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What doors may use."""

    settings: Settings
    auth: AuthService
    audit: AuditService
    alerts: AlertsService
    alert_delivery: AlertDelivery
    alert_settings: AlertSettingsService
    answers: AnswersService
    canary: CanaryService
    changes: ChangesService
    containers: ContainersService
    feeds: Feeds
    bot_trials: BotTrialsService
    messages: MessagesService
    fleet: FleetService
    health: HealthService
    incidents: IncidentsService
    known_bots: KnownBotsService
    limits: RateLimits
    policies: PoliciesService
    logs: LogService
    registry: BotRegistry
    restarts: RestartsService
    series: SeriesService
    rolling: RollingService
    signals: Signals
    administrators: AdministratorsService
    analytics: AnalyticsService
    person_data: PersonDataService
    transcripts: TranscriptsService
    users: UsersService
    configuration: SettingsService
    switches: SwitchesService
    system: SystemService
