"""Who is asking, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from chat_api.core.errors import NotAuthenticated, PermissionDenied
from models import Role


class Permission(StrEnum):
    """One name for each thing that is allowed or denied; see :data:`LEAST_ROLE`."""

    CHAT = "chat"
    VIEW_FLEET = "fleet.view"
    VIEW_AUDIT = "audit.view"
    VIEW_LOGS = "logs.view"
    VIEW_ANALYTICS = "analytics.view"
    VIEW_SYSTEM = "system.view"
    VIEW_SETTINGS = "settings.view"
    VIEW_USERS = "users.view"
    RESTART_BOT = "bot.restart"
    STOP_BOT = "bot.stop"
    MANAGE_BOT = "bot.manage"
    TRY_BOT = "bot.try"
    MANAGE_INCIDENTS = "incidents.manage"
    MANAGE_ALERTS = "alerts.manage"
    END_SESSIONS = "sessions.end"
    READ_CONVERSATIONS = "conversations.read"
    MANAGE_USERS = "users.manage"
    MANAGE_SETTINGS = "settings.manage"
    MANAGE_ADMINS = "admins.manage"


LEAST_ROLE: dict[Permission, Role] = {
    Permission.VIEW_FLEET: Role.VIEWER,
    Permission.VIEW_AUDIT: Role.VIEWER,
    Permission.VIEW_LOGS: Role.VIEWER,
    Permission.VIEW_ANALYTICS: Role.VIEWER,
    Permission.VIEW_SYSTEM: Role.VIEWER,
    Permission.VIEW_SETTINGS: Role.VIEWER,
    Permission.VIEW_USERS: Role.OPERATOR,
    Permission.RESTART_BOT: Role.OPERATOR,
    Permission.STOP_BOT: Role.OPERATOR,
    Permission.MANAGE_BOT: Role.OPERATOR,
    Permission.TRY_BOT: Role.OPERATOR,
    Permission.MANAGE_INCIDENTS: Role.OPERATOR,
    Permission.MANAGE_ALERTS: Role.OPERATOR,
    Permission.END_SESSIONS: Role.OPERATOR,
    Permission.READ_CONVERSATIONS: Role.ADMIN,
    Permission.MANAGE_USERS: Role.ADMIN,
    Permission.MANAGE_SETTINGS: Role.ADMIN,
    Permission.MANAGE_ADMINS: Role.ADMIN,
}
_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A signed-in user (``role`` is ``None``) or administrator, from one session."""

    user_id: str
    username: str
    display_name: str
    session_id: UUID
    role: Role | None = None
    is_guest: bool = False
    address: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether this is somebody of the console, of whatever role."""
        return self.role is not None

    def may(self, permission: Permission) -> bool:
        """Whether this is allowed. What no rule names is denied."""
        if permission is Permission.CHAT:
            return self.role is None
        least = LEAST_ROLE.get(permission)
        return least is not None and self.role is not None and _RANK[self.role] >= _RANK[least]

    def require(self, permission: Permission) -> None:
        """Raises: PermissionDenied. A user's token on an administrator's door is not authenticated at all."""
        if self.may(permission):
            return
        if permission is not Permission.CHAT and self.role is None:
            raise NotAuthenticated
        raise PermissionDenied


SYSTEM_ACTOR = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a request comes from; both values are shown to administrators, never trusted."""

    address: str | None = None
    user_agent: str | None = None
