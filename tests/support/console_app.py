"""The whole application, pages included, on a real port in the test's own event loop."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest
from nicegui import Client
from nicegui.testing.general import nicegui_reset_globals

from chat_api.core.settings import Settings
from console.main import build
from models import Role
from tests.support.api import ADMIN_PASSWORD, MakeSettings, RunningApi, bots_config, running
from tests.support.sample_bots import RunningBot
from tests.support.servers import with_database


class RunningConsole(RunningApi):
    """One running application with its pages."""

    admin_password = ADMIN_PASSWORD

    async def admin_username(self, role: Role = Role.ADMIN) -> str:
        """The name of an administrator of this role, made when there is none."""
        await self.admin_login(role)
        return f"test-{role}"


@asynccontextmanager
async def running_console(settings: Settings) -> AsyncIterator[RunningConsole]:
    """Serve the application with these settings while the block runs; one at a time in a process."""
    with _fresh_nicegui():
        app = build(settings)
        async with running(app) as url:
            yield RunningConsole(url=url, app=app, settings=settings)


@pytest.fixture
async def console_app(
    make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot
) -> AsyncIterator[RunningConsole]:
    """The application with two real bots, elena and marcus."""
    async with running_console(make_settings(bots=(elena, marcus))) as console:
        yield console


@asynccontextmanager
async def shared_console(
    name: str, folder: Path, *bots: RunningBot, postgres_server: str, template: str, redis_url: str
) -> AsyncIterator[RunningConsole]:
    """One application for the tests of a module, which are different people at different addresses.

    It has the database ``name``, and believes what this machine says of an address, so that limits do not add up.
    """
    control = await asyncpg.connect(with_database(postgres_server, "postgres"))
    await control.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    settings = Settings(
        database_url=with_database(postgres_server, name),
        redis_url=redis_url,
        web_ui_state_dir=folder / "state",
        bots_config=bots_config(folder, *bots),
        bots_env_dir=folder,
        bots_host_mode="localhost",
        rate_limit_requests_per_minute=100_000,
        bot_health_check_interval=0.5,
        bot_canary_interval=0,
        database_pool_size=5,
        trusted_proxies=("127.0.0.1",),
    )
    async with running_console(settings) as running:
        yield running
    await control.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await control.close()


@contextmanager
def _fresh_nicegui() -> Iterator[None]:
    with nicegui_reset_globals():
        try:
            yield
        finally:
            Client.page_routes.clear()  # NiceGUI would unload the modules of the pages, and with them ours
