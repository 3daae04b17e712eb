"""The System page without a browser: what is said of processes, workers and what they stand on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chat_api.core.database import PoolUsage
from chat_api.core.loop_watch import Blocked
from chat_api.core.request_statistics import RouteStatistics
from chat_api.core.slow_queries import SlowQuery
from chat_api.system.schemas import (
    CallsView,
    DatabaseView,
    ProcessReport,
    SystemView,
    WorkerView,
)
from console.pages.system import cells, overview, processes, stores, traffic
from console.pages.system.board import SystemBoard
from models import Role
from tests.support.console_app import RunningConsole
from tests.support.console_page import opened_page
from tests.support.elements import by_testid, is_shown, text
from tests.support.elements import markup as markup_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORKER = WorkerView(
    name="health_poller",
    is_running=True,
    is_late=False,
    started_at=NOW,
    beat_at=NOW,
    interval_s=5.0,
    failures=0,
    failed_at=None,
    error=None,
)
PROCESS = ProcessReport(
    instance_id=UUID(int=1),
    host="<host>",
    pid=42,
    version="0.1.0",
    started_at=NOW - timedelta(hours=2),
    reported_at=NOW,
    is_leader=True,
    websockets=3,
    messages_running=1,
    calls_waiting=2,
    realtime="live",
    lag_p50_ms=0.42,
    lag_p99_ms=12.0,
    lag_max_ms=1250.0,
    blocked_count=0,
    blocked=(),
    cpu_percent=12.5,
    memory_bytes=300 * 1024 * 1024,
    pool=PoolUsage(size=5, used=1, idle=4, fast_open=2, fast_idle=1),
    routes=(
        RouteStatistics(route="/health", count=9, rate_per_s=0.05, errors=0, p50_ms=1.0, p95_ms=2.0, p99_ms=None),
        RouteStatistics(route="/api/chat", count=12, rate_per_s=12.4, errors=2, p50_ms=1.0, p95_ms=2.0, p99_ms=3.0),
    ),
    slow_queries=(),
    workers=(WORKER,),
    lanes=(),
)
DATABASE = DatabaseView(
    version="18.4",
    size_bytes=2048,
    connections=3,
    max_connections=100,
    migration="0015",
    migration_head="0015",
    tables=(),
)
VIEW = SystemView(at=NOW, processes=(PROCESS,), database=DATABASE, redis=None)
SLOW = SlowQuery(statement="SELECT <1>", count=3, total_s=1.5, max_s=0.9, last_at=NOW)


def view_of(**changes: object) -> SystemView:
    """The service with something else about its only process."""
    return replace(VIEW, processes=(replace(PROCESS, **changes),))  # type: ignore[arg-type]


def test_the_banner_names_every_trouble() -> None:
    """All is well, or each reason why it is not."""
    assert overview.banner(VIEW)[1] == "1 process, all workers on time."
    blocked = Blocked(at=NOW - timedelta(minutes=4), duration_s=1.2, stack="")
    view = view_of(is_leader=False, blocked=(blocked,), workers=(replace(WORKER, is_late=True),))
    mark, said = overview.banner(replace(view, problems=("Redis <away>",)))
    assert mark.label == "Needs attention"
    assert said == (
        "Redis &lt;away&gt; Late workers: health_poller. Event loop stalls in the last five minutes (&lt;host&gt; 42)."
        " No leader process: bots aren't being checked."
    )
    old = replace(blocked, at=NOW - timedelta(minutes=6))
    assert overview.banner(view_of(blocked=(old,)))[0].label == "Healthy"


def test_states_of_workers_and_migrations() -> None:
    """On time, waiting, late, stopped; and a schema that the code does not expect."""
    said = {
        "on time": WORKER,
        "waiting": replace(WORKER, interval_s=None),
        "late": replace(WORKER, is_late=True),
        "stopped": replace(WORKER, is_late=True, is_running=False),
    }
    for word, worker in said.items():
        assert f"<span>{word}</span>" in processes.workers_table(view_of(workers=(worker,))), word
    failed = replace(WORKER, failures=2, failed_at=NOW, error="<boom>")
    assert "2026-01-01 00:00:00 UTC: &lt;boom&gt;" in processes.workers_table(view_of(workers=(failed,)))
    assert "0015, up to date" in stores.database_facts(DATABASE)
    assert "but the code expects 0016" in stores.database_facts(replace(DATABASE, migration_head="0016"))
    assert "PostgreSQL isn't responding." in stores.database_facts(None)
    calls = CallsView(bot_name="elena", breaker="half_open", in_flight=1, waiting=2, slots=4)
    assert "1 of 4 calls, 2 waiting, " in traffic.calls_part(view_of(lanes=(calls,)))
    assert "breaker half-open" in traffic.calls_part(view_of(lanes=(calls,)))


def test_routes_are_found() -> None:
    """The busiest first; those whose name has what was typed; or that there are none."""
    whole = traffic.routes_table(VIEW, "")
    assert whole.index("/api/chat") < whole.index("/health")
    assert "/health" not in traffic.routes_table(VIEW, "chat")
    assert "No routes match." in traffic.routes_table(VIEW, "nothing")
    assert "No requests yet." in traffic.routes_table(view_of(routes=()), "")
    assert [cells.rate(one) for one in (12.4, 0.52, 0.05, 0.0)] == ["12", "0.5", "<0.1", "0"]
    assert [cells.amount(one) for one in (512, 3 * 2**20, 5 * 2**28)] == ["1 KiB", "3.0 MiB", "1.25 GiB"]


async def test_what_comes_is_shown_and_what_is_open_stays(console_app: RunningConsole) -> None:
    """A new stall gets an element of its own before the others, which are the same as before."""
    token = await console_app.admin_login(Role.OPERATOR)
    async with opened_page(console_app, token, "/admin/restarts") as page:
        with page.client.content:
            board = SystemBoard(VIEW, [])
        assert "Healthy 1 process, all workers on time." in text(by_testid(page.client, "system-banner"))
        assert "0.1.0" in text(by_testid(page.client, "system"))
        assert not is_shown(page.client, "blocked")
        assert not is_shown(page.client, "slow-queries")

        first = Blocked(at=NOW - timedelta(minutes=1), duration_s=1.2, stack="<stack>")
        board.show(view_of(blocked=(first,)), [SLOW])
        before = by_testid(page.client, "blocked")
        assert "1.20 s" in text(before)
        assert "&lt;stack&gt;" in markup_of(before)
        assert "SELECT <1>" in text(by_testid(page.client, "slow-queries"))
        statement = by_testid(page.client, "slow-queries")

        board.show(view_of(blocked=(first, replace(first, at=NOW))), [SLOW, replace(SLOW, statement="SELECT 2")])
        assert before.parent_slot is not None
        (_, newest, oldest) = before.parent_slot.children
        assert newest.props["data-testid"] == "blocked"
        assert oldest is before
        assert by_testid(page.client, "slow-queries") is statement
        board.show(VIEW, [])
        assert not is_shown(page.client, "blocked")
