"""The System page's processes, their workers and their stalls as markup."""

from collections.abc import Mapping
from html import escape
from typing import Final

from chat_api.core.language import N_, _
from chat_api.core.loop_watch import Blocked
from chat_api.core.pubsub import PubSubState
from chat_api.system.schemas import (
    ProcessReport,
    SystemView,
    WorkerView,
)
from console.labels import Mark
from console.pages.system.cells import amount, number, table, table_of, where_of
from console.widgets.fact_words import moment, since
from console.widgets.marks import status_mark
from console.widgets.quantities import latency, percent

_PUBSUB: Final[Mapping[str, str]] = {
    PubSubState.LIVE: N_("live"),
    PubSubState.STALLED: N_("stalled"),
    PubSubState.AWAY: N_("disconnected"),
}


def processes_table(view: SystemView) -> str:
    """One row a process."""
    columns = [
        (_("Process"), False),
        (_("Role"), False),
        (_("Version"), False),
        (_("Uptime"), True),
        ("WebSockets", True),
        (_("Answers"), True),
        (_("Lag p50"), True),
        ("p99", True),
        (_("Longest"), True),
        (_("Stalls"), True),
        (_("CPU"), True),
        (_("Memory"), True),
        (_("Database pool"), True),
        (_("Pub/sub"), False),
    ]
    return table(columns, (_process(process) for process in view.processes), testid="processes")


def _process(process: ProcessReport) -> str:
    role = Mark(N_("Leader"), "busy", "key") if process.is_leader else Mark(N_("Follower"), "idle", "online")
    pool = process.pool
    fast = _("fast path: {open} open, {idle} idle", open=pool.fast_open, idle=pool.fast_idle)
    connections = _("{used} used, {idle} idle of {size}", used=pool.used, idle=pool.idle, size=pool.size)
    pubsub = _(_PUBSUB[process.realtime]) if process.realtime in _PUBSUB else escape(process.realtime)
    return (
        f'<th scope="row">{escape(process.host)} <span class="we-muted">{process.pid}</span></th>'
        f"<td>{status_mark(role)}</td><td>{escape(process.version)}</td>{number(since(process.started_at))}"
        f"{number(str(process.websockets))}{number(str(process.messages_running))}"
        f"{number(latency(process.lag_p50_ms))}{number(latency(process.lag_p99_ms))}"
        f"{number(latency(process.lag_max_ms))}{number(str(process.blocked_count), is_bad=process.blocked_count > 0)}"
        f"{number(percent(f'{process.cpu_percent:.0f}'))}{number(amount(process.memory_bytes))}"
        f'<td class="we-number" title="{fast}">{connections}</td><td>{pubsub}</td>'
    )


def stalls(view: SystemView) -> dict[str, str]:
    """Each time that a loop stood still, by a key of its own, the newest first."""
    found = [(blocked, where_of(process)) for process in view.processes for blocked in process.blocked]
    found.sort(key=lambda one: one[0].at, reverse=True)
    return {f"{where} {blocked.at.isoformat()}": _stall(blocked, where) for blocked, where in found}


def _stall(blocked: Blocked, where: str) -> str:
    mark = status_mark(Mark(latency(1000 * blocked.duration_s), "bad", "degraded"))
    stack = escape(blocked.stack) or _("It ended before a stack trace could be taken.")
    return (
        f"<summary>{mark} <span>{moment(blocked.at)}</span> "
        f'<span class="we-muted">{escape(where)}</span></summary><pre class="we-stack">{stack}</pre>'
    )


def workers_table(view: SystemView) -> str:
    """The background workers of all processes."""
    columns = [(_("Worker"), False), (_("State"), False), (_("Heartbeat"), True), (_("Failures"), True)]
    rows = "".join(
        f'<tr data-testid="worker-{escape(worker.name)}">'
        f"{_worker(worker, where_of(process) if len(view.processes) > 1 else '')}</tr>"
        for process in view.processes
        for worker in process.workers
    )
    return table_of(columns, rows, testid="workers")


def _worker(worker: WorkerView, where: str) -> str:
    title = ""
    error = ""
    if worker.error:
        at = f"{worker.failed_at:%Y-%m-%d %H:%M:%S} UTC: " if worker.failed_at else ""
        title = f' title="{escape(at + worker.error)}"'
        error = f'<div class="we-long we-status-bad">{escape(worker.error)}</div>'
    process = f'<span class="we-muted">{escape(where)}</span>' if where else ""
    heartbeat = moment(worker.beat_at) if worker.interval_s is not None else "–"
    return (
        f'<th scope="row"><div class="we-two"><span>{escape(worker.name.replace("_", " "))}</span>{process}</div></th>'
        f"<td>{status_mark(_worker_mark(worker))}</td>{number(heartbeat)}"
        f'<td class="we-number"{title}>{worker.failures or "–"}{error}</td>'
    )


def _worker_mark(worker: WorkerView) -> Mark:
    if not worker.is_running:
        return Mark(N_("stopped"), "idle", "offline")
    if worker.is_late:
        return Mark(N_("late"), "bad", "degraded")
    return Mark(N_("waiting") if worker.interval_s is None else N_("on time"), "ok", "online")
