"""What the routes of the System page give."""

from chat_api.core.slow_queries import SlowQuery
from chat_api.http.base_models import Answer
from chat_api.system.schemas import WorkerView


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
