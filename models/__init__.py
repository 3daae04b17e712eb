"""The data: SQLModel tables, one module a noun, and their migrations."""

from models.accounts import WebAccount, WebClaim
from models.admins import AdminAccount, Role
from models.adoption import WebAdoptedContainer
from models.alerts import (
    Alert,
    AlertChannel,
    AlertNotification,
    AlertRule,
    AlertStatus,
    AlertSubject,
    MaintenanceWindow,
    NoData,
    NotificationKind,
    NotificationStatus,
    RuleKind,
    Severity,
    SubjectStatus,
)
from models.analytics import WebActivityDay, WebRetention, WebUsage, WebUsageDirty
from models.api_keys import (
    BackgroundMode,
    KeyScope,
    WebApiIdentity,
    WebApiKey,
    WebApiKeySecret,
    WebApiKeyUsage,
    WebUsageSource,
)
from models.audit import AuditEntry, AuditOutcome
from models.bot_policies import WebBotPolicy
from models.changes import WebBotConfiguration
from models.checks import CheckRunState, WebCheckResult, WebCheckRun, WebCheckSuite
from models.conversations import (
    FinishReason,
    MessageSource,
    MessageStatus,
    MessageType,
    WebConversation,
    WebEvent,
    WebInstance,
    WebMessageVersion,
    WebReaction,
    WebStream,
    WebThread,
)
from models.fleet_reports import WebFleetReport
from models.health import BotCheck
from models.incidents import Incident, IncidentBot, IncidentEntry, IncidentEntryKind, IncidentEvidence
from models.known_bots import WebKnownBot
from models.leases import WebLease
from models.memories import ErasureOutcome, MemoryErasure, MemoryErasurePart, MemoryPart
from models.people import WebMerge
from models.processes import WebProcess
from models.reports import WebReportSchedule
from models.restart_schedules import Recurrence, ScheduleOutcome, WebRestartSchedule
from models.restarts import ActionOrigin, BotAction, BotRestart, RestartState
from models.rolling import RollingRestart, RollingState
from models.series import WebSeries, WebSeriesWriter, WebStatusInterval
from models.sessions import WebSocketTicket, WebUserSession
from models.settings import WebSetting
from models.users import PlatformIdentity, UniversalUser

__all__ = [
    "ActionOrigin",
    "AdminAccount",
    "Alert",
    "AlertChannel",
    "AlertNotification",
    "AlertRule",
    "AlertStatus",
    "AlertSubject",
    "AuditEntry",
    "AuditOutcome",
    "BackgroundMode",
    "BotAction",
    "BotCheck",
    "BotRestart",
    "CheckRunState",
    "ErasureOutcome",
    "FinishReason",
    "Incident",
    "IncidentBot",
    "IncidentEntry",
    "IncidentEntryKind",
    "IncidentEvidence",
    "KeyScope",
    "MaintenanceWindow",
    "MemoryErasure",
    "MemoryErasurePart",
    "MemoryPart",
    "MessageSource",
    "MessageStatus",
    "MessageType",
    "NoData",
    "NotificationKind",
    "NotificationStatus",
    "PlatformIdentity",
    "Recurrence",
    "RestartState",
    "Role",
    "RollingRestart",
    "RollingState",
    "RuleKind",
    "ScheduleOutcome",
    "Severity",
    "SubjectStatus",
    "UniversalUser",
    "WebAccount",
    "WebActivityDay",
    "WebAdoptedContainer",
    "WebApiIdentity",
    "WebApiKey",
    "WebApiKeySecret",
    "WebApiKeyUsage",
    "WebBotConfiguration",
    "WebBotPolicy",
    "WebCheckResult",
    "WebCheckRun",
    "WebCheckSuite",
    "WebClaim",
    "WebConversation",
    "WebEvent",
    "WebFleetReport",
    "WebInstance",
    "WebKnownBot",
    "WebLease",
    "WebMerge",
    "WebMessageVersion",
    "WebProcess",
    "WebReaction",
    "WebReportSchedule",
    "WebRestartSchedule",
    "WebRetention",
    "WebSeries",
    "WebSeriesWriter",
    "WebSetting",
    "WebSocketTicket",
    "WebStatusInterval",
    "WebStream",
    "WebThread",
    "WebUsage",
    "WebUsageDirty",
    "WebUsageSource",
    "WebUserSession",
]
