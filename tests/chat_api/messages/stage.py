"""Two processes over one real database, either of which can die; and a tab that follows a user's stream."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from chat_api.service_registry import Services
from tests.chat_api.messages.model import Event
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot, sample_bot
from tests.support.sql_proxy import SqlProxy, sql_proxy
from tests.support.v2_socket import Frame, v2_socket

ANSWERS, HANGS, FAILS = "elena", "marcus", "ryan"


class Process:
    """An application behind its own proxy to PostgreSQL: cut off, it can store nothing more, as if it were dead."""

    def __init__(self, make_settings: MakeSettings, database_url: str, bots: tuple[RunningBot, ...]) -> None:
        self.api: RunningApi
        self._make_settings = make_settings
        self._database_url = database_url
        self._bots = bots
        self._sql: SqlProxy
        self._stack = AsyncExitStack()

    @property
    def services(self) -> Services:
        """What it can do."""
        return self.api.services

    async def start(self) -> None:
        """Begin to serve."""
        self._sql = await self._stack.enter_async_context(sql_proxy(self._database_url))
        settings = self._make_settings(
            bots=self._bots, database_url=self._sql.url, bot_api_timeout=600, bot_max_parallel_calls=100
        )
        self.api = await self._stack.enter_async_context(running_api(settings))

    async def die(self) -> UUID:
        """End without a word to the database; returns who is dead."""
        dead = self.services.answers.instance_id
        await self._sql.cut()
        await self.close()
        return dead

    async def close(self) -> None:
        """End."""
        await self._stack.aclose()


class Tab:
    """One tab over WebSocket v2, that remembers where it was."""

    def __init__(self, token: str) -> None:
        self.events: list[Event] = []
        self.epoch: str | None = None
        self._token = token
        self._stack = AsyncExitStack()
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self._socket is not None

    async def open(self, process: Process) -> None:
        """Connect, resume where it was, and go on reading."""
        since = {"epoch": self.epoch, "seq": len(self.events)} if self.epoch else None
        self._socket = await self._stack.enter_async_context(v2_socket(process.api, self._token, since=since))
        live = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._socket, live))
        async with asyncio.timeout(DEADLINE_S):
            await live.wait()

    async def say(self, frame: Frame) -> None:
        """Send a frame."""
        assert self._socket is not None
        await self._socket.send(json.dumps(frame))

    async def drop(self) -> None:
        """Lose the connection."""
        if self._socket is not None and self._reading is not None:
            self._socket.transport.abort()
            await asyncio.wait([self._reading])
            self._socket = None
            await self._stack.aclose()
            self._reading.result()

    async def _read(self, socket: ClientConnection, live: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = json.loads(await socket.recv())
                assert frame["type"] not in {"error", "resync"}, frame
                if frame["type"] == "welcome":
                    if self.epoch is None:
                        self.epoch = frame["epoch"]
                        assert frame["seq"] == 0
                        live.set()
                elif frame["type"] == "resumed":
                    assert frame["seq"] == len(self.events)
                    live.set()
                elif "seq" in frame:
                    assert frame["seq"] == len(self.events) + 1, frame
                    self.events.append(event_of(frame))


def event_of(frame: dict[str, Any]) -> Event:
    """A durable frame as the model has it."""
    match frame["type"]:
        case "ack":
            return ("message", UUID(frame["message_id"]))
        case "message" if frame["data"]["role"] == "user":
            return ("message", UUID(frame["data"]["message_id"]))
        case "message":
            return ("answer", UUID(frame["data"]["reply_to"]))
        case "failed":
            return ("failed", UUID(frame["message_id"]), frame["code"])
        case "edited":  # told again, it shows the message as it is by then
            return ("edited", UUID(frame["message_id"]))
        case "reaction":
            return ("reaction", UUID(frame["message_id"]), frame["emoji"], frame["action"])
        case "read":
            return ("read", frame["bot_name"], frame["up_to"])
        case kind:
            return (kind, UUID(frame["message_id"]))


class Stage:
    """Everything that a run of the state machine needs, kept from one example to the next."""

    def __init__(self, database_url: str, processes: list[Process], sql: asyncpg.Connection) -> None:
        self.processes = processes
        self._database_url = database_url
        self._sql = sql

    async def kill(self, number: int) -> None:
        """Let one process die, a new one take its place, and the other one find what it left."""
        dead = await self.processes[number].die()
        await self._sql.execute(
            "UPDATE web_instances SET heartbeat_at = now() - interval '1 minute' WHERE id = $1", dead
        )
        await self.processes[1 - number].services.answers.heartbeat()
        await self.processes[number].start()

    async def finalize(self, user_id: str, seq: int) -> None:
        """Wait until a user's stream has come to a place, and see that it goes no further."""
        feeds = self.processes[0].services.feeds

        async def has_come() -> bool:
            return (await feeds.read_position(user_id)).seq >= seq

        await eventually(has_come, interval_s=0.005)
        now = (await feeds.read_position(user_id)).seq
        assert now == seq, f"{now} events instead of {seq}"


@asynccontextmanager
async def stage(make_settings: MakeSettings, database_url: str) -> AsyncIterator[Stage]:
    """Three bots that answer, hang and fail, and two processes."""
    async with AsyncExitStack() as stack:
        bots = tuple([await stack.enter_async_context(sample_bot(name)) for name in (ANSWERS, HANGS, FAILS)])
        await bots[1].set_faults(mode="hang")
        await bots[2].set_faults(mode="notjson")
        processes = [Process(make_settings, database_url, bots) for _ in range(2)]
        for process in processes:
            await process.start()
            stack.push_async_callback(process.close)
        sql = await asyncpg.connect(database_url)
        stack.push_async_callback(sql.close)
        yield Stage(database_url, processes, sql)
