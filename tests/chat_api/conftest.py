"""The services of signing in, over the test's own database."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat_api.audit.service import AuditService
from chat_api.core.database import Database
from chat_api.core.security import load_key_ring
from chat_api.people.admin_setup import AdminSetupService
from chat_api.people.auth import AuthService
from chat_api.people.identity import IdentityService
from tests.support.api import MakeSettings

MakeAuth = Callable[..., AuthService]
MakeAdminSetup = Callable[..., AdminSetupService]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A small pool, so that parallel callers really wait for each other."""
    pool = Database(database_url, pool_size=5)
    yield pool
    await pool.dispose()


@pytest.fixture
def make_auth(database: Database, make_settings: MakeSettings) -> MakeAuth:
    """Another process's door to the same database; keyword arguments are its settings."""

    def make(**overrides: Any) -> AuthService:
        settings = make_settings(**overrides)
        identity = IdentityService(database, settings)
        return AuthService(database, load_key_ring(settings), identity, AuditService(database), settings)

    return make


@pytest.fixture
def make_admin_setup(database: Database, make_settings: MakeSettings) -> MakeAdminSetup:
    """Another process that may make administrators; keyword arguments are its settings."""

    def make(**overrides: Any) -> AdminSetupService:
        return AdminSetupService(database, AuditService(database), make_settings(**overrides))

    return make


@pytest.fixture
def admin_setup(make_admin_setup: MakeAdminSetup) -> AdminSetupService:
    """Who makes administrators."""
    return make_admin_setup()


@pytest.fixture
def auth(make_auth: MakeAuth) -> AuthService:
    """The door."""
    return make_auth()
