"""``create-admin``: an administrator from the command line."""

import getpass
import sys
from typing import TextIO

from chat_api.core.errors import InvalidInput
from chat_api.core.settings import Settings
from console.migrate import migrate
from console.servers import servers
from console.terminal import say
from models.admins import Role


async def create_admin(settings: Settings, username: str, password: str, *, role: Role, has_totp: bool = False) -> None:
    """Make an administrator, in the database of a running process or before the first start.

    ``has_totp`` prints, once, the address that an authenticator takes.
    Raises: InvalidInput for a weak password or a bad name, Conflict for a name that is taken.
    """
    import pyotp

    from chat_api.core.database import Database
    from chat_api.core.security import load_key_ring
    from chat_api.services.audit import AuditService
    from chat_api.services.auth import AuthService
    from chat_api.services.identity import IdentityService

    async with servers(settings, join=True) as where:
        await migrate(where)
        database = Database(where.database_url, pool_size=2)
        try:
            identity, audit = IdentityService(database, settings), AuditService(database)
            auth = AuthService(database, load_key_ring(settings), identity, audit, settings)
            secret = pyotp.random_base32() if has_totp else None
            await auth.create_admin(username, password, role=role, totp_secret=secret)
        finally:
            await database.dispose()
    say(f"Created {username} ({role}) in PostgreSQL {where.database}.")
    if secret is not None:
        address = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="WhisperEngine")
        say(f"Add this to an authenticator; it is not shown again: {address}")


def read_username(given: str | None, terminal: TextIO = sys.stdin) -> str:
    """The name from the command line, else asked for. Raises: InvalidInput when there is nobody to ask."""
    if given:
        return given
    if not terminal.isatty():
        raise InvalidInput("--username is missing.")
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
        if password != getpass.getpass("Again: "):
            raise InvalidInput("The two passwords differ.")
        return password
    password = source.readline().rstrip("\r\n")
    if not password and settings.web_ui_admin_password:
        password = settings.web_ui_admin_password.get_secret_value()
    if not password:
        raise InvalidInput("No password: pipe it in, or set WEB_UI_ADMIN_PASSWORD.")
    return password
