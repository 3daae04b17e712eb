"""One application for the chat tests of a module: they are different people, with nothing to do with each other."""

import itertools
from collections.abc import AsyncIterator

import asyncpg
import pytest
from playwright.async_api import Page

from chat_api.core.settings import Settings
from tests.support.api import bots_config
from tests.support.chat_browser import Chat
from tests.support.console_app import RunningConsole, running_console
from tests.support.sample_bots import RunningBot
from tests.support.servers import with_database

_number = itertools.count(1)


@pytest.fixture(scope="module")
async def console(
    postgres_server: str,
    migrated_template: str,
    valkey_server: str,
    elena_process: RunningBot,
    marcus_process: RunningBot,
    jake_process: RunningBot,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RunningConsole]:
    """The application, with elena, marcus and jake."""
    connection = await asyncpg.connect(with_database(postgres_server, "postgres"))
    await connection.execute(f"CREATE DATABASE chat_pages TEMPLATE {migrated_template}")
    folder = tmp_path_factory.mktemp("chat")
    settings = Settings(
        database_url=with_database(postgres_server, "chat_pages"),
        redis_url=valkey_server,
        web_ui_state_dir=folder / "state",
        bots_config=bots_config(folder, elena_process, marcus_process, jake_process),
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
    await connection.execute("DROP DATABASE chat_pages WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def chat(page: Page, console: RunningConsole) -> Chat:
    """The page of somebody new, signed in."""
    chat = Chat(page, console)
    await chat.sign_in(f"person {next(_number)}")
    return chat
