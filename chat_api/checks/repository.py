"""Suites, runs and results, stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.checks.schemas import (
    CheckPrompt,
    CheckResult,
    Expectation,
    Failure,
    RunDetails,
    RunView,
    SuiteDraft,
    SuiteView,
    prompt_of,
    stored_prompt,
)
from chat_api.core.errors import Conflict
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none, unless_taken
from models import CheckRunState, WebCheckResult, WebCheckRun, WebCheckSuite

_suites = WebCheckSuite.__table__  # type: ignore[attr-defined]
_runs = WebCheckRun.__table__  # type: ignore[attr-defined]
_results = WebCheckResult.__table__  # type: ignore[attr-defined]
_RUNS = """
SELECT r.*, count(x.run_id) FILTER (WHERE x.is_passed) AS passed,
    count(x.run_id) FILTER (WHERE NOT x.is_passed) AS failed
FROM web_check_runs r LEFT JOIN web_check_results x ON x.run_id = r.id
"""
_NEWEST = text(f"""{_RUNS}
WHERE r.id IN (SELECT id FROM web_check_runs WHERE CAST(:suite_id AS uuid) IS NULL OR suite_id = :suite_id
    ORDER BY requested_at DESC LIMIT :limit)
GROUP BY r.id ORDER BY r.requested_at DESC, r.id DESC""")
_ONE = text(f"{_RUNS} WHERE r.id = :run_id GROUP BY r.id")
_PRUNE = text("""
DELETE FROM web_check_runs WHERE suite_id = :suite_id AND id NOT IN (
    SELECT id FROM web_check_runs WHERE suite_id = :suite_id ORDER BY requested_at DESC LIMIT :keep)
""")
_INTERRUPT = text("""
UPDATE web_check_runs SET state = 'interrupted', finished_at = :now
WHERE finished_at IS NULL AND heartbeat_at < now() - make_interval(secs => :seconds) RETURNING id
""")


async def suites(connection: AsyncConnection) -> tuple[SuiteView, ...]:
    """Every suite, by name."""
    return ODD_ROWS.readable("check suites", await many(connection, select(_suites).order_by(_suites.c.name)), _suite)


async def suite(connection: AsyncConnection, suite_id: UUID) -> SuiteView | None:
    """One suite."""
    row = await one_or_none(connection, select(_suites).where(_suites.c.id == suite_id))
    return next(iter(ODD_ROWS.readable("check suites", [row], _suite)), None) if row else None


async def put_suite(
    connection: AsyncConnection, suite_id: UUID, draft: SuiteDraft, *, is_new: bool, by: str, now: datetime
) -> SuiteView | None:
    """Add a suite, or replace one; None when there is none. Raises: Conflict when its name is taken."""
    values = {
        "name": draft.name,
        "prompts": [stored_prompt(one) for one in draft.prompts],
        "updated_by": by,
        "updated_at": now,
    }
    with unless_taken(Conflict("is already taken", field="name")):
        if is_new:
            statement: Any = insert(_suites).values(id=suite_id, **values)
        else:
            statement = update(_suites).where(_suites.c.id == suite_id).values(**values)
        row = await one_or_none(connection, statement.returning(_suites))
    return _suite(row) if row else None


async def remove_suite(connection: AsyncConnection, suite_id: UUID) -> str | None:
    """Delete a suite with its runs; gives its name, None when there was none."""
    statement = delete(_suites).where(_suites.c.id == suite_id).returning(_suites.c.name)
    name: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return name


async def start(
    connection: AsyncConnection, run_id: UUID, suite: SuiteView, bots: Sequence[str], *, by: str, now: datetime
) -> None:
    """Store a run that begins. Raises: Conflict when one is running anywhere; the transaction is lost."""
    statement = insert(_runs).values(
        id=run_id,
        suite_id=suite.suite_id,
        suite_name=suite.name,
        prompts=[stored_prompt(one) for one in suite.prompts],
        bots=list(bots),
        requested_by=by,
        requested_at=now,
        state=CheckRunState.RUNNING.value,
    )
    with unless_taken(Conflict("Checks are running already. Wait until they are done, or stop them.")):
        await connection.execute(statement)


async def prune(connection: AsyncConnection, suite_id: UUID, *, keep: int) -> None:
    """Drop the oldest runs of a suite."""
    await connection.execute(_PRUNE, {"suite_id": suite_id, "keep": keep})


async def add_result(connection: AsyncConnection, run_id: UUID, result: CheckResult) -> bool:
    """Store a result, and that the run goes on; False when it is over: nothing more is wanted."""
    alive = update(_runs).where(_runs.c.id == run_id, _runs.c.finished_at.is_(None))
    if await affected(connection, alive.values(heartbeat_at=text("now()"))) != 1:
        return False
    values = {name: getattr(result, name) for name in ("place", "bot_name", "is_passed", "outcome", "answer", "at")}
    failures = [{"kind": one.kind.value, "expected": one.expected} for one in result.failures]
    statement = insert(_results).values(run_id=run_id, duration_s=result.duration_s, failures=failures, **values)
    await connection.execute(statement)
    return True


async def finish(connection: AsyncConnection, run_id: UUID, state: CheckRunState, *, now: datetime) -> bool:
    """End a run; False when it is over."""
    statement = update(_runs).where(_runs.c.id == run_id, _runs.c.finished_at.is_(None))
    return await affected(connection, statement.values(state=state.value, finished_at=now)) == 1


async def interrupt(connection: AsyncConnection, *, seconds: float, now: datetime) -> list[UUID]:
    """End the runs of processes that are gone: those that were silent for so long."""
    return list((await connection.execute(_INTERRUPT, {"seconds": seconds, "now": now})).scalars())


async def newest(connection: AsyncConnection, *, suite_id: UUID | None, limit: int) -> tuple[RunView, ...]:
    """The last runs, of one suite or of all, newest first."""
    rows = await many(connection, _NEWEST, {"suite_id": suite_id, "limit": limit})
    return ODD_ROWS.readable("check runs", rows, _run)


async def details(connection: AsyncConnection, run_id: UUID) -> RunDetails | None:
    """One run with its results, in the order of prompts."""
    row = await one_or_none(connection, _ONE, {"run_id": run_id})
    if row is None:
        return None
    found = select(_results).where(_results.c.run_id == run_id).order_by(_results.c.place, _results.c.bot_name)
    results = ODD_ROWS.readable("check results", await many(connection, found), _result)
    return RunDetails(run=_run(row), prompts=_prompts(row), results=results)


def _suite(row: RowMapping) -> SuiteView:
    return SuiteView(
        suite_id=row["id"],
        name=row["name"],
        prompts=_prompts(row),
        updated_by=row["updated_by"],
        updated_at=row["updated_at"],
    )


def _prompts(row: RowMapping) -> tuple[CheckPrompt, ...]:
    return tuple(prompt_of(one) for one in row["prompts"])


def _run(row: RowMapping) -> RunView:
    same = ("suite_id", "suite_name", "requested_by", "requested_at", "finished_at", "passed", "failed")
    return RunView(
        run_id=row["id"],
        bots=tuple(row["bots"]),
        prompt_count=len(row["prompts"]),
        state=CheckRunState(row["state"]),
        **{name: row[name] for name in same},
    )


def _result(row: RowMapping) -> CheckResult:
    same = ("place", "bot_name", "is_passed", "outcome", "answer", "duration_s", "at")
    return CheckResult(
        failures=tuple(Failure(kind=Expectation(one["kind"]), expected=one["expected"]) for one in row["failures"]),
        **{name: row[name] for name in same},
    )
