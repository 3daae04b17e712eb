"""The data: SQLModel tables, one module a noun, and their migrations."""

from models.accounts import WebAccount, WebClaim
from models.admins import AdminAccount, Role
from models.audit import AuditEntry, AuditOutcome
from models.conversations import (
    FinishReason,
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
from models.leases import WebLease
from models.processes import WebProcess
from models.restarts import BotRestart, RestartState
from models.sessions import WebSocketTicket, WebUserSession
from models.settings import WebSetting
from models.users import PlatformIdentity, UniversalUser

__all__ = [
    "AdminAccount",
    "AuditEntry",
    "AuditOutcome",
    "BotCheck",
    "BotRestart",
    "FinishReason",
    "MessageStatus",
    "MessageType",
    "PlatformIdentity",
    "RestartState",
    "Role",
    "UniversalUser",
    "WebAccount",
    "WebClaim",
    "WebConversation",
    "WebEvent",
    "WebFleetReport",
    "WebInstance",
    "WebLease",
    "WebMessageVersion",
    "WebProcess",
    "WebReaction",
    "WebSetting",
    "WebSocketTicket",
    "WebStream",
    "WebThread",
    "WebUserSession",
]
