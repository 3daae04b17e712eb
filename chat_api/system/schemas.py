"""This service as the System page shows it: its processes, its workers, and what it stands on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.database import PoolUsage
from chat_api.core.loop_watch import Blocked
from chat_api.core.read_models import ReadModel
from chat_api.core.request_statistics import RouteStatistics
from chat_api.core.slow_queries import SlowQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """One background worker of one process. ``beat_at`` is its last finished round."""

    name: str
    is_running: bool
    is_late: bool
    started_at: datetime
    beat_at: datetime
    interval_s: float | None
    failures: int
    failed_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsView:
    """Calls of one bot in one process."""

    bot_name: str
    breaker: str
    in_flight: int
    waiting: int
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReport:
    """How one process of the deployment is; ``cpu_percent`` is of one processor."""

    instance_id: UUID
    host: str
    pid: int
    version: str
    started_at: datetime
    reported_at: datetime
    is_leader: bool
    websockets: int
    messages_running: int
    calls_waiting: int
    realtime: str
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    blocked_count: int
    blocked: tuple[Blocked, ...]
    cpu_percent: float
    memory_bytes: int
    pool: PoolUsage
    routes: tuple[RouteStatistics, ...]
    slow_queries: tuple[SlowQuery, ...]
    workers: tuple[WorkerView, ...]
    lanes: tuple[CallsView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """One table with its indexes. ``rows`` is PostgreSQL's own estimate."""

    name: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseView:
    """PostgreSQL as it describes itself."""

    version: str
    size_bytes: int
    connections: int
    max_connections: int
    migration: str
    migration_head: str
    tables: tuple[TableView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisView:
    """Redis as it describes itself."""

    version: str
    memory_bytes: int
    clients: int
    keys: int
    operations_per_s: int
    uptime_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemView(ReadModel):
    """The whole deployment at one moment."""

    at: datetime
    processes: tuple[ProcessReport, ...]
    database: Annotated[DatabaseView | None, Field(description="Absent while PostgreSQL does not answer.")]
    redis: Annotated[RedisView | None, Field(description="Absent while Redis does not answer.")]
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: Annotated[tuple[str, ...], Field(description="What could not be asked.")] = ()
