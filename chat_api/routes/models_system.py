"""What the routes of the System page give."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from chat_api.schemas.system import DatabaseView, ProcessReport, RedisView, SlowQueryView, WorkerView


class SystemAnswer(BaseModel):
    """The whole deployment at one moment."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    processes: list[ProcessReport]
    database: DatabaseView | None = Field(description="Absent while PostgreSQL does not answer.")
    redis: RedisView | None = Field(description="Absent while Redis does not answer.")
    versions: dict[str, str]
    problems: list[str] = Field(description="What could not be asked.")


class SlowQueryList(BaseModel):
    """Statements over the limit, of all processes together, the costliest first."""

    slow_queries: list[SlowQueryView]


class ProcessWorker(BaseModel):
    """One background worker of one process."""

    host: str
    pid: int
    worker: WorkerView


class WorkerList(BaseModel):
    """The background workers of all processes."""

    workers: list[ProcessWorker]
