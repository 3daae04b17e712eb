"""The System page's parts as markup. What comes from outside (hosts, routes, statements, errors) is escaped."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from html import escape
from typing import Final

from chat_api.bots.breaker import BreakerState
from chat_api.core.loop_watch import Blocked
from chat_api.core.request_statistics import RouteStatistics
from chat_api.core.slow_queries import SlowQuery
from chat_api.system.schemas import (
    DatabaseView,
    LaneView,
    ProcessReport,
    RedisView,
    SystemView,
    WorkerView,
)
from console.labels import Mark
from console.widgets.fact_words import facts_html, moment, since
from console.widgets.marks import status_mark
from console.widgets.quantities import fixed, latency, span

MAX_ROUTES: Final = 60
STALL_NEWS: Final = timedelta(minutes=5)
LOST: Final = Mark("Connection lost", "idle", "unknown")
_MIB: Final = 1024 * 1024
_BREAKER_TONES: Final = {BreakerState.CLOSED: "ok", BreakerState.HALF_OPEN: "warn", BreakerState.OPEN: "bad"}

Column = tuple[str, bool]


def banner(view: SystemView) -> tuple[Mark, str]:
    """How all is, and why, as markup."""
    late = [worker.name for process in view.processes for worker in process.workers if worker.is_late]
    stalled = [
        _where(process)
        for process in view.processes
        if any(view.at - blocked.at < STALL_NEWS for blocked in process.blocked)
    ]
    troubles = list(view.problems)
    if late:
        troubles.append(f"Late: {', '.join(late)}.")
    if stalled:
        troubles.append(f"Event loop stalls in the last five minutes ({', '.join(stalled)}).")
    if not any(process.is_leader for process in view.processes):
        troubles.append("No process leads: bots are not checked.")
    if troubles:
        return Mark("Needs attention", "warn", "degraded"), escape(" ".join(troubles))
    count = len(view.processes)
    said = f"{count} {'process' if count == 1 else 'processes'}, every worker on time."
    return Mark("Healthy", "ok", "online"), said


def figures(view: SystemView) -> str:
    """The whole deployment in six numbers."""

    def total(read: Callable[[ProcessReport], float]) -> float:
        return sum(read(process) for process in view.processes)

    def most(read: Callable[[ProcessReport], float]) -> float | None:
        return max((read(process) for process in view.processes), default=None)

    requests = total(lambda process: sum(route.rate_per_s for route in process.routes))
    waiting = total(lambda process: process.calls_waiting)
    cards = (
        ("WebSockets", f"{total(lambda process: process.websockets)}", "open chat connections"),
        ("Answers", f"{total(lambda process: process.messages_running)}", f"under way, {waiting} waiting for a bot"),
        ("Requests", f"{rate(requests)}/s", "over the last five minutes"),
        (
            "Loop lag p99",
            latency(most(lambda process: process.lag_p99_ms)),
            f"longest of a minute: {latency(most(lambda process: process.lag_max_ms))}",
        ),
        ("Memory", amount(total(lambda process: process.memory_bytes)), "of all processes"),
        ("CPU", f"{fixed(total(lambda process: process.cpu_percent))}%", "of one processor"),
    )
    return "".join(
        f'<div class="we-card"><span class="we-muted">{label}</span><strong class="we-figure">{escape(value)}</strong>'
        f'<span class="we-card-note">{note}</span></div>'
        for label, value, note in cards
    )


def processes_table(view: SystemView) -> str:
    """One row a process."""
    numbers = ("WebSockets", "Answers", "Lag p50", "p99", "Longest", "Blocked", "CPU", "Memory", "Database pool")
    columns = [
        *((name, False) for name in ("Process", "Role", "Version")),
        ("Up for", True),
        *((name, True) for name in numbers),
        ("Wake-ups", False),
    ]
    return _table(columns, (_process(process) for process in view.processes), testid="processes")


def _process(process: ProcessReport) -> str:
    role = Mark("leads", "busy", "key") if process.is_leader else Mark("serves", "idle", "online")
    pool = process.pool
    return (
        f'<th scope="row">{escape(process.host)} <span class="we-muted">{process.pid}</span></th>'
        f"<td>{status_mark(role)}</td><td>{escape(process.version)}</td>{_number(since(process.started_at))}"
        f"{_number(str(process.websockets))}{_number(str(process.messages_running))}"
        f"{_number(latency(process.lag_p50_ms))}{_number(latency(process.lag_p99_ms))}"
        f"{_number(latency(process.lag_max_ms))}{_number(str(process.blocked_count), is_bad=process.blocked_count > 0)}"
        f"{_number(fixed(process.cpu_percent) + '%')}{_number(amount(process.memory_bytes))}"
        f'<td class="we-number" title="fast lane: {pool.fast_open} open, {pool.fast_idle} idle">'
        f"{pool.used} used, {pool.idle} idle of {pool.size}</td><td>{escape(process.realtime)}</td>"
    )


def stalls(view: SystemView) -> dict[str, str]:
    """Each time that a loop stood still, by a key of its own, the newest first."""
    found = [(blocked, _where(process)) for process in view.processes for blocked in process.blocked]
    found.sort(key=lambda one: one[0].at, reverse=True)
    return {f"{where} {blocked.at.isoformat()}": _stall(blocked, where) for blocked, where in found}


def _stall(blocked: Blocked, where: str) -> str:
    mark = status_mark(Mark(latency(1000 * blocked.duration_s), "bad", "degraded"))
    stack = escape(blocked.stack) or "It was over before it could be looked at."
    return (
        f"<summary>{mark} <span>{moment(blocked.at)}</span> "
        f'<span class="we-muted">{escape(where)}</span></summary><pre class="we-stack">{stack}</pre>'
    )


def routes_table(view: SystemView, text: str) -> str:
    """The routes that were asked for most, those whose name has ``text`` in it."""
    rows = [
        (route, _where(process) if len(view.processes) > 1 else "")
        for process in view.processes
        for route in process.routes
        if text in route.route.lower()
    ]
    if not rows:
        return f'<p class="we-muted">{"No route matches." if text else "Nothing was asked for yet."}</p>'
    rows.sort(key=lambda row: row[0].count, reverse=True)
    numbers = ("Requests", "per s", "p50", "p95", "p99", "Errors")
    columns = [("Route", False), *((name, True) for name in numbers)]
    return _table(columns, (_route(route, where) for route, where in rows[:MAX_ROUTES]), testid="routes")


def _route(route: RouteStatistics, where: str) -> str:
    return (
        f'<th scope="row"><code>{escape(route.route)}</code> <span class="we-muted">{escape(where)}</span></th>'
        f"{_number(str(route.count))}{_number(rate(route.rate_per_s))}{_number(latency(route.p50_ms))}"
        f"{_number(latency(route.p95_ms))}{_number(latency(route.p99_ms))}"
        f"{_number(str(route.errors), is_bad=route.errors > 0)}"
    )


def workers_table(view: SystemView) -> str:
    """The background workers of all processes."""
    columns = [("Worker", False), ("State", False), ("Heartbeat", True), ("Failures", True)]
    rows = "".join(
        f'<tr data-testid="worker-{escape(worker.name)}">'
        f"{_worker(worker, _where(process) if len(view.processes) > 1 else '')}</tr>"
        for process in view.processes
        for worker in process.workers
    )
    return _table_of(columns, rows, testid="workers")


def _worker(worker: WorkerView, where: str) -> str:
    title = ""
    error = ""
    if worker.error:
        at = f"{worker.failed_at:%Y-%m-%d %H:%M:%S} UTC: " if worker.failed_at else ""
        title = f' title="{escape(at + worker.error)}"'
        error = f'<div class="we-long we-status-bad">{escape(worker.error)}</div>'
    process = f'<span class="we-muted">{escape(where)}</span>' if where else ""
    beat = moment(worker.beat_at) if worker.interval_s is not None else "–"
    return (
        f'<th scope="row"><div class="we-two"><span>{escape(worker.name.replace("_", " "))}</span>{process}</div></th>'
        f"<td>{status_mark(_worker_mark(worker))}</td>{_number(beat)}"
        f'<td class="we-number"{title}>{worker.failures or "–"}{error}</td>'
    )


def _worker_mark(worker: WorkerView) -> Mark:
    if not worker.is_running:
        return Mark("ended", "idle", "offline")
    if worker.is_late:
        return Mark("late", "bad", "degraded")
    return Mark("waiting" if worker.interval_s is None else "on time", "ok", "online")


SLOW_COLUMNS: Final = (("Statement", False), ("Times", True), ("Total", True), ("Longest", True), ("Last", True))


def slow_query(query: SlowQuery) -> tuple[str, ...]:
    """The cells of one slow statement."""
    statement = escape(query.statement)
    return (
        f'<details class="we-statement"><summary><code class="we-cut">{statement}</code></summary>'
        f"<code>{statement}</code></details>",
        str(query.count),
        latency(1000 * query.total_s),
        latency(1000 * query.max_s),
        moment(query.last_at),
    )


def database_facts(database: DatabaseView | None) -> str:
    """PostgreSQL, or that it is away."""
    if database is None:
        return '<p class="we-muted">It does not answer.</p>'
    is_newest = database.migration == database.migration_head
    said = "the newest" if is_newest else f"but the code expects {database.migration_head}"
    migration = Mark(
        f"{database.migration}, {said}", "ok" if is_newest else "bad", "online" if is_newest else "degraded"
    )
    facts = (
        ("Version", escape(database.version)),
        ("Size", amount(database.size_bytes)),
        ("Connections", f"{database.connections} of {database.max_connections}"),
        ("Migration", status_mark(migration, testid="migration")),
    )
    return facts_html(facts)


def tables_table(database: DatabaseView | None) -> str:
    """Its biggest tables."""
    rows = (
        f'<th scope="row"><code>{escape(table.name)}</code></th>'
        f"{_number(f'{table.rows:,}')}{_number(amount(table.size_bytes))}"
        for table in (database.tables if database else ())
    )
    return _table([("Biggest tables", False), ("Rows, about", True), ("Size", True)], rows)


def redis_part(redis: RedisView | None) -> str:
    """Redis, or that it is away."""
    if redis is None:
        return '<p class="we-muted">Redis does not answer.</p>'
    return facts_html(
        (
            ("Redis", escape(redis.version)),
            ("Memory", amount(redis.memory_bytes)),
            ("Clients", str(redis.clients)),
            ("Keys", str(redis.keys)),
            ("Commands", f"{redis.operations_per_s}/s"),
            ("Up for", span(redis.uptime_s)),
        )
    )


def lanes_part(view: SystemView) -> str:
    """The calls to bots that are under way, and breakers that are not closed."""
    lanes = [lane for process in view.processes for lane in process.lanes]
    if not lanes:
        return '<p class="we-muted">No calls under way, every breaker is closed.</p>'
    return facts_html((escape(lane.bot_name), _lane(lane)) for lane in lanes)


def _lane(lane: LaneView) -> str:
    tone = _BREAKER_TONES.get(BreakerState(lane.breaker), "idle")
    breaker = escape(lane.breaker.replace("_", "-"))
    return (
        f"{lane.in_flight} of {lane.slots} calls, {lane.waiting} waiting, "
        f'<span class="we-status-{tone}">breaker {breaker}</span>'
    )


def versions_part(view: SystemView) -> str:
    """What it is made of."""
    return facts_html((escape(name), escape(version)) for name, version in view.versions.items())


def table_head(columns: Iterable[Column]) -> str:
    """The first row of a table; columns of numbers stand at the right."""
    cells = "".join(
        f'<th scope="col"{" class=we-number" if is_number else ""}>{name}</th>' for name, is_number in columns
    )
    return f"<tr>{cells}</tr>"


def amount(size_bytes: float) -> str:
    """Memory or a file: ``512 KiB``, ``12.3 MiB``, ``1.25 GiB``."""
    if size_bytes < _MIB:
        return f"{fixed(max(0.0, size_bytes / 1024))} KiB"
    if size_bytes < 1024 * _MIB:
        return f"{fixed(size_bytes / _MIB, 1)} MiB"
    return f"{fixed(size_bytes / 1024 / _MIB, 2)} GiB"


def rate(per_s: float) -> str:
    """How often a second: ``12``, ``0.3``, ``&lt;0.1``, ``0``."""
    if per_s >= 10:
        return fixed(per_s)
    return fixed(per_s, 1) if per_s >= 0.1 else "<0.1" if per_s > 0 else "0"


def _table(columns: Sequence[Column], rows: Iterable[str], *, testid: str = "") -> str:
    return _table_of(columns, "".join(f"<tr>{row}</tr>" for row in rows), testid=testid)


def _table_of(columns: Sequence[Column], rows: str, *, testid: str) -> str:
    test = f' data-testid="{testid}"' if testid else ""
    return f'<table class="we-list"{test}><thead>{table_head(columns)}</thead><tbody>{rows}</tbody></table>'


def _number(content: str, *, is_bad: bool = False) -> str:
    text = content if content.startswith("<we-") else escape(content)
    return f'<td class="we-number{" we-status-bad" if is_bad else ""}">{text}</td>'


def _where(process: ProcessReport) -> str:
    return f"{process.host} {process.pid}"
