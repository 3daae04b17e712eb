"""What the routes of the System page give."""

from datetime import datetime

from pydantic import Field

from chat_api.core.slow_queries import SlowQuery
from chat_api.http.base_models import Answer
from chat_api.system.schemas import DatabaseView, ProcessReport, RedisView, WorkerView


class SystemAnswer(Answer):
    """The whole deployment at one moment."""

    at: datetime
    processes: list[ProcessReport]
    database: DatabaseView | None = Field(description="Absent while PostgreSQL does not answer.")
    redis: RedisView | None = Field(description="Absent while Redis does not answer.")
    versions: dict[str, str]
    problems: list[str] = Field(description="What could not be asked.")


class SlowQueryList(Answer):
    """Statements over the limit, of all processes together, the costliest first."""

    slow_queries: list[SlowQuery]


class ProcessWorker(Answer):
    """One background worker of one process."""

    host: str
    pid: int
    worker: WorkerView


class WorkerList(Answer):
    """The background workers of all processes."""

    workers: list[ProcessWorker]
