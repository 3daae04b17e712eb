"""This service itself: each process reports how it is, and any of them can show all of them.

A report is stored every few seconds, so that the page needs neither Redis nor a way from process to process; what this
process knows of itself it shows even while the database is away.
"""

import asyncio
import os
import platform
import socket
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_api import __version__
from chat_api.background.worker_registry import WorkerRegistry
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, DatabaseUnavailable
from chat_api.core.logging import get_logger
from chat_api.core.loop_watch import LoopWatch
from chat_api.core.principals import Permission, Principal
from chat_api.core.process_usage import CpuUsage, memory_bytes
from chat_api.core.pubsub import PubSub
from chat_api.core.request_statistics import RequestStatistics
from chat_api.core.slow_queries import SlowQuery
from chat_api.fleet.service import FleetService
from chat_api.messages.answers import AnswersService
from chat_api.system import repository as system
from chat_api.system.schemas import (
    CallsView,
    DatabaseView,
    ProcessReport,
    RedisView,
    SystemView,
    WorkerView,
)

log = get_logger(__name__)

REPORT_EVERY_S = 3.0
ALIVE_S = 15.0
PRUNE_EVERY_S = 3600.0
FACTS_EVERY_S = 15.0
ASK_TIMEOUT_S = 3.0
MAX_TABLES = 12
MAX_SLOW_QUERIES = 30
MAX_ROUTES = 40
PACKAGES = ("nicegui", "fastapi", "sqlalchemy", "sqlmodel", "asyncpg", "redis", "docker", "uvicorn", "pydantic")


class SystemService:
    """Reports this process, and shows the deployment."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        pubsub: PubSub,
        answers: AnswersService,
        fleet: FleetService,
        *,
        loop_watch: LoopWatch,
        requests: RequestStatistics,
        book: WorkerRegistry,
        is_leader: Callable[[], bool] = lambda: False,
        websockets: Callable[[], int] = lambda: 0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.book = book
        self._database = database
        self._redis = redis
        self._pubsub = pubsub
        self._answers = answers
        self._fleet = fleet
        self._loop_watch = loop_watch
        self._requests = requests
        self._is_leader = is_leader
        self._websockets = websockets
        self._clock = clock
        self._started_at = clock.now()
        self._cpu = CpuUsage()
        self._own: ProcessReport | None = None
        self._facts: tuple[float, DatabaseView] | None = None
        self._asking = asyncio.Lock()

    async def report(self) -> None:
        """Look at this process, and store what was seen; called every few seconds."""
        self._own = self._report()
        await system.put_report(self._database, self._own.instance_id, orjson.dumps(self._own).decode())

    async def prune_dead(self) -> None:
        """Drop the reports of processes that are gone."""
        await system.prune_reports(self._database, older_than_s=PRUNE_EVERY_S)

    async def leave(self) -> None:
        """Drop our own report: we end."""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                await system.leave(self._database, self._answers.instance_id)
        except (AppError, TimeoutError):
            log.debug("process_report_not_dropped")

    async def view(self, principal: Principal) -> SystemView:
        """Everything at this moment. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SYSTEM)
        return await self.current()

    async def current(self) -> SystemView:
        """The same for the page's feed, whose viewers were checked one by one. Never fails for what is away."""
        problems: list[str] = []
        processes = await self._processes(problems)
        database, redis = await asyncio.gather(self._database_view(problems), self._redis_view(problems))
        return SystemView(
            at=self._clock.now(),
            processes=processes,
            database=database,
            redis=redis,
            versions=self._versions,
            problems=tuple(problems),
        )

    def slow_queries(self, view: SystemView) -> tuple[SlowQuery, ...]:
        """The slow statements of all processes together, the costliest first."""
        merged: dict[str, SlowQuery] = {}
        for query in (query for process in view.processes for query in process.slow_queries):
            known = merged.get(query.statement)
            merged[query.statement] = query if known is None else _sum(known, query)
        return tuple(sorted(merged.values(), key=lambda query: -query.total_s))

    # Inside

    async def _processes(self, problems: list[str]) -> tuple[ProcessReport, ...]:
        own = self._own = self._own or self._report()
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                stored = await system.alive(self._database, within_s=ALIVE_S)
        except (DatabaseUnavailable, TimeoutError):
            problems.append("The database does not answer: other processes and the database's figures are not shown.")
            return (own,)
        others = [report for stored in stored if (report := _decoded(stored)) and report.instance_id != own.instance_id]
        return tuple(sorted([own, *others], key=lambda one: (one.host, one.started_at, one.pid)))

    def _report(self) -> ProcessReport:
        lanes = tuple(
            CallsView(
                bot_name=bot.name,
                breaker=bot.breaker,
                in_flight=bot.calls_in_flight,
                waiting=bot.calls_waiting,
                slots=bot.call_slots,
            )
            for bot in self._fleet.current().bots
            if bot.calls_in_flight or bot.calls_waiting or bot.breaker != "closed"
        )
        watch = self._loop_watch
        return ProcessReport(
            instance_id=self._answers.instance_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            started_at=self._started_at,
            reported_at=self._clock.now(),
            is_leader=self._is_leader(),
            websockets=self._websockets(),
            messages_running=self._answers.running_count,
            calls_waiting=sum(calls.waiting for calls in lanes),
            realtime=self._pubsub.state.value,
            lag_p50_ms=watch.lag_ms(0.5),
            lag_p99_ms=watch.lag_ms(0.99),
            lag_max_ms=watch.lag_ms(1.0),
            blocked_count=watch.blocked_count,
            blocked=tuple(watch.blocked),
            cpu_percent=self._cpu.percent(),
            memory_bytes=memory_bytes(),
            pool=self._database.pool(),
            routes=self._requests.statistics(self._clock.monotonic_s())[:MAX_ROUTES],
            slow_queries=self._database.slow_queries.worst(MAX_SLOW_QUERIES),
            workers=self._workers(),
            lanes=lanes,
        )

    def _workers(self) -> tuple[WorkerView, ...]:
        now_s = self.book.clock.monotonic_s()
        return tuple(
            WorkerView(
                name=line.name,
                is_running=line.is_running,
                is_late=line.is_late(now_s),
                started_at=line.started_at,
                beat_at=line.heartbeat_at,
                interval_s=line.interval_s,
                failures=line.failures,
                failed_at=line.failed_at,
                error=line.error,
            )
            for line in self.book.lines()
        )

    async def _database_view(self, problems: list[str]) -> DatabaseView | None:
        """PostgreSQL's figures, asked for every quarter of a minute at the most: sizes are counted on its disk."""
        async with self._asking:
            now_s = self._clock.monotonic_s()
            if self._facts is not None and now_s - self._facts[0] < FACTS_EVERY_S:
                return self._facts[1]
            try:
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    found = await system.facts(self._database, max_tables=MAX_TABLES)
            except (DatabaseUnavailable, TimeoutError):
                problems.append("PostgreSQL does not tell its size.")
                return None
            self._facts = (now_s, found)
            return found

    async def _redis_view(self, problems: list[str]) -> RedisView | None:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                stored: dict[str, Any] = await self._redis.info()
                keys = await self._redis.dbsize()
        except (RedisError, OSError, TimeoutError):
            problems.append("Redis does not answer.")
            return None
        return RedisView(
            version=str(stored.get("valkey_version") or stored.get("redis_version", "")),
            memory_bytes=int(stored.get("used_memory", 0)),
            clients=int(stored.get("connected_clients", 0)),
            keys=int(keys),
            operations_per_s=int(stored.get("instantaneous_ops_per_sec", 0)),
            uptime_s=int(stored.get("uptime_in_seconds", 0)),
        )

    @cached_property
    def _versions(self) -> dict[str, str]:
        found = {"whisperengine-console": __version__, "python": platform.python_version()}
        for name in PACKAGES:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        return found


def _sum(one: SlowQuery, other: SlowQuery) -> SlowQuery:
    return SlowQuery(
        statement=one.statement,
        count=one.count + other.count,
        total_s=one.total_s + other.total_s,
        max_s=max(one.max_s, other.max_s),
        last_at=max(one.last_at, other.last_at),
    )


def _decoded(stored: Any) -> ProcessReport | None:
    """A report; ``None`` for what another version of us may have written."""
    try:
        report: ProcessReport = _REPORT.validate_python(stored)
    except ValidationError:
        return None
    return report


_REPORT: TypeAdapter[Any] = TypeAdapter(ProcessReport)
