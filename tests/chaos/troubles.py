"""What goes wrong: each trouble breaks something for real, and has mended it when it returns."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.chaos.world import Server, World
from tests.support.eventually import eventually
from tests.support.fault_proxy import Way, Weather

Trouble = Callable[[], Awaitable[None]]

SIGTERM_S = 25.0  # Source: promises, "SIGTERM with open sockets".
STORM = Weather(delay_s=0.05, reset_rate=0.01, truncate_rate=0.01)
BABBLE = ("badjson", "notjson", "huge", "truncate", "http500", "exception", "reset")
STREAM_BABBLE = ("truncate_stream", "babble_stream", "fail_stream")


class Troubles:
    """The troubles of one world. ``note`` hears what begins and ends."""

    def __init__(self, world: World, *, chance: random.Random, note: Callable[[str], None]) -> None:
        self._world = world
        self._chance = chance
        self._note = note
        self.counts: dict[str, int] = {}
        # Those that take processes away, and those of networks and bots: one of each may happen at once.
        self.of_processes: tuple[Trouble, ...] = (
            self.kill_server,
            self.kill_worker,
            self.kill_postgres,
            self.kill_valkey,
            self.restart_server,
            self.roll,
        )
        self.of_networks: tuple[Trouble, ...] = (
            self.reset_sockets,
            self.storm,
            self.stall,
            self.lose_commits,
            self.kill_bot,
            self.hang_bot,
            self.babble_bot,
            self.deafen,
            self.freeze_redis,
            self.flush_redis,
        )

    async def cause(self, trouble: Trouble) -> None:
        """Let one happen, and wait until it is mended."""
        name = trouble.__name__
        self._note(f"{name} begins")
        await trouble()
        self._note(f"{name} is over")
        self.counts[name] = self.counts.get(name, 0) + 1

    # Processes

    async def kill_server(self) -> None:
        """SIGKILL at whatever instruction it is, and a new process on the same port."""
        server = self._server()
        server.process.kill()
        await self._pause(0.2, 1.0)
        await server.process.start()

    async def kill_worker(self) -> None:
        """SIGKILL of one process among several on one port; their parent starts another."""
        servers = [server.process for server in self._world.servers if server.process.workers]
        if servers:
            server = self._chance.choice(servers)
            killed = self._chance.choice(server.workers)
            before = len(server.workers)
            killed.kill()
            await eventually(lambda: killed not in server.workers and len(server.workers) == before)

    async def restart_server(self) -> None:
        """SIGTERM with open sockets, answers under way and clients that come back."""
        await self._restart(self._server())

    async def roll(self) -> None:
        """A rolling restart: every server in turn, as a deployment does it."""
        for server in self._world.servers:
            await self._restart(server)

    async def kill_postgres(self) -> None:
        """SIGKILL of the postmaster; it is started again by who runs it."""
        old = self._world.postgres()
        old.kill()
        await eventually(lambda: self._world.postgres().pid != old.pid)

    async def kill_valkey(self) -> None:
        """SIGKILL; it is started again by who runs it, with nothing in it."""
        old = self._world.valkey()
        old.kill()
        await eventually(lambda: self._world.valkey().pid != old.pid)

    # Networks

    async def reset_sockets(self) -> None:
        """Every connection of one server's clients is reset, twice."""
        for _ in range(2):
            self._server().door.reset()
            await self._pause(0.2, 1.0)

    async def storm(self) -> None:
        """Delays, resets and truncations for everybody."""
        for server in self._world.servers:
            server.door.weather = STORM
        await self._pause(1.5, 3.0)
        for server in self._world.servers:
            await server.door.heal()

    async def stall(self) -> None:
        """One direction of one server's connections passes nothing for a while."""
        door = self._server().door
        door.stall(self._chance.choice(list(Way)))
        await self._pause(1.0, 3.0)
        await door.heal()

    async def lose_commits(self) -> None:
        """PostgreSQL does what one server asks, and its replies are lost with the connection."""
        sql = self._server().sql
        sql.stall(Way.BACK)
        await self._pause(0.3, 1.0)
        sql.reset()
        await sql.heal()

    async def deafen(self) -> None:
        """One server's subscription hears nothing, though its connection stays up."""
        bus = self._server().bus
        bus.deafen()
        await self._pause(1.0, 3.0)
        bus.hear()

    async def freeze_redis(self) -> None:
        """One server's Redis accepts everything and answers nothing."""
        bus = self._server().bus
        bus.freeze()
        await self._pause(1.0, 3.0)
        await bus.heal()

    async def flush_redis(self) -> None:
        """Everything in Redis is gone."""
        with contextlib.suppress(RedisError, OSError):
            async with Redis.from_url(self._world.redis_url) as client:
                await client.flushall()

    # Bots

    async def kill_bot(self) -> None:
        """SIGKILL of a bot that is talking, and a new one on the same port."""
        bot = self._world.bots[self._chance.choice(list(self._world.bots))]
        await self._world.remember_calls(bot)
        await bot.kill()
        await self._pause(0.5, 1.5)
        await bot.start()

    async def hang_bot(self) -> None:
        """A bot takes every question and says nothing."""
        await self._misbehave("hang")

    async def babble_bot(self) -> None:
        """A bot says nonsense of several kinds; the one that streams, in mid-stream."""
        await self._misbehave(*self._chance.sample(BABBLE, 2))
        for mode in STREAM_BABBLE:
            await self._world.bots["ryan"].set_faults(mode=mode)
            await self._pause(0.3, 0.6)
        await self._world.bots["ryan"].set_faults(mode="ok")

    async def _misbehave(self, *modes: str) -> None:
        bot = self._world.bots[self._chance.choice(list(self._world.bots))]
        for mode in modes:
            await bot.set_faults(mode=mode)
            await self._pause(0.5, 1.5)
        await bot.set_faults(mode="ok")

    # Inside

    async def _restart(self, server: Server) -> None:
        code = await server.process.terminate(timeout_s=SIGTERM_S)
        assert code == 0, f"a server ended with {code}"
        await server.process.start()

    def _server(self) -> Server:
        return self._chance.choice(self._world.servers)

    async def _pause(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self._chance.uniform(least_s, most_s))
