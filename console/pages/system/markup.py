"""The System page's parts as markup. What comes from outside (hosts, routes, statements, errors) is escaped."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import Final

from chat_api.bots.breaker import BreakerState
from chat_api.core.language import N_, _, ngettext
from chat_api.core.loop_watch import Blocked
from chat_api.core.pubsub import PubSubState
from chat_api.core.request_statistics import RouteStatistics
from chat_api.core.slow_queries import SlowQuery
from chat_api.system.schemas import (
    CallsView,
    DatabaseView,
    ProcessReport,
    RedisView,
    SystemView,
    WorkerView,
)
from console.labels import Mark
from console.widgets.fact_words import facts_html, moment, since
from console.widgets.marks import status_mark
from console.widgets.quantities import fixed, latency, localized, percent, span, whole

MAX_ROUTES: Final = 60
STALL_NEWS: Final = timedelta(minutes=5)
DISCONNECTED: Final = Mark(N_("Connection lost"), "idle", "unknown")
_MIB: Final = 1024 * 1024
_BREAKERS: Final = {
    BreakerState.CLOSED: ("ok", N_("breaker closed")),
    BreakerState.HALF_OPEN: ("warn", N_("breaker half-open")),
    BreakerState.OPEN: ("bad", N_("breaker open")),
}
_PUBSUB: Final[Mapping[str, str]] = {
    PubSubState.LIVE: N_("live"),
    PubSubState.STALLED: N_("stalled"),
    PubSubState.AWAY: N_("disconnected"),
}

Column = tuple[str, bool]


def banner(view: SystemView) -> tuple[Mark, str]:
    """How all is, and why, as markup."""
    late = [worker.name for process in view.processes for worker in process.workers if worker.is_late]
    stalled = [
        _where(process)
        for process in view.processes
        if any(view.at - blocked.at < STALL_NEWS for blocked in process.blocked)
    ]
    troubles = [_(problem) for problem in view.problems]
    if late:
        troubles.append(_("Late workers: {names}.", names=", ".join(late)))
    if stalled:
        troubles.append(_("Event loop stalls in the last five minutes ({processes}).", processes=", ".join(stalled)))
    if not any(process.is_leader for process in view.processes):
        troubles.append(_("No leader process: bots aren't being checked."))
    if troubles:
        return Mark(N_("Needs attention"), "warn", "degraded"), escape(" ".join(troubles), quote=False)
    count = len(view.processes)
    said = ngettext("{count} process, all workers on time.", "{count} processes, all workers on time.", count)
    return Mark(N_("Healthy"), "ok", "online"), said


def summary(view: SystemView) -> str:
    """The whole deployment in six numbers."""

    def total(read: Callable[[ProcessReport], float]) -> float:
        return sum(read(process) for process in view.processes)

    def most(read: Callable[[ProcessReport], float]) -> float | None:
        return max((read(process) for process in view.processes), default=None)

    requests = total(lambda process: sum(route.rate_per_s for route in process.routes))
    waiting = total(lambda process: process.calls_waiting)
    cards = (
        ("WebSockets", f"{total(lambda process: process.websockets)}", _("open chat connections")),
        (
            _("Answers"),
            f"{total(lambda process: process.messages_running)}",
            _("in progress, {count} waiting for a bot", count=waiting),
        ),
        (_("Requests"), f"{rate(requests)}/s", _("last five minutes")),
        (
            _("Loop lag p99"),
            latency(most(lambda process: process.lag_p99_ms)),
            _("longest in a minute: {time}", time=latency(most(lambda process: process.lag_max_ms))),
        ),
        (_("Memory"), amount(total(lambda process: process.memory_bytes)), _("all processes")),
        (_("CPU"), percent(f"{total(lambda process: process.cpu_percent):.0f}"), _("of one core")),
    )
    return "".join(
        f'<div class="we-card"><span class="we-muted">{label}</span><strong class="we-figure">{escape(value)}</strong>'
        f'<span class="we-card-note">{note}</span></div>'
        for label, value, note in cards
    )


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
    return _table(columns, (_process(process) for process in view.processes), testid="processes")


def _process(process: ProcessReport) -> str:
    role = Mark(N_("Leader"), "busy", "key") if process.is_leader else Mark(N_("Follower"), "idle", "online")
    pool = process.pool
    fast = _("fast path: {open} open, {idle} idle", open=pool.fast_open, idle=pool.fast_idle)
    connections = _("{used} used, {idle} idle of {size}", used=pool.used, idle=pool.idle, size=pool.size)
    pubsub = _(_PUBSUB[process.realtime]) if process.realtime in _PUBSUB else escape(process.realtime)
    return (
        f'<th scope="row">{escape(process.host)} <span class="we-muted">{process.pid}</span></th>'
        f"<td>{status_mark(role)}</td><td>{escape(process.version)}</td>{_number(since(process.started_at))}"
        f"{_number(str(process.websockets))}{_number(str(process.messages_running))}"
        f"{_number(latency(process.lag_p50_ms))}{_number(latency(process.lag_p99_ms))}"
        f"{_number(latency(process.lag_max_ms))}{_number(str(process.blocked_count), is_bad=process.blocked_count > 0)}"
        f"{_number(percent(f'{process.cpu_percent:.0f}'))}{_number(amount(process.memory_bytes))}"
        f'<td class="we-number" title="{fast}">{connections}</td><td>{pubsub}</td>'
    )


def stalls(view: SystemView) -> dict[str, str]:
    """Each time that a loop stood still, by a key of its own, the newest first."""
    found = [(blocked, _where(process)) for process in view.processes for blocked in process.blocked]
    found.sort(key=lambda one: one[0].at, reverse=True)
    return {f"{where} {blocked.at.isoformat()}": _stall(blocked, where) for blocked, where in found}


def _stall(blocked: Blocked, where: str) -> str:
    mark = status_mark(Mark(latency(1000 * blocked.duration_s), "bad", "degraded"))
    stack = escape(blocked.stack) or _("It ended before a stack trace could be taken.")
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
        return _muted(_("No routes match.") if text else _("No requests yet."))
    rows.sort(key=lambda row: row[0].count, reverse=True)
    numbers = (_("Requests"), _("per second"), "p50", "p95", "p99", _("Errors"))
    columns = [(_("Route"), False), *((name, True) for name in numbers)]
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
    columns = [(_("Worker"), False), (_("State"), False), (_("Heartbeat"), True), (_("Failures"), True)]
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
    heartbeat = moment(worker.beat_at) if worker.interval_s is not None else "–"
    return (
        f'<th scope="row"><div class="we-two"><span>{escape(worker.name.replace("_", " "))}</span>{process}</div></th>'
        f"<td>{status_mark(_worker_mark(worker))}</td>{_number(heartbeat)}"
        f'<td class="we-number"{title}>{worker.failures or "–"}{error}</td>'
    )


def _worker_mark(worker: WorkerView) -> Mark:
    if not worker.is_running:
        return Mark(N_("stopped"), "idle", "offline")
    if worker.is_late:
        return Mark(N_("late"), "bad", "degraded")
    return Mark(N_("waiting") if worker.interval_s is None else N_("on time"), "ok", "online")


SLOW_COLUMNS: Final = (
    (N_("Query"), False),
    (N_("Calls"), True),
    (N_("Total"), True),
    (N_("Longest"), True),
    (N_("Last"), True),
)


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
        return _muted(_("PostgreSQL isn't responding."))
    is_newest = database.migration == database.migration_head
    if is_newest:
        migration = Mark(_("{version}, up to date", version=database.migration), "ok", "online")
    else:
        said = _(
            "{version}, but the code expects {expected}",
            version=database.migration,
            expected=database.migration_head,
        )
        migration = Mark(said, "bad", "degraded")
    facts = (
        (_("Version"), escape(database.version)),
        (_("Size"), amount(database.size_bytes)),
        (_("Connections"), _("{used} of {limit}", used=database.connections, limit=database.max_connections)),
        (_("Migration"), status_mark(migration, testid="migration")),
    )
    return facts_html(facts)


def tables_table(database: DatabaseView | None) -> str:
    """Its biggest tables."""
    rows = (
        f'<th scope="row"><code>{escape(table.name)}</code></th>'
        f"{_number(whole(table.rows))}{_number(amount(table.size_bytes))}"
        for table in (database.tables if database else ())
    )
    return _table([(_("Largest tables"), False), (_("Rows (approx.)"), True), (_("Size"), True)], rows)


def redis_part(redis: RedisView | None) -> str:
    """Redis, or that it is away."""
    if redis is None:
        return _muted(_("Redis isn't responding."))
    return facts_html(
        (
            ("Redis", escape(redis.version)),
            (_("Memory"), amount(redis.memory_bytes)),
            (_("Clients"), str(redis.clients)),
            (_("Keys"), whole(redis.keys)),
            (_("Commands"), f"{redis.operations_per_s}/s"),
            (_("Uptime"), span(redis.uptime_s)),
        )
    )


def calls_part(view: SystemView) -> str:
    """The calls to bots that are under way, and breakers that are not closed."""
    lanes = [calls for process in view.processes for calls in process.lanes]
    if not lanes:
        return _muted(_("No calls in progress, all breakers closed."))
    return facts_html((escape(calls.bot_name), _calls_of(calls)) for calls in lanes)


def _calls_of(calls: CallsView) -> str:
    tone, state = _BREAKERS[BreakerState(calls.breaker)]
    return _(
        "{running} of {slots} calls, {waiting} waiting, {breaker}",
        running=calls.in_flight,
        slots=calls.slots,
        waiting=calls.waiting,
        breaker=f'<span class="we-status-{tone}">{_(state)}</span>',
    )


def versions_part(view: SystemView) -> str:
    """What it is made of."""
    return facts_html((escape(name), escape(version)) for name, version in view.versions.items())


def table_head(columns: Iterable[Column]) -> str:
    """The first row of a table; columns of numbers stand at the right."""
    cells = "".join(
        f'<th scope="col"{" class=we-number" if is_number else ""}>{_(name)}</th>' for name, is_number in columns
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
    return fixed(per_s, 1) if per_s >= 0.1 else localized("<0.1") if per_s > 0 else "0"


def _table(columns: Sequence[Column], rows: Iterable[str], *, testid: str = "") -> str:
    return _table_of(columns, "".join(f"<tr>{row}</tr>" for row in rows), testid=testid)


def _table_of(columns: Sequence[Column], rows: str, *, testid: str) -> str:
    test = f' data-testid="{testid}"' if testid else ""
    return f'<table class="we-list"{test}><thead>{table_head(columns)}</thead><tbody>{rows}</tbody></table>'


def _number(content: str, *, is_bad: bool = False) -> str:
    text = content if content.startswith("<we-") else escape(content)
    return f'<td class="we-number{" we-status-bad" if is_bad else ""}">{text}</td>'


def _muted(text: str) -> str:
    return f'<p class="we-muted">{text}</p>'


def _where(process: ProcessReport) -> str:
    return f"{process.host} {process.pid}"
