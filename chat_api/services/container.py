"""All services of one application, built once by the lifespan and kept on ``app.state.services``."""

from dataclasses import dataclass

from chat_api.core.settings import Settings
from chat_api.core.signals import Signals
from chat_api.services.answers import AnswersService
from chat_api.services.audit import AuditService
from chat_api.services.auth import AuthService
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.changes import ChangesService
from chat_api.services.feeds import Feeds
from chat_api.services.fleet import FleetService
from chat_api.services.health import HealthService
from chat_api.services.limits import RateLimits
from chat_api.services.messages import MessagesService
from chat_api.services.restarts import RestartsService
from chat_api.services.settings import SettingsService
from chat_api.services.switches import SwitchesService
from chat_api.services.system import SystemService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What doors may use."""

    settings: Settings
    auth: AuthService
    audit: AuditService
    answers: AnswersService
    changes: ChangesService
    feeds: Feeds
    messages: MessagesService
    fleet: FleetService
    health: HealthService
    limits: RateLimits
    registry: BotRegistry
    restarts: RestartsService
    signals: Signals
    configuration: SettingsService
    switches: SwitchesService
    system: SystemService
