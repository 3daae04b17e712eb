"""The processes of a run: each is started when a scenario first asks for it, and all end with the run."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.children import Part, free_ports, running
from bench.generator import LoadGenerator, load_generator
from bench.http import HOST
from bench.servers.nginx import nginx_command, nginx_program
from chat_api.embedded.servers import embedded_servers

BOT_NAME = "bench"
# The caps of the product protect it from what the bench does to it.
UNCAPPED = {
    "RATE_LIMIT_REQUESTS_PER_MINUTE": "100000000",
    "MAX_CONCURRENT_CONNECTIONS": "10000",
    "MAX_CONNECTIONS_PER_USER": "1000",
    "MAX_CONNECTIONS_PER_ADDRESS": "10000",
    "MAX_HTTP_CONNECTIONS_PER_ADDRESS": "20000",
    "WEBSOCKET_FRAMES_PER_SECOND": "1000000",
    "BOT_MAX_PARALLEL_CALLS": "1000",
    "CONNECTION_POOL_SIZE": "1000",
}


class Parts:
    """Starts what a scenario needs, in a temporary folder, on free ports of this machine's loopback."""

    def __init__(self, folder: Path, generator: LoadGenerator, *, database_url: str, redis_url: str) -> None:
        self.folder = folder
        self.generator = generator
        self._database_url = database_url
        self._redis_url = redis_url
        self._stack = AsyncExitStack()
        self._shared: dict[str, asyncio.Future[Part]] = {}
        self._stores: list[str] = []

    async def bot(self, *, delay_ms: float = 0.0) -> Part:
        """A bot that answers after ``delay_ms``."""

        async def start() -> Part:
            port = free_ports(1)[0]
            return await self._stack.enter_async_context(self.bot_on([port], delay_ms=delay_ms))

        return await self._once(f"bot after {delay_ms} ms", start)

    async def bare_proxy(self, *, application: str = "proxy") -> Part:
        """A proxy that stores nothing; ``application`` is its name in ``bench.servers.bare``."""
        return await self._uvicorn(f"bench.servers.bare:{application}")

    async def textbook(self) -> Part:
        """What most people would write, on a database of its own."""
        return await self._uvicorn("bench.servers.textbook:app", **await self.stores("textbook"))

    async def nginx(self) -> Part | None:
        """nginx before the instant bot, ``None`` when it is not installed."""
        program = nginx_program()
        if program is None:
            return None
        bot = await self.bot()

        async def start() -> Part:
            port = free_ports(1)[0]
            command = nginx_command(program, self.folder, port=port, bot=bot.port)
            return await self._stack.enter_async_context(self._running(command, port=port))

        return await self._once("nginx", start)

    async def product(self) -> Part:
        """The product as ``serve`` starts it, in front of the instant bot; the scenarios of messages share it."""

        async def start() -> Part:
            bots = {BOT_NAME: (await self.bot()).port, "slow": (await self.bot(delay_ms=100.0)).port}
            return await self._stack.enter_async_context(self.product_for(bots))

        return await self._once("product", start)

    @asynccontextmanager
    async def product_for(
        self, bots: Mapping[str, int], *, command: Sequence[str] = ("serve",), name: str = "", **env: str
    ) -> AsyncIterator[Part]:
        """A product of one's own for as long as the block runs: fresh, or on the stores of an earlier ``name``."""
        port, own = free_ports(1)[0], name or f"product{len(self._stores)}"
        fleet = self.folder / f"{own}-bots.json"
        described = [{"name": bot, "url": f"http://{HOST}:{at}/as/{bot}"} for bot, at in bots.items()]
        fleet.write_text(json.dumps(described))
        settings = UNCAPPED | {
            "BOTS_CONFIG": str(fleet),
            "BOTS_ENV_DIR": str(self.folder),
            "WEB_UI_HOST": HOST,
            "WEB_UI_PORT": str(port),
            "WEB_UI_STATE_DIR": str(self.folder / own),
            "BOT_CANARY_INTERVAL": "0",
            "LOG_LEVEL": "WARNING",
        }
        argv = [sys.executable, "-m", "console.cli", *command]
        async with self._running(argv, port=port, env=settings | await self.stores(own) | env) as part:
            yield part

    def bot_of_its_own(self) -> AbstractAsyncContextManager[Part]:
        """A bot that nobody else asks anything, for as long as the block runs."""
        return self.bot_on(free_ports(1))

    @asynccontextmanager
    async def bot_on(self, ports: Sequence[int], *, delay_ms: float = 0.0) -> AsyncIterator[Part]:
        """One process that is a bot on each of ``ports``, for as long as the block runs."""
        argv = [sys.executable, "-m", "bench.servers.bot", *map(str, ports), "--delay-ms", str(delay_ms)]
        async with self._running(argv, port=ports[-1]) as part:
            yield part

    async def stores(self, name: str) -> dict[str, str]:
        """The environment that names a PostgreSQL database and a Valkey number of one's own, made when they are new."""
        if name not in self._stores:
            self._stores.append(name)
            connection = await asyncpg.connect(self._database_url)
            try:
                await connection.execute(f'CREATE DATABASE "{name}"')
            finally:
                await connection.close()
        database_url = urlunsplit(urlsplit(self._database_url)._replace(path=f"/{name}"))
        redis_url = self._redis_url.replace("db=0", f"db={self._stores.index(name) + 1}")
        return {"DATABASE_URL": database_url, "REDIS_URL": redis_url}

    async def close(self) -> None:
        """End everything that is shared."""
        await self._stack.aclose()

    def _running(
        self, command: Sequence[str], *, port: int, env: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Part]:
        return running(command, port=port, log=self.folder / f"{port}.log", env=env)

    async def _uvicorn(self, application: str, **env: str) -> Part:
        bot = await self.bot()

        async def start() -> Part:
            port = free_ports(1)[0]
            options = ["--log-level", "warning", "--no-access-log", "--timeout-keep-alive", "600", "--port", str(port)]
            options += ["--ws", "websockets-sansio", "--ws-per-message-deflate", "false"]
            command = [sys.executable, "-m", "uvicorn", *options, application]
            settings = {"BENCH_BOT_PORT": str(bot.port)} | env
            return await self._stack.enter_async_context(self._running(command, port=port, env=settings))

        return await self._once(application, start)

    async def _once(self, name: str, start: Callable[[], Awaitable[Part]]) -> Part:
        """Several may ask at once: the first of them starts it."""
        if name not in self._shared:
            self._shared[name] = asyncio.ensure_future(start())
        return await self._shared[name]


@asynccontextmanager
async def parts(folder: Path) -> AsyncIterator[Parts]:
    """The servers that everything stores in, the load generator, and whatever scenarios start from there on."""
    async with embedded_servers(folder / "stores") as stores, load_generator() as generator:
        assert stores.database_url
        assert stores.redis_url
        own = Parts(folder, generator, database_url=stores.database_url, redis_url=stores.redis_url)
        try:
            yield own
        finally:
            await own.close()
