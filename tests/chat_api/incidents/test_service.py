"""Incidents over a real database: one a root cause, opened and resolved by themselves."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from chat_api.core.errors import (
    Conflict,
    DatabaseUnavailable,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
)
from chat_api.core.ids import new_id
from chat_api.fleet.schemas import BotStatus, SystemStatus
from chat_api.incidents.schemas import IncidentFilter, IncidentState
from models import IncidentEntryKind, RestartState, Role
from tests.chat_api.incidents.stage import Stage, admin, stage
from tests.chat_api.restarts.views import restart_view
from tests.support.api import MakeSettings

USER = replace(admin(), role=None)
THIRTY = tuple(f"bot{number:02}" for number in range(30))


@pytest.fixture
async def few(make_settings: MakeSettings) -> AsyncIterator[Stage]:
    """Elena, marcus and ryan."""
    async with stage(make_settings, ("elena", "marcus", "ryan")) as built:
        yield built


async def fall(few: Stage, *names: str) -> None:
    """Let bots fail two checks."""
    await few.evaluate(1)
    for _ in range(2):
        few.probe(names, is_healthy=False)
        await few.evaluate(5)
    few.check("postgres", is_healthy=True)
    few.check("redis", is_healthy=True)
    await few.evaluate(1)


async def recover(few: Stage, *names: str) -> None:
    """Let bots be well for a while."""
    few.probe(names, is_healthy=True)
    await few.evaluate()
    await few.evaluate(11)


async def test_redis_stopped_under_thirty_bots_is_one_incident_that_names_them(make_settings: MakeSettings) -> None:
    """Also with two keepers at once; the headline of the fleet says the same; all well again resolves it, once."""
    async with stage(make_settings, (*THIRTY, "free")) as fleet:
        fleet.add_keeper()
        for after_s in (1, 5, 1):  # seen down, and confirmed, before their parent is looked at
            await fleet.evaluate(after_s)
            fleet.probe(THIRTY[:10], is_healthy=False)
        await fleet.evaluate(1)
        assert await fleet.all() == ()
        fleet.check("redis", is_healthy=False)
        fleet.probe(THIRTY, is_healthy=False)
        await fleet.evaluate(3)
        fleet.check("redis", is_healthy=False)
        fleet.probe(THIRTY, is_healthy=False)
        await fleet.evaluate(3)
        found = await fleet.only()
        assert found.incident.cause == "service:redis"
        assert found.incident.headline == "Redis is down: 30 bots affected"
        assert {bot.bot_name for bot in found.bots if bot.is_failing} == set(THIRTY)
        assert [bot.bot_name for bot in found.bots if not bot.failed_at] == ["free"]
        assert fleet.fleet.current().headline == "Redis is down: 30 bots affected"
        assert fleet.fleet.current().status is SystemStatus.DEGRADED
        assert [entry.kind for entry in found.timeline].count(IncidentEntryKind.OPENED) == 1

        fleet.check("redis", is_healthy=True)
        await fleet.evaluate(1)
        assert (await fleet.only()).incident.state is IncidentState.OPEN  # its bots are still on their way
        fleet.probe(THIRTY, is_healthy=True)
        await fleet.evaluate(1)
        await fleet.evaluate(11)
        found = await fleet.only()
        assert found.incident.state is IncidentState.RESOLVED
        assert not any(bot.is_failing for bot in found.bots)
        assert [entry.kind for entry in found.timeline].count(IncidentEntryKind.RESOLVED) == 1


async def test_a_bot_of_its_own_trouble_is_confirmed_then_resolved_by_itself(few: Stage) -> None:
    """One failed check is nothing; two are an incident; a moment of health does not end it."""
    few.probe(["elena"], is_healthy=False)
    await few.evaluate(1)
    assert await few.all() == ()
    await fall(few, "elena")
    found = await few.only()
    assert (found.incident.headline, found.incident.cause) == ("Elena Rodriguez is offline", "bot:elena")
    assert "Connection refused" in found.incident.detail
    assert [evidence.bot_name for evidence in found.evidence] == ["elena"]
    few.probe(["elena"], is_healthy=True)
    await few.evaluate(5)
    assert (await few.only()).incident.state is IncidentState.OPEN
    await few.evaluate(11)
    assert (await few.only()).incident.state is IncidentState.RESOLVED


async def test_what_comes_back_soon_is_the_same_incident(few: Stage) -> None:
    """Reopened within five minutes; after that it is a new one."""
    await fall(few, "elena")
    await recover(few, "elena")
    few.now[0] = few.now[0].replace(minute=few.now[0].minute + 2)
    await fall(few, "elena")
    found = await few.only()
    assert (found.incident.state, found.incident.reopened) == (IncidentState.OPEN, 1)
    await recover(few, "elena")
    few.now[0] = few.now[0].replace(minute=few.now[0].minute + 6)
    await fall(few, "elena")
    assert len(await few.all()) == 2


async def test_a_death_is_certain_and_goes_over_into_its_parents_incident(few: Stage) -> None:
    """A container that died opens at once; when Redis turns out to be behind it, one incident has the evidence."""
    few.die("elena")
    await few.evaluate(1)
    assert "exited with code 1" in (await few.only()).incident.detail
    for _ in range(2):
        few.check("redis", is_healthy=False)
        await few.evaluate(3)
    await few.evaluate(1)
    found = await few.only()
    assert found.incident.headline == "Redis is down: 1 bot affected"
    assert [evidence.bot_name for evidence in found.evidence].count("elena") >= 1


async def test_an_open_incident_survives_the_process_that_opened_it(few: Stage) -> None:
    """Another keeper, which never saw it begin, goes on with it and resolves it."""
    await fall(few, "elena")
    few.keepers.clear()
    few.add_keeper()
    await few.evaluate(5)
    assert (await few.only()).incident.state is IncidentState.OPEN
    await recover(few, "elena")
    assert (await few.only()).incident.state is IncidentState.RESOLVED


async def test_maintenance_opens_none_and_resolves_all_the_same(few: Stage) -> None:
    """A bot in maintenance that fails is nobody's alarm; one whose incident is open still gets well in it."""
    few.maintain("marcus")
    await fall(few, "marcus")
    assert await few.all() == ()
    await fall(few, "elena")
    few.maintain("elena")
    await few.evaluate(30)
    assert (await few.only()).incident.state is IncidentState.OPEN
    await recover(few, "elena")
    assert (await few.only()).incident.state is IncidentState.RESOLVED


async def test_a_machine_that_slept_looks_first(few: Stage) -> None:
    """Ten hours went by without us: no bot was seen for a while, and none is in trouble for that."""
    few.probe(few.names, is_healthy=True)
    await few.evaluate(1)
    few.now[0] += timedelta(hours=10)
    await few.fleet.refresh()
    assert {bot.status for bot in few.fleet.current().bots} == {BotStatus.UNKNOWN}
    few.fleet.begin_anew()
    for _ in range(20):
        await few.evaluate(1)
    assert await few.all() == ()
    few.probe(few.names[1:], is_healthy=True)
    few.probe(few.names[:1], is_healthy=False)
    await few.evaluate(1)
    for _ in range(20):
        await few.evaluate(1)
    assert (await few.only()).incident.state is IncidentState.OPEN  # what is really wrong then is


async def test_what_somebody_stopped_is_no_incident(few: Stage) -> None:
    """A bot that an operator stopped is down because it was wanted so."""
    few.want_stopped("marcus")
    await fall(few, "marcus")
    assert await few.all() == ()


async def test_evidence_of_before_a_restart_belongs_to_what_follows(few: Stage) -> None:
    """Captured while there is no incident, it is taken over by the next one of this bot."""
    await few.service.capture("elena", "before a restart")
    await fall(few, "elena")
    reasons = [evidence.reason for evidence in (await few.only()).evidence]
    assert reasons[0] == "before a restart"
    await few.service.capture("elena", "before another restart")
    found = await few.only()
    assert found.evidence[-1].reason == "before another restart"
    assert found.timeline[-1].kind is IncidentEntryKind.EVIDENCE


async def test_restarts_are_in_the_timeline_with_who_did_them(few: Stage) -> None:
    """What was asked and how it ended, each once; while it runs, no incident opens and none is resolved."""
    restart = replace(restart_view(RestartState.STARTING), requested_at=few.now[0], requested_by="olga")
    few.fleet.record_restart(restart)
    await fall(few, "elena")
    await few.evaluate(100)
    assert await few.all() == ()
    few.fleet.record_restart(replace(restart, state=RestartState.FAILED, finished_at=few.now[0], error="It hung."))
    await few.evaluate(1)
    await few.evaluate(21)
    again = replace(restart, restart_id=new_id(), requested_at=few.now[0])
    few.fleet.record_restart(again)
    await few.evaluate(1)
    few.fleet.record_restart(replace(again, state=RestartState.ONLINE, finished_at=few.now[0]))
    await recover(few, "elena")
    found = await few.only()
    lines = [(line.content, line.actor_name) for line in found.timeline if line.kind is IncidentEntryKind.RESTART]
    assert lines == [
        ("Restart of elena failed. It hung.", "olga"),
        ("Restart of elena requested.", "olga"),
        ("elena restarted.", "olga"),
    ]
    assert found.incident.state is IncidentState.RESOLVED


async def test_an_outage_of_the_database_itself_is_told_afterwards(few: Stage) -> None:
    """It could not be stored while it lasted, nor forgotten: it is opened and resolved when the database is back."""
    living = few.database.engine
    few.database.engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    whole, few.database._autocommitting = few.database._autocommitting, few.database.engine.execution_options()
    for _ in range(2):
        few.check("postgres", is_healthy=False)
        few.now[0] += timedelta(seconds=16)
        with pytest.raises(DatabaseUnavailable):
            await few.evaluate()
    few.database.engine = living
    few.database._autocommitting = whole
    few.check("postgres", is_healthy=True)
    await few.evaluate(1)
    await few.evaluate(1)
    assert (await few.only()).incident.headline == "Postgres is down"
    await few.evaluate(11)
    await few.evaluate(1)
    assert (await few.only()).incident.state is IncidentState.RESOLVED


async def test_who_takes_care_says_why(few: Stage) -> None:
    """Once, with a reason, written down; a note at any time; a viewer and a user are refused."""
    await fall(few, "elena")
    incident_id = (await few.only()).incident.incident_id
    for role in (Role.VIEWER, None):
        person = admin(Role.VIEWER) if role else USER
        for act in (few.service.acknowledge, few.service.note):
            with pytest.raises(PermissionDenied if role else NotAuthenticated):
                await act(person, incident_id, "no")
    denied = (await few.audit.find(admin()))[0]
    assert (denied.action, denied.outcome) == ("incidents.manage", "denied")
    operator = admin(Role.OPERATOR)
    for empty in ("", "  \n "):
        with pytest.raises(InvalidInput):
            await few.service.acknowledge(operator, incident_id, empty)
    details = await few.service.acknowledge(operator, incident_id, "I am at it")
    assert (details.incident.state, details.incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "the operator")
    with pytest.raises(Conflict):
        await few.service.acknowledge(operator, incident_id, "me too")
    with pytest.raises(NotFound):
        await few.service.note(operator, new_id(), "to nothing")
    await recover(few, "elena")
    details = await few.service.note(operator, incident_id, "It was the disk")
    assert (details.timeline[-1].actor_name, details.timeline[-1].content) == ("the operator", "It was the disk")
    actions = [line.action for line in await few.audit.find(admin())]
    assert {"incident.open", "incident.resolve", "incident.acknowledge", "incident.note"} <= set(actions)


async def test_lists_and_numbers(few: Stage) -> None:
    """Open ones first; by state and by bot; how long it took."""
    await fall(few, "elena")
    await recover(few, "elena")
    await fall(few, "marcus")
    assert [one.cause for one in await few.all()] == ["bot:marcus", "bot:elena"]
    for state, cause in ((IncidentFilter.OPEN, "bot:marcus"), (IncidentFilter.RESOLVED, "bot:elena")):
        assert [one.cause for one in await few.service.newest(admin(), state=state)] == [cause]
    assert [one.cause for one in await few.service.newest(admin(), bot_name="elena")] == ["bot:elena"]
    numbers = await few.service.numbers(admin(Role.VIEWER))
    assert (numbers.open, numbers.opened) == (1, 2)
    assert numbers.median_s == (await few.all())[1].duration_s
    with pytest.raises(NotAuthenticated):
        await few.service.newest(USER)
