"""Administrators of the console: their roles and sessions, and disabling them."""

from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import Conflict, NotFound
from chat_api.core.principals import Permission, Principal
from chat_api.people import admins_repository as admins
from chat_api.people import repository as people
from chat_api.people.admins_repository import AdminRow
from chat_api.people.auth import AuthService
from chat_api.people.schemas import AdminView, SessionView
from models import Role


class AdministratorsService:
    """Lists and changes administrators; the last one with the admin role can't be removed."""

    def __init__(
        self, database: Database, auth: AuthService, audit: AuditService, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._database = database
        self._auth = auth
        self._audit = audit
        self._clock = clock

    async def all(self, principal: Principal) -> tuple[AdminView, ...]:
        """Every administrator by name. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.MANAGE_ADMINS)
        async with self._database.read() as connection:
            return await admins.everyone(connection)

    async def sessions(self, principal: Principal, admin_id: str) -> tuple[SessionView, ...]:
        """Where an administrator is signed in. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.MANAGE_ADMINS)
        async with self._database.read() as connection:
            return await people.sessions(connection, [admin_id], is_admin=True, limit=50)

    async def set_role(self, principal: Principal, admin_id: str, role: Role) -> None:
        """Change an administrator's role, effective with their next request; open pages are rebuilt.

        Raises: NotFound, Conflict (oneself, or the last administrator), PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ADMINS, admin_id)
        async with self._database.write() as connection:
            admin = await self._other(connection, principal, admin_id)
            if role is not Role.ADMIN:
                await self._require_another(connection, admin_id)
            await admins.set_role(connection, admin_id, role)
            details = {"from": admin.role, "to": role.value}
            await self._audit.record(principal, "admins.role", admin.username, details=details, connection=connection)

    async def set_enabled(self, principal: Principal, admin_id: str, *, is_enabled: bool) -> None:
        """Disable an administrator and end all their sessions, or enable them again.

        Raises: NotFound, Conflict (oneself, or the last administrator), PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ADMINS, admin_id)
        async with self._database.write() as connection:
            admin = await self._other(connection, principal, admin_id)
            ended: list[UUID] = []
            if not is_enabled:
                await self._require_another(connection, admin_id)
                ended = await people.end_sessions(connection, [admin_id], is_admin=True)
            await admins.set_disabled(connection, admin_id, at=None if is_enabled else self._clock.now())
            action = "admins.enable" if is_enabled else "admins.disable"
            await self._audit.record(principal, action, admin.username, connection=connection)
        for session_id in ended:
            self._auth.ended.publish(session_id)

    async def end_sessions(self, principal: Principal, admin_id: str) -> int:
        """End all sessions of an administrator, except the caller's own current one. Returns how many.

        Raises: NotFound, PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ADMINS, admin_id)
        async with self._database.write() as connection:
            admin = await self._admin(connection, admin_id)
            live = await people.sessions(connection, [admin_id], is_admin=True)
            others = [one.session_id for one in live if one.is_live and one.session_id != principal.session_id]
            for session_id in others:
                await people.end_sessions(connection, [admin_id], is_admin=True, session_id=session_id)
            details = {"sessions": len(others)}
            await self._audit.record(
                principal, "admins.end_sessions", admin.username, details=details, connection=connection
            )
        for session_id in others:
            self._auth.ended.publish(session_id)
        return len(others)

    async def _admin(self, connection: Connection, admin_id: str) -> AdminRow:
        admin = await admins.get(connection, admin_id) if admin_id.isprintable() else None
        if admin is None:
            raise NotFound("Unknown administrator.")
        return admin

    async def _other(self, connection: Connection, principal: Principal, admin_id: str) -> AdminRow:
        """Another administrator; locks all administrators until the transaction ends."""
        await admins.lock(connection)
        admin = await self._admin(connection, admin_id)
        if admin_id == principal.user_id:
            raise Conflict("You can't change or disable your own account. Ask another administrator.")
        return admin

    async def _require_another(self, connection: Connection, admin_id: str) -> None:
        if not await admins.count_able(connection, except_for=admin_id):
            raise Conflict("This is the last administrator. Without one, no one could manage the console.")
