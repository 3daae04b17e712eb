"""Who is asking, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from chat_api.core.errors import NotAuthenticated, OutOfScope, PermissionDenied
from models import BackgroundMode, KeyScope, Role


class Permission(StrEnum):
    """One name for each thing that is allowed or denied; see :data:`LEAST_ROLE`."""

    CHAT = "chat"
    READ_HISTORY = "chat.history"
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
    OWN_KEYS = "keys.own"
    MANAGE_KEYS = "keys.manage"


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
    Permission.OWN_KEYS: Role.VIEWER,
    Permission.MANAGE_KEYS: Role.ADMIN,
}
# What people may do, and nobody of the console: they talk as users. Keys of their own both may have.
OF_USERS = frozenset({Permission.CHAT, Permission.READ_HISTORY})
# What a key needs beside its owner's right. What is not here no key may do: make keys or administrators.
SCOPES: dict[Permission, KeyScope] = {
    Permission.CHAT: KeyScope.CHAT,
    Permission.READ_HISTORY: KeyScope.HISTORY,
    Permission.VIEW_FLEET: KeyScope.STATUS,
    Permission.VIEW_LOGS: KeyScope.STATUS,
    Permission.VIEW_ANALYTICS: KeyScope.STATUS,
    Permission.VIEW_SYSTEM: KeyScope.STATUS,
    Permission.RESTART_BOT: KeyScope.OPERATE,
    Permission.STOP_BOT: KeyScope.OPERATE,
    Permission.MANAGE_BOT: KeyScope.OPERATE,
    Permission.TRY_BOT: KeyScope.OPERATE,
    Permission.MANAGE_INCIDENTS: KeyScope.OPERATE,
    Permission.MANAGE_ALERTS: KeyScope.OPERATE,
    Permission.VIEW_AUDIT: KeyScope.ADMINISTER,
    Permission.VIEW_SETTINGS: KeyScope.ADMINISTER,
    Permission.VIEW_USERS: KeyScope.ADMINISTER,
    Permission.END_SESSIONS: KeyScope.ADMINISTER,
    Permission.READ_CONVERSATIONS: KeyScope.ADMINISTER,
    Permission.MANAGE_USERS: KeyScope.ADMINISTER,
    Permission.MANAGE_SETTINGS: KeyScope.ADMINISTER,
}
_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyGrant:
    """What an API key allows of what its owner may do. No ``bots``: all of them."""

    key_id: UUID
    name: str
    scopes: frozenset[KeyScope]
    bots: frozenset[str] = frozenset()
    background: BackgroundMode = BackgroundMode.AUTO
    requests_per_minute: int | None = None
    messages_per_day: int | None = None

    def allows(self, permission: Permission) -> bool:
        """Whether one of its scopes covers this."""
        return SCOPES.get(permission) in self.scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A signed-in user (``role`` is ``None``) or administrator, from one session or one API key (``key``).

    The ``session_id`` of a key is its own id: no session has it.
    """

    user_id: str
    username: str
    display_name: str
    session_id: UUID
    role: Role | None = None
    is_guest: bool = False
    address: str | None = None
    key: KeyGrant | None = None

    @property
    def is_admin(self) -> bool:
        """Whether this is somebody of the console, of whatever role."""
        return self.role is not None

    def may(self, permission: Permission) -> bool:
        """Whether this is allowed. What no rule names is denied."""
        if self.key is not None and not self.key.allows(permission):
            return False
        return _may(self.role, permission)

    def require(self, permission: Permission) -> None:
        """Raises: PermissionDenied. A user's token on an administrator's door is not authenticated at all."""
        if self.may(permission):
            return
        if self.key is not None and not self.key.allows(permission):
            raise OutOfScope
        if permission is not Permission.CHAT and self.role is None:
            raise NotAuthenticated
        raise PermissionDenied

    def may_talk_with(self, bot_name: str) -> bool:
        """Whether this bot is one of those that an API key is for; a session is for all of them."""
        return self.key is None or not self.key.bots or bot_name in self.key.bots

    def require_bot(self, bot_name: str) -> None:
        """Raises: OutOfScope for a bot that an API key is not for."""
        if not self.may_talk_with(bot_name):
            raise OutOfScope("This API key isn't for this bot.")

    def require_session(self) -> None:
        """Raises: OutOfScope for an API key where only somebody who signed in may do something."""
        if self.key is not None:
            raise OutOfScope("An API key can't do this. Please sign in.")


def _may(role: Role | None, permission: Permission) -> bool:
    if permission in OF_USERS:
        return role is None
    if permission is Permission.OWN_KEYS and role is None:
        return True
    least = LEAST_ROLE.get(permission)
    return least is not None and role is not None and _RANK[role] >= _RANK[least]


def grantable_scopes(role: Role | None) -> tuple[KeyScope, ...]:
    """What a person, or an administrator of a role, may let a key of theirs do; chatting through the gateway always."""
    own = {scope for permission, scope in SCOPES.items() if _may(role, permission)} | {KeyScope.CHAT}
    return tuple(scope for scope in KeyScope if scope in own)


SYSTEM_ACTOR = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a request comes from; both values are shown to administrators, never trusted."""

    address: str | None = None
    user_agent: str | None = None
