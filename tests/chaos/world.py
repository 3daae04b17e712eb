"""What is broken: PostgreSQL, Valkey, bots and several server processes, each behind a proxy that can misbehave."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from chat_api.embedded.servers import embedded_servers
from tests.support.api import bots_config
from tests.support.console_process import ConsoleProcess
from tests.support.fault_proxy import FaultProxy, running
from tests.support.redis_proxy import RedisProxy
from tests.support.sample_bots import ChatCall, RunningBot, sample_bot
from tests.support.sql_proxy import SqlProxy

BOT_TIMEOUT_S = 3
BOTS: dict[str, dict[str, Any]] = {
    "elena": {"delay_ms": 20},
    "marcus": {"contract": "v2", "delay_ms": 300},
    "ryan": {"stream": True, "piece_delay_ms": 30},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server process. Clients come by ``door``; it goes to its database and to Redis by proxies, too."""

    process: ConsoleProcess
    door: FaultProxy
    sql: SqlProxy
    bus: RedisProxy

    @property
    def url(self) -> str:
        """Where clients find it."""
        return _url(self.door)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that runs."""

    folder: Path
    database_url: str
    redis_url: str
    servers: tuple[Server, ...]
    front_url: str
    bots: dict[str, RunningBot]
    calls: dict[str, list[ChatCall]] = field(default_factory=lambda: {name: [] for name in BOTS})

    async def remember_calls(self, bot: RunningBot) -> None:
        """Take note of the calls that a bot has received, before it forgets them."""
        self.calls[bot.name] += await bot.calls()

    def postgres(self) -> psutil.Process:
        """The postmaster."""
        (pid_file,) = (self.folder / "servers").rglob("postmaster.pid")
        return psutil.Process(int(pid_file.read_text().split()[0]))

    def valkey(self) -> psutil.Process:
        """The Valkey that listens on this world's socket."""
        socket = urlsplit(self.redis_url).path
        (found,) = [child for child in psutil.Process().children() if socket in " ".join(child.cmdline())]
        return found

    def log_tails(self) -> str:
        """The end of each server's log, for a report of what went wrong."""
        return "\n".join(
            f"--- {server.process.log}\n{server.process.log.read_text()[-3000:]}" for server in self.servers
        )


@asynccontextmanager
async def world(folder: Path, *, server_count: int, seed: int) -> AsyncIterator[World]:
    """Run everything under ``folder`` while the block runs."""
    async with AsyncExitStack() as stack:
        endpoints = await stack.enter_async_context(embedded_servers(folder / "servers"))
        assert endpoints.database_url
        assert endpoints.redis_url
        bots = {name: await stack.enter_async_context(sample_bot(name, **options)) for name, options in BOTS.items()}
        shared = {
            "BOTS_CONFIG": str(bots_config(folder, *bots.values())),
            "BOT_API_TIMEOUT": str(BOT_TIMEOUT_S),
            "BOT_HEALTH_CHECK_INTERVAL": "1",
            "BOT_CANARY_INTERVAL": "0",
            "DATABASE_POOL_SIZE": "12",
            "RATE_LIMIT_REQUESTS_PER_MINUTE": "1000000",
            "WEB_UI_SECRET_KEY": secrets.token_urlsafe(48),
            "WEB_UI_STATE_DIR": str(folder / "state"),
            "LOG_LEVEL": "INFO",
        }
        servers = []
        for number in range(server_count):
            server = await _server(
                stack,
                folder / f"server-{number}",
                endpoints.database_url,
                endpoints.redis_url,
                shared,
                seed + number,
                ("api", "--processes", "2") if number % 3 == 2 else ("serve",),
            )
            servers.append(server)
            if number == 0:
                await server.process.start()  # the first brings the database up to date
        await asyncio.gather(*(server.process.start() for server in servers[1:]))
        front = FaultProxy(("127.0.0.1", 0), *(server.door.address for server in servers), seed=seed)
        await stack.enter_async_context(running(front))
        yield World(
            folder=folder,
            database_url=endpoints.database_url,
            redis_url=endpoints.redis_url,
            servers=tuple(servers),
            front_url=_url(front),
            bots=bots,
        )


async def _server(
    stack: AsyncExitStack,
    folder: Path,
    database_url: str,
    redis_url: str,
    shared: dict[str, str],
    seed: int,
    command: tuple[str, ...],
) -> Server:
    await asyncio.to_thread(folder.mkdir)
    sql = SqlProxy(folder, database_url, seed=seed)
    await stack.enter_async_context(running(sql))
    bus = RedisProxy(folder / "bus", redis_url)
    await stack.enter_async_context(running(bus))
    process = ConsoleProcess(shared | {"DATABASE_URL": sql.url, "REDIS_URL": bus.url}, folder / "log", *command)
    stack.callback(_end, process)
    target = ("127.0.0.1", process.port)
    door = await stack.enter_async_context(running(FaultProxy(("127.0.0.1", 0), target, seed=seed)))
    return Server(process=process, door=door, sql=sql, bus=bus)


def _url(door: FaultProxy) -> str:
    assert isinstance(door.address, tuple)
    return "http://{}:{}".format(*door.address)


def _end(process: ConsoleProcess) -> None:
    if process.is_alive:
        assert process.process is not None
        process.process.send_signal(signal.SIGKILL)
        process.process.wait()
