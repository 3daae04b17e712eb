"""One application with its pages for all tests of a module."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from chat_api.core.settings import Settings
from tests.support.api import bots_config
from tests.support.console_app import RunningConsole, running_console
from tests.support.sample_bots import RunningBot
from tests.support.servers import shared_redis_url, with_database


@asynccontextmanager
async def shared_console(
    name: str, folder: Path, *bots: RunningBot, postgres_server: str, template: str, valkey_server: str
) -> AsyncIterator[RunningConsole]:
    """One application for the tests of a module, which are different people at different addresses.

    It has the database ``name``, and believes what this machine says of an address, so that limits do not add up.
    """
    control = await asyncpg.connect(with_database(postgres_server, "postgres"))
    await control.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    settings = Settings(
        database_url=with_database(postgres_server, name),
        redis_url=shared_redis_url(valkey_server),
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
