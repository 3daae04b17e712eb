"""``create-admin``: an administrator from the command line, and the first one of a service of several processes."""

import getpass
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TextIO

from chat_api.core.errors import InvalidInput
from chat_api.core.settings import Settings
from console.migrate import migrate
from console.servers import Servers, servers
from console.terminal import say
from models.admins import Role

if TYPE_CHECKING:
    from chat_api.people.admin_setup import AdminSetupService


async def create_admin(settings: Settings, username: str, password: str, *, role: Role, has_totp: bool = False) -> None:
    """Make an administrator, in the database of a running process or before the first start.

    ``has_totp`` prints, once, the address that an authenticator takes.
    Raises: InvalidInput for a weak password or a bad name, Conflict for a name that is taken.
    """
    import pyotp

    async with servers(settings, join=True) as where:
        await migrate(where)
        secret = pyotp.random_base32() if has_totp else None
        async with _admin_setup(settings, where) as setup:
            await setup.create_admin(username, password, role=role, totp_secret=secret)
    say(f"Created {username} ({role}) in PostgreSQL {where.database}.")
    if secret is not None:
        address = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="WhisperEngine")
        say(f"Add this to an authenticator app. It won't be shown again: {address}")


async def prepare_first_admin(settings: Settings, where: Servers) -> str | None:
    """Make the configured administrator where there is none, else a setup code, which is returned to be printed."""
    async with _admin_setup(settings, where) as setup:
        return await setup.prepare_first_admin()


@asynccontextmanager
async def _admin_setup(settings: Settings, where: Servers) -> AsyncIterator["AdminSetupService"]:
    from chat_api.audit.service import AuditService
    from chat_api.core.database import Database
    from chat_api.people.admin_setup import AdminSetupService

    database = Database(where.database_url, pool_size=2)
    try:
        yield AdminSetupService(database, AuditService(database), settings)
    finally:
        await database.dispose()


def read_username(given: str | None, terminal: TextIO = sys.stdin) -> str:
    """The name from the command line, else asked for. Raises: InvalidInput when there is nobody to ask."""
    if given:
        return given
    if not terminal.isatty():
        raise InvalidInput("Give a --username.")
    return input("Username: ").strip()


def read_password(settings: Settings, source: TextIO = sys.stdin) -> str:
    """The password: asked for twice at a terminal, else the first line of a pipe, else WEB_UI_ADMIN_PASSWORD.

    Raises: InvalidInput when there is none, or the two differ. It is never taken from the command line, which every
    account on the machine can read.
    """
    if settings.web_ui_admin_password and source.isatty():
        return settings.web_ui_admin_password.get_secret_value()
    if source.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Repeat password: "):
            raise InvalidInput("The passwords don't match.")
        return password
    password = source.readline().rstrip("\r\n")
    if not password and settings.web_ui_admin_password:
        password = settings.web_ui_admin_password.get_secret_value()
    if not password:
        raise InvalidInput("No password given. Pipe it in, or set WEB_UI_ADMIN_PASSWORD.")
    return password
