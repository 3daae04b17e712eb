"""The data: SQLModel tables, one module a noun, and their migrations."""

from models.accounts import WebAccount, WebClaim
from models.admins import AdminAccount, Role
from models.audit import AuditEntry, AuditOutcome
from models.conversations import MessageStatus, MessageType, WebConversation, WebEvent, WebInstance, WebStream
from models.health import BotCheck
from models.restarts import BotRestart, RestartState
from models.sessions import WebUserSession
from models.settings import WebSetting
from models.users import PlatformIdentity, UniversalUser

__all__ = [
    "AdminAccount",
    "AuditEntry",
    "AuditOutcome",
    "BotCheck",
    "BotRestart",
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
    "WebInstance",
    "WebSetting",
    "WebStream",
    "WebUserSession",
]
