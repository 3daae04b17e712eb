"""The whole application, pages included, on a real port in the test's own event loop."""

import functools
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from nicegui import Client
from nicegui.testing.general import nicegui_reset_globals

from chat_api.core.settings import Settings
from console.main import build
from models import Role
from tests.support.api import ADMIN_PASSWORD, MakeSettings, RunningApi, running
from tests.support.ports import free_port
from tests.support.sample_bots import RunningBot


class RunningConsole(RunningApi):
    """One running application with its pages."""

    admin_password = ADMIN_PASSWORD

    async def admin_username(self, role: Role = Role.ADMIN) -> str:
        """The name of an administrator of this role, made when there is none."""
        await self.admin_login(role)
        return f"test-{role}"

    async def hold_still(self) -> None:
        """End all background work: from now on bots and services are as the test says, however long it takes."""
        await self.app.state.supervisor.stop()


@asynccontextmanager
async def running_console(settings: Settings) -> AsyncIterator[RunningConsole]:
    """Serve the application with these settings while the block runs; one at a time in a process."""
    with _fresh_nicegui():
        app = build(settings)
        async with running(app, port=_port()) as url:
            yield RunningConsole(url=url, app=app, settings=settings)


@pytest.fixture
async def console_app(
    make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot
) -> AsyncIterator[RunningConsole]:
    """The application with two real bots, elena and marcus."""
    async with running_console(make_settings(bots=(elena, marcus))) as console:
        yield console


@functools.cache
def _port() -> int:
    """The same for all of a process, so that the browser finds scripts in its cache."""
    return free_port()


@contextmanager
def _fresh_nicegui() -> Iterator[None]:
    with nicegui_reset_globals():
        gc.freeze()  # what outlived the collection just made need not be looked at in those of this application
        try:
            yield
        finally:
            Client.page_routes.clear()  # NiceGUI would unload the modules of the pages, and with them ours
