"""What a fleet needs beside its bots. A dependency is declared here, once.

Its card, series, page, part in root cause, metrics and ``check`` follow; the order is that of the pages.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp
from redis.asyncio import Redis

from chat_api.core.database import Database
from chat_api.core.language import N_
from chat_api.core.settings import Settings
from chat_api.core.write_check import check_writes
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.fleet.schemas import BotStatus

AILING = frozenset({BotStatus.DEGRADED, BotStatus.OFFLINE, BotStatus.STARTING, BotStatus.UNKNOWN})
# A key of our own, gone soon after nobody looks any more.
WRITE_CHECK_KEY = "whisperengine-web:write-check"
WRITE_CHECK_TTL_S = 60
CHANNEL_CHECK = "whisperengine:check"
# From here on an answer says that the server itself is in trouble; "unauthorised" or "not found" is a living one.
BROKEN_STATUS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """What dependencies are reached with."""

    database: Database
    redis: Redis
    engine: ContainerEngine
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One dependency. ``setting`` says where it is; ``is_absent``, whether there is none.

    ``check`` raises AppError, RedisError, aiohttp.ClientError, OSError or TimeoutError when it is unhealthy.
    ``effects`` are the states of a bot that it can be the cause of; of two that explain as many bots, the one that
    ``explains_first`` is named. One that is ``reported_by_bots`` is down, too, when several of them say so. Without a
    vital one nothing can be stored; the rest costs comfort only.
    """

    name: str
    title: str
    setting: str
    check: Callable[[Connections], Awaitable[object]]
    is_absent: Callable[[Connections], bool] = lambda _: False
    effects: frozenset[BotStatus] = AILING
    explains_first: bool = False
    reported_by_bots: bool = False
    is_vital: bool = False


async def _check_postgres(connections: Connections) -> None:
    await check_writes(connections.database)


async def _check_redis(connections: Connections) -> None:
    """A write, too: a full or read-only Redis answers a ping as if nothing were; and a channel, for wake-ups."""
    await connections.redis.set(WRITE_CHECK_KEY, "1", ex=WRITE_CHECK_TTL_S)
    await connections.redis.publish(CHANNEL_CHECK, "")


async def _check_qdrant(connections: Connections) -> None:
    # One request every few seconds: a session of its own costs less than a pool to look after.
    url = f"{connections.settings.qdrant_url}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        response.raise_for_status()


async def _check_docker(connections: Connections) -> None:
    await connections.engine.ping()


async def _check_llm(connections: Connections) -> None:
    """Whether anybody lives there: any answer below 500, which costs no tokens and needs no key."""
    url = str(connections.settings.llm_health_url)
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
        if response.status >= BROKEN_STATUS:
            response.raise_for_status()


_ALL = (
    Dependency(name="postgres", title="PostgreSQL", setting="database_url", check=_check_postgres, is_vital=True),
    Dependency(name="redis", title="Redis", setting="redis_url", check=_check_redis),
    Dependency(
        name="qdrant",
        title="Qdrant",
        setting="qdrant_url",
        check=_check_qdrant,
        is_absent=lambda connections: connections.settings.qdrant_url is None,
    ),
    Dependency(
        name="docker",
        title=N_("Docker"),
        setting="docker_host",
        check=_check_docker,
        is_absent=lambda connections: isinstance(connections.engine, NoEngine),
        # Without Docker nothing answers: a bot that answers has its own trouble.
        effects=AILING - {BotStatus.DEGRADED},
        explains_first=True,
    ),
    Dependency(
        name="llm",
        title=N_("Language model"),
        setting="llm_health_url",
        check=_check_llm,
        is_absent=lambda connections: connections.settings.llm_health_url is None,
        # A bot without its language model still answers its health check.
        effects=frozenset({BotStatus.DEGRADED, BotStatus.STARTING}),
        reported_by_bots=True,
    ),
)
DEPENDENCIES: Mapping[str, Dependency] = {dependency.name: dependency for dependency in _ALL}
ORDER: Mapping[str, int] = {name: place for place, name in enumerate(DEPENDENCIES)}
