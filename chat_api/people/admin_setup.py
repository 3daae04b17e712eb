"""New administrators: from the command line, from the settings, or by the code that is printed at the first start."""

import asyncio
import contextlib
import secrets

from chat_api.audit.service import AuditService
from chat_api.core.database import Connection, Database
from chat_api.core.errors import Conflict, NotAuthenticated
from chat_api.core.security import (
    hash_password,
    token_hash,
)
from chat_api.core.settings import Settings
from chat_api.core.text import check_name, check_text
from chat_api.people import admins_repository as admins
from chat_api.people.admins_repository import AdminRow
from chat_api.people.session_schemas import MAX_PASSWORD_CHARS
from models import Role

MIN_ADMIN_PASSWORD_CHARS = 10


class AdminSetupService:
    """Creates administrators. The caller has the machine or the setup code; there is no principal to check."""

    def __init__(self, database: Database, audit: AuditService, settings: Settings) -> None:
        self._database = database
        self._audit = audit
        self._settings = settings

    async def create_admin(
        self, username: str, password: str, *, role: Role = Role.ADMIN, totp_secret: str | None = None
    ) -> None:
        """Create an administrator; with ``totp_secret`` (base32) each login also needs an authenticator's code.

        Raises: InvalidInput for a weak password, Conflict for a name that is taken.
        """
        admin = await self._new_admin(username, password, role=role, totp_secret=totp_secret)
        async with self._database.write() as connection:
            await self._store_admin(connection, admin)

    async def prepare_first_admin(self) -> str | None:
        """At start: create the configured administrator, or a one-time setup code.

        Returns: the code to print, or ``None`` when there is an administrator.
        """
        async with self._database.read() as connection:
            if await admins.count(connection):
                return None
        username, password = self._settings.web_ui_admin_username, self._settings.web_ui_admin_password
        if username and password:
            with contextlib.suppress(Conflict):  # another replica is starting at the same time
                await self.create_admin(username, password.get_secret_value())
            return None
        code = secrets.token_hex(8)
        async with self._database.write() as connection:
            await admins.store_setup_code(connection, token_hash(code))
        return code

    async def set_up_admin(self, code: str, username: str, password: str) -> None:
        """Create the first administrator with the setup code, which works once.

        Raises: NotAuthenticated for any other code, InvalidInput for a weak password (the code stays valid).
        """
        admin = await self._new_admin(username, password)
        async with self._database.write() as connection:
            # An unused code is invalid once an administrator was created in another way.
            is_first = not await admins.count(connection)
            if not is_first or not await admins.spend_setup_code(connection, token_hash(code.strip())):
                raise NotAuthenticated("This setup code is not valid.")
            await self._store_admin(
                connection, admin
            )  # in the same transaction, so that a failure does not spend the code

    async def is_set_up(self) -> bool:
        """Whether there is an administrator at all."""
        async with self._database.read() as connection:
            return await admins.count(connection) > 0

    @staticmethod
    async def _new_admin(
        username: str, password: str, *, role: Role = Role.ADMIN, totp_secret: str | None = None
    ) -> AdminRow:
        """Raises: InvalidInput."""
        name = check_name(username, field="username", min_chars=3, max_chars=30)
        check_text(password, field="password", min_chars=MIN_ADMIN_PASSWORD_CHARS, max_chars=MAX_PASSWORD_CHARS)
        return AdminRow(
            admin_id=f"adm_{secrets.token_hex(8)}",
            username=name,
            password_hash=await asyncio.to_thread(hash_password, password),
            totp_secret=totp_secret,
            role=role,
            disabled_at=None,
        )

    async def _store_admin(self, connection: Connection, admin: AdminRow) -> None:
        """Raises: Conflict."""
        await admins.create(connection, admin)
        details = {"role": admin.role}
        await self._audit.record(None, "admin.create", admin.username, details=details, connection=connection)
