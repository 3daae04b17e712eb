"""Checks over real bots and real PostgreSQL: every bot asked everything, once at a time, and nothing left running."""

import time
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from chat_api.audit.schemas import AuditQuery
from chat_api.checks.runner import APART_S, CHECK_USER, CheckRunner
from chat_api.checks.schemas import CheckPrompt, CheckResult, Expectation, RunDetails, SuiteDraft, SuiteView
from chat_api.core.clock import Clock
from chat_api.core.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, PermissionDenied
from chat_api.core.ids import new_id
from chat_api.core.principals import Principal
from models import CheckRunState, Role
from tests.support.api import RunningApi
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

PROMPTS = (
    CheckPrompt(text="My cat is called Mimi."),
    CheckPrompt(text="What did I say?", contains=("mimi",), excludes=("language model",), max_s=60),
    CheckPrompt(text="What did I say?", contains=("a dog",)),
)


async def somebody(api: RunningApi, role: Role = Role.OPERATOR) -> Principal:
    """A signed-in administrator."""
    return await api.services.auth.authenticate(await api.admin_login(role), is_admin=True)


async def suite(api: RunningApi, who: Principal) -> SuiteView:
    """A suite whose last prompt fails."""
    return await api.services.checks.create_suite(who, SuiteDraft(name="Smoke", prompts=PROMPTS))


async def ended(api: RunningApi, who: Principal, run_id: UUID) -> RunDetails:
    """A run when it is over."""

    async def over() -> RunDetails | None:
        details = await api.services.checks.details(who, run_id)
        return None if details.run.is_running else details

    return await eventually(over)


async def test_all_bots_are_asked_everything_side_by_side(
    api: RunningApi, elena: RunningBot, marcus: RunningBot
) -> None:
    """As a test user; what comes back is kept, with what it fails; only one run at a time; the suite may change."""
    who, checks = await somebody(api), api.services.checks
    made = await suite(api, who)
    await elena.set_faults(is_held=True)
    begun = await checks.begin(who, made.suite_id, [])
    assert (begun.is_running, begun.bots, begun.total) == (True, ("elena", "marcus"), 6)
    with pytest.raises(Conflict):
        await checks.begin(who, made.suite_id, ["elena"])
    await checks.change_suite(who, made.suite_id, SuiteDraft(name="Smoke", prompts=PROMPTS[:1]))
    await elena.set_faults(is_held=False)
    details = await ended(api, who, begun.run_id)
    assert (details.run.state, details.run.passed, details.run.failed) == (CheckRunState.DONE, 4, 2)
    assert details.prompts == PROMPTS
    found = [(one.place, one.bot_name, one.is_passed) for one in details.results]
    assert found == [(place, bot, place < 2) for place in range(3) for bot in ("elena", "marcus")]
    last = details.results[-1]
    assert "Mimi" in last.answer
    assert [(one.kind, one.expected) for one in last.failures] == [(Expectation.CONTAINS, "a dog")]
    for bot in (elena, marcus):
        heard = [call.message for call in await bot.calls() if call.user_id == CHECK_USER]
        assert heard[-len(PROMPTS) :] == [prompt.text for prompt in PROMPTS]  # the process is that of other tests too
    lines = await api.services.audit.find(who, AuditQuery(action="check_suite.run"))
    assert [(line.target, line.details["bots"]) for line in lines] == [("Smoke", ["elena", "marcus"])]


async def test_a_bot_that_fails_is_a_result_that_says_so(
    api: RunningApi, elena: RunningBot, marcus: RunningBot
) -> None:
    """An apology, and no answer at all; the other bot's results are not touched by it."""
    who = await somebody(api)
    made = await api.services.checks.create_suite(who, SuiteDraft(name="Hello", prompts=PROMPTS[:1]))
    await elena.set_faults(mode="http500")
    await marcus.kill()
    begun = await api.services.checks.begin(who, made.suite_id, ["marcus", "elena"])
    details = await ended(api, who, begun.run_id)
    assert {one.bot_name: [f.kind for f in one.failures] for one in details.results} == {
        "elena": [Expectation.NO_APOLOGY],
        "marcus": [Expectation.ERROR],
    }


async def test_a_stopped_run_asks_nothing_more(api: RunningApi, elena: RunningBot) -> None:
    """What is being asked is heard and thrown away; the next run may begin at once."""
    who, checks = await somebody(api), api.services.checks
    made = await suite(api, who)
    await elena.set_faults(is_held=True)
    begun = await checks.begin(who, made.suite_id, ["elena"])
    assert (await checks.stop(who, begun.run_id)).state is CheckRunState.STOPPED
    with pytest.raises(Conflict):
        await checks.stop(who, begun.run_id)
    await elena.set_faults(is_held=False)
    again = await checks.begin(who, made.suite_id, ["elena"])
    assert (await ended(api, who, again.run_id)).run.passed == 2
    assert (await checks.details(who, begun.run_id)).results == ()
    assert [run.run_id for run in await checks.runs(who)] == [again.run_id, begun.run_id]


async def test_what_a_dead_process_left_is_interrupted(api: RunningApi, database_url: str) -> None:
    """So that it does not keep everybody from running checks for ever."""
    who, checks = await somebody(api), api.services.checks
    made = await suite(api, who)
    connection = await asyncpg.connect(database_url)
    run_id = new_id()
    await connection.execute(
        "INSERT INTO web_check_runs (id, suite_id, suite_name, prompts, bots, requested_by, state, heartbeat_at)"
        " VALUES ($1, $2, 'Smoke', '[]', '[]', 'olga', 'running', now() - interval '1 hour')",
        run_id,
        made.suite_id,
    )
    await connection.close()
    await checks.interrupt_dead()
    assert (await checks.details(who, run_id)).run.state is CheckRunState.INTERRUPTED


async def test_no_two_bots_are_asked_in_the_same_moment(api: RunningApi) -> None:
    """However many are asked at once: bots that share a database name messages by the millisecond."""
    asked: list[float] = []

    def now_s() -> float:
        asked.append(time.monotonic())
        return asked[-1]

    async def keep(_: CheckResult) -> bool:
        return True

    runner = CheckRunner(api.services.fleet.identities, clock=Clock(monotonic_s=now_s))
    assert await runner.run(("elena", "marcus"), PROMPTS, keep)
    assert len(asked) == 6
    assert all(after - before >= APART_S * 0.9 for before, after in pairwise(asked))


async def test_who_may_not(api: RunningApi) -> None:
    """A viewer sees results and asks nothing; somebody of the chat sees nothing."""
    viewer, checks = await somebody(api, Role.VIEWER), api.services.checks
    made = await suite(api, await somebody(api))
    assert [one.name for one in await checks.suites(viewer)] == ["Smoke"]
    draft = SuiteDraft(name="x", prompts=PROMPTS)
    for attempt in (
        checks.create_suite(viewer, draft),
        checks.change_suite(viewer, made.suite_id, draft),
        checks.delete_suite(viewer, made.suite_id),
        checks.begin(viewer, made.suite_id, []),
        checks.stop(viewer, new_id()),
    ):
        with pytest.raises(PermissionDenied):
            await attempt
    user = await api.principal("alice")
    with pytest.raises(NotAuthenticated):
        await checks.runs(user)


async def test_what_is_not_there_is_not_found(api: RunningApi) -> None:
    """A suite, a run, a bot; and a name is given once."""
    who, checks = await somebody(api), api.services.checks
    made = await suite(api, who)
    for attempt in (
        checks.begin(who, new_id(), []),
        checks.begin(who, made.suite_id, ["nobody"]),
        checks.details(who, new_id()),
        checks.change_suite(who, new_id(), SuiteDraft(name="Other", prompts=PROMPTS)),
        checks.delete_suite(who, new_id()),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Conflict):
        await suite(api, who)
    with pytest.raises(InvalidInput):
        await checks.create_suite(who, SuiteDraft(name=" ", prompts=PROMPTS))
    await checks.delete_suite(who, made.suite_id)
    assert await checks.suites(who) == ()
