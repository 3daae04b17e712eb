"""Where the fleet's own stores describe it: v1's tables, and the announcements of v2 bots in Redis.

``read`` asks the stores, each within a limit; what one said last counts until it can be read again, and the operator is
told since when. The registry takes the sightings from here without waiting for anything.

Source: bot contract, "The fleet as its operator has it".
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.fleet_database import FleetDatabase
from chat_api.core.store_faults import StoreFault, StoreUnreadable
from chat_api.fleet import store_repository as tables
from chat_api.fleet.source_memory import Note
from chat_api.fleet.sources import BOT_NAME, Sighting, sighting_of

REDIS_TIMEOUT_S = 5.0
SCAN_COUNT = 1000
MAX_ANNOUNCEMENTS = 500
# Deployed, or on the way; one that is merely written down ("generated") makes no bot.
_UP = frozenset({"running", "deploying"})
_DOWN = frozenset({"stopped", "failed"})
_GLOB = re.compile(r"([*?\[\]\\^])")
_CONTAINER = re.compile(r"(?:whisperengine-)?(.+?)-bot")


@dataclass(slots=True, kw_only=True)
class _Said:
    """What one store said last, and since when it says nothing."""

    title: str
    sightings: tuple[Sighting, ...] = ()
    notes: tuple[str, ...] = ()
    read_at: datetime | None = None
    failing_since: datetime | None = None
    error: str = ""

    def problems(self) -> Iterator[str]:
        yield from self.notes
        if self.failing_since is not None:
            words = f"{self.title} {self.error} (since {self.failing_since:%Y-%m-%d %H:%M} UTC)."
            yield f"{words} What it said last is used." if self.read_at else words


class StoreSources:
    """One for a process. Without any address of a store it says nothing and asks nobody."""

    def __init__(
        self,
        *,
        database: FleetDatabase | None = None,
        redis: Redis | None = None,
        prefix: str = "whisper:",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        self._characters = _Said(title="PostgreSQL (FLEET_DATABASE_URL), table characters,")
        self._deployments = _Said(title="PostgreSQL (FLEET_DATABASE_URL), table bot_deployments,")
        self._announcements = _Said(title="Redis (FLEET_REDIS_URL)")

    @property
    def is_configured(self) -> bool:
        """Whether there is anything to read."""
        return self._database is not None or self._redis is not None

    def characters(self, *, note: Note) -> Iterable[Sighting]:
        """v1's characters; they describe bots, but do not make them exist."""
        return self._told(self._characters, note)

    def deployments(self, *, note: Note) -> Iterable[Sighting]:
        """What v1's console deployed: the bot, its container and its port."""
        return self._told(self._deployments, note)

    def announcements(self, *, note: Note) -> Iterable[Sighting]:
        """v2 bots that announced themselves within the last hour, and where they said to be."""
        return self._told(self._announcements, note)

    async def read(self) -> bool:
        """Ask the stores. Returns whether what they say, or what is wrong with them, has changed."""
        before = [(said.sightings, *said.problems()) for said in self._all()]
        reading: list[Awaitable[None]] = []
        if self._database is not None:
            database = self._database
            reading.append(self._take(self._characters, lambda note: _characters(database, note)))
            reading.append(self._take(self._deployments, lambda note: _deployments(database, note)))
        if self._redis is not None:
            redis = self._redis
            reading.append(self._take(self._announcements, lambda note: _announcements(redis, self._prefix, note)))
        await asyncio.gather(*reading)
        return before != [(said.sightings, *said.problems()) for said in self._all()]

    def _all(self) -> tuple[_Said, ...]:
        return self._characters, self._deployments, self._announcements

    def _told(self, said: _Said, note: Note) -> Iterable[Sighting]:
        for problem in said.problems():
            note(problem)
        return said.sightings

    async def _take(self, said: _Said, read: Callable[[Note], Awaitable[Sequence[Sighting]]]) -> None:
        notes: list[str] = []
        try:
            said.sightings = tuple(await read(notes.append))
        except StoreUnreadable as error:
            said.failing_since = said.failing_since or self._clock.now()
            said.error = str(error)
        else:
            said.notes, said.read_at, said.failing_since = tuple(notes), self._clock.now(), None


async def _characters(database: FleetDatabase, note: Note) -> Sequence[Sighting]:
    async with database.read() as connection:
        rows = await tables.characters(connection)
    found: list[Sighting] = []
    for row in rows:
        name = "_".join(str(row.get("normalized_name") or row["name"]).lower().split())
        if BOT_NAME.fullmatch(name):  # what is no name of a bot describes none
            facts = {"display_name": row["name"], "description": row.get("description") or row.get("occupation")}
            found += sighting_of(name, "PostgreSQL table characters", facts, note=note, is_declaration=False)
    return found


async def _deployments(database: FleetDatabase, note: Note) -> Sequence[Sighting]:
    async with database.read() as connection:
        rows = await tables.deployments(connection)
    found: list[Sighting] = []
    for row in rows:
        status = row.status.lower()
        named = _CONTAINER.fullmatch(row.container_name)
        found += sighting_of(
            row.character or (named[1] if named else row.container_name),
            "PostgreSQL table bot_deployments",
            {
                "container_name": row.container_name,
                "port": row.port,
                "host_port": row.port,
                "inner_port": row.port,
                "generation": "v1",
            },
            note=note,
            is_declaration=status in _UP | _DOWN,
            is_lasting=status in _UP,
            address_origin=f"the port of {row.container_name} in the table bot_deployments",
        )
    return found


async def _announcements(redis: Redis, prefix: str, note: Note) -> Sequence[Sighting]:
    begin = f"{prefix}discovery:endpoint:"
    found: list[Sighting] = []
    for key, url in sorted((await _endpoints(redis, begin)).items()):
        parts = _parts(url)
        if parts is None:
            note(f"Redis key {key} is not an address such as http://elena:8000; ignored")
            continue
        host, port = parts
        facts: dict[str, object] = {"inner_port": port, "generation": "v2"}
        if host not in {"localhost", "127.0.0.1", "::1"}:
            facts["service_name"] = host
        origin = f"the Redis key {key}"
        found += sighting_of(key.removeprefix(begin), f"Redis key {key}", facts, note=note, address_origin=origin)
    return found


async def _endpoints(redis: Redis, begin: str) -> dict[str, str]:
    """The announcements by key. Raises: StoreUnreadable."""
    pattern = _GLOB.sub(r"\\\1", begin) + "*"
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            keys: set[str] = set()
            async for key in redis.scan_iter(match=pattern, count=SCAN_COUNT):
                keys.add(key)
                if len(keys) >= MAX_ANNOUNCEMENTS:
                    break
            ordered = sorted(keys)
            values = await redis.mget(ordered) if ordered else []
    except (RedisError, OSError, UnicodeDecodeError) as error:
        raise unreadable_redis(error) from error
    return {key: value for key, value in zip(ordered, values, strict=True) if value is not None}


def unreadable_redis(error: Exception) -> StoreUnreadable:
    """What a fault of the fleet's Redis means."""
    if isinstance(error, TimeoutError | RedisTimeoutError):
        fault = StoreFault.SLOW
    elif isinstance(error, AuthenticationError):
        fault = StoreFault.REFUSED
    elif isinstance(error, NoPermissionError):
        fault = StoreFault.FORBIDDEN
    elif isinstance(error, OSError | RedisConnectionError):
        fault = StoreFault.AWAY
    else:
        fault = StoreFault.ODD
    return StoreUnreadable(fault, str(error) or type(error).__name__)


def _parts(url: str) -> tuple[str, int] | None:
    """Host and port of an announced address."""
    try:
        parts = urlsplit(url.strip())
        return (parts.hostname, parts.port) if parts.scheme == "http" and parts.hostname and parts.port else None
    except ValueError:
        return None
