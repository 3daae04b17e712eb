"""Administrators of the console: what each may do, where they are signed in, and shutting one out."""

from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import Conflict, NotFound
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.principals import Permission, Principal
from chat_api.people import admins_repository as admins
from chat_api.people import repository as people
from chat_api.people.auth import AuthService
from chat_api.people.schemas import AdminView, SessionView
from models import Role


class AdministratorsService:
    """Lists and changes administrators; the last one who may do everything stays."""

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
            rows = await admins.all_rows(connection)
            last = await people.last_session(connection, [row["admin_id"] for row in rows])
        return ODD_ROWS.readable("administrators", rows, lambda row: _view(row, last.get(row["admin_id"])))

    async def sessions(self, principal: Principal, admin_id: str) -> tuple[SessionView, ...]:
        """Where an administrator is signed in. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.MANAGE_ADMINS)
        async with self._database.read() as connection:
            rows = await people.sessions(connection, [admin_id], is_admin=True, limit=50)
        return tuple(SessionView(**row) for row in rows)

    async def set_role(self, principal: Principal, admin_id: str, role: Role) -> None:
        """Change what an administrator may do; it holds from their next click, and open pages are rebuilt.

        Raises: NotFound, Conflict (oneself, or the last administrator), PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ADMINS, admin_id)
        async with self._database.write() as connection:
            row = await self._other(connection, principal, admin_id)
            if role is not Role.ADMIN:
                await self._require_another(connection, admin_id)
            await admins.set_role(connection, admin_id, role)
            details = {"from": row["role"], "to": role.value}
            await self._audit.record(principal, "admins.role", row["username"], details=details, connection=connection)

    async def set_enabled(self, principal: Principal, admin_id: str, *, is_enabled: bool) -> None:
        """Shut an administrator out, with all their sessions, or let them in again.

        Raises: NotFound, Conflict (oneself, or the last administrator), PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ADMINS, admin_id)
        async with self._database.write() as connection:
            row = await self._other(connection, principal, admin_id)
            ended: list[UUID] = []
            if not is_enabled:
                await self._require_another(connection, admin_id)
                ended = await people.end_sessions(connection, [admin_id], is_admin=True)
            await admins.set_disabled(connection, admin_id, at=None if is_enabled else self._clock.now())
            action = "admins.enable" if is_enabled else "admins.disable"
            await self._audit.record(principal, action, row["username"], connection=connection)
        for session_id in ended:
            self._auth.ended.publish(session_id)

    async def end_sessions(self, principal: Principal, admin_id: str) -> int:
        """End all sessions of an administrator; of oneself, all but the one that asks. Returns how many.

        Raises: NotFound, PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ADMINS, admin_id)
        async with self._database.write() as connection:
            row = await self._row(connection, admin_id)
            live = await people.sessions(connection, [admin_id], is_admin=True)
            others = [one["session_id"] for one in live if one["is_live"] and one["session_id"] != principal.session_id]
            for session_id in others:
                await people.end_sessions(connection, [admin_id], is_admin=True, session_id=session_id)
            details = {"sessions": len(others)}
            await self._audit.record(
                principal, "admins.end_sessions", row["username"], details=details, connection=connection
            )
        for session_id in others:
            self._auth.ended.publish(session_id)
        return len(others)

    async def _row(self, connection: AsyncConnection, admin_id: str) -> RowMapping:
        row = await admins.get(connection, admin_id) if admin_id.isprintable() else None
        if row is None:
            raise NotFound("Unknown administrator.")
        return row

    async def _other(self, connection: AsyncConnection, principal: Principal, admin_id: str) -> RowMapping:
        """The row of somebody else, with all administrators held until the transaction ends."""
        await admins.lock(connection)
        row = await self._row(connection, admin_id)
        if admin_id == principal.user_id:
            raise Conflict("You can't change or disable your own account. Ask another administrator.")
        return row

    async def _require_another(self, connection: AsyncConnection, admin_id: str) -> None:
        if not await admins.count_able(connection, except_for=admin_id):
            raise Conflict("This is the last administrator: nobody could manage the console any more.")


def _view(row: RowMapping, last_active: object) -> AdminView:
    return AdminView(
        admin_id=row["admin_id"],
        username=row["username"],
        role=Role(row["role"]),
        has_totp=row["totp_secret"] is not None,
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        sessions=row["sessions"],
        last_active=last_active,  # type: ignore[arg-type]
    )
