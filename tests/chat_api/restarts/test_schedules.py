"""Scheduled restarts over real PostgreSQL and a real bot: at their time, once, in somebody's name, or skipped."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chat_api.audit.schemas import AuditQuery
from chat_api.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from chat_api.core.ids import new_id
from chat_api.core.principals import Principal
from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.people import admins_repository as admins
from chat_api.people.admins_repository import AdminRow
from chat_api.restarts.schedule_schemas import RestartScheduleDraft, RestartScheduleView
from chat_api.restarts.schedule_times import next_after
from chat_api.restarts.schedules import GRACE, RestartSchedulesService
from models import Recurrence, Role, ScheduleOutcome
from tests.chat_api.restarts.stage import Stage, admin, staged
from tests.support.api import MakeSettings
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

TWO = ("bot01", "bot02")


def service_of(stage: Stage) -> RestartSchedulesService:
    """As a process of the deployment has it."""
    return RestartSchedulesService(
        stage.database, stage.registry, stage.fleet, stage.rolling, stage.audit, clock=stage.time.clock
    )


async def somebody(stage: Stage, role: Role = Role.OPERATOR) -> Principal:
    """An administrator who can sign in."""
    who = admin("olga", role)
    row = AdminRow(
        admin_id=who.user_id,
        username=who.username,
        password_hash="x",
        totp_secret=None,
        role=role.value,
        disabled_at=None,
    )
    async with stage.database.write() as connection:
        await admins.create(connection, row)
    return who


async def due_now(stage: Stage, who: Principal, **draft: object) -> RestartScheduleView:
    """A schedule whose time has just come."""
    soon = stage.time.clock.now() + timedelta(minutes=1, seconds=30)
    wanted = RestartScheduleDraft(name="Nightly", bots=TWO, at_time=f"{soon:%H:%M}")
    created = await service_of(stage).create(who, replace(wanted, **draft))  # type: ignore[arg-type]
    assert created.next_at is not None
    stage.time.move((created.next_at - stage.time.clock.now()).total_seconds() + 1)
    return created


async def only(stage: Stage) -> RestartScheduleView:
    """The only schedule as it is now."""
    (found,) = await service_of(stage).all(admin())
    return found


async def test_it_restarts_once_however_many_processes_look(make_settings: MakeSettings, elena: RunningBot) -> None:
    """With the gates of a rolling restart, in the name of who made it; the next time is a day later."""
    async with staged(make_settings, elena, TWO) as stage:
        created = await due_now(stage, await somebody(stage))
        services = [service_of(stage) for _ in range(3)]
        await asyncio.gather(*(one.run_due() for one in services * 3))
        seen = await only(stage)
        assert (seen.last_outcome, seen.last_reason, seen.last_at) == (ScheduleOutcome.STARTED, None, created.next_at)
        assert created.next_at is not None
        assert seen.next_at == created.next_at + timedelta(days=1)
        rolling_id = seen.last_rolling_id
        assert rolling_id is not None

        async def over() -> bool:
            return not (await stage.rolling.of_id(admin(), rolling_id)).is_running

        await eventually(over)
        assert stage.engine.asked("restart") == list(TWO)
        view = await stage.rolling.of_id(admin(), rolling_id)
        assert (view.requested_by, view.state) == ("olga", "done")
        lines = await stage.audit.find(admin(), AuditQuery(action="restart_schedule.start"))
        assert [(line.target, line.details["created_by"]) for line in lines] == [("Nightly", "olga")]


async def test_what_may_not_be_restarted_is_left_out_or_skipped(make_settings: MakeSettings, elena: RunningBot) -> None:
    """One bot in maintenance is left out, all of them are a reason to skip; so is a rolling restart that runs."""
    async with staged(make_settings, elena, TWO) as stage:
        who = await somebody(stage)
        for name in TWO:
            await stage.policies.change(who, name, PolicyChange(is_in_maintenance=True))
        await due_now(stage, who)
        await service_of(stage).run_due()
        seen = await only(stage)
        assert seen.last_outcome is ScheduleOutcome.SKIPPED
        assert seen.last_reason == "Nothing to restart: bot01 (in maintenance), bot02 (in maintenance)."
        await stage.policies.change(who, "bot02", PolicyChange(is_in_maintenance=False))
        stage.time.move(24 * 3600)
        await service_of(stage).run_due()
        seen = await only(stage)
        assert (seen.last_outcome, seen.last_reason) == (ScheduleOutcome.STARTED, "Left out: bot01 (in maintenance).")
        await eventually(lambda: stage.engine.asked("restart") == ["bot02"])


async def test_a_running_rolling_restart_is_a_reason_to_skip(make_settings: MakeSettings, elena: RunningBot) -> None:
    """It goes on as it is."""
    async with staged(make_settings, elena, TWO, broken=TWO, health_deadline_s=60) as stage:
        who = await somebody(stage)
        await due_now(stage, who, bots=("bot02",))
        await stage.rolling.begin(who, ["bot01"])
        await service_of(stage).run_due()
        seen = await only(stage)
        assert seen.last_outcome is ScheduleOutcome.SKIPPED
        assert (seen.last_reason or "").startswith("A rolling restart is in progress.")


async def test_what_was_missed_is_skipped(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Later than the grace it is said and not done; within it, it is done."""
    async with staged(make_settings, elena, TWO) as stage:
        created = await due_now(stage, await somebody(stage))
        stage.time.move(3 * 24 * 3600 + GRACE.total_seconds())
        await service_of(stage).run_due()
        seen = await only(stage)
        assert (seen.last_outcome, seen.last_reason) == (
            ScheduleOutcome.SKIPPED,
            "The console was off at that time.",
        )
        assert created.next_at is not None
        assert seen.next_at == created.next_at + timedelta(days=4)
        assert stage.engine.asked("restart") == []
        stage.time.move(24 * 3600 - 60)
        await service_of(stage).run_due()
        assert (await only(stage)).last_outcome is ScheduleOutcome.STARTED


@pytest.mark.parametrize("change", ["role = 'viewer'", "disabled_at = now()"])
async def test_it_is_done_with_the_rights_of_who_made_it(
    make_settings: MakeSettings, elena: RunningBot, change: str
) -> None:
    """Who may no longer restart bots, or is gone, restarts none at night either."""
    async with staged(make_settings, elena, TWO) as stage:
        who = await somebody(stage)
        await due_now(stage, who)
        async with stage.database.write() as connection:
            if "role" in change:
                await admins.set_role(connection, who.user_id, Role.VIEWER)
            else:
                await admins.set_disabled(connection, who.user_id, at=datetime.now(UTC))
        await service_of(stage).run_due()
        seen = await only(stage)
        assert seen.last_outcome is ScheduleOutcome.SKIPPED
        assert (seen.last_reason or "").startswith("olga, who scheduled it")
        assert stage.engine.asked("restart") == []


async def test_paused_resumed_once_deleted(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Paused it rests; resumed it goes on with its next time; once is once, and then over."""
    async with staged(make_settings, elena, TWO) as stage:
        service, who = service_of(stage), await somebody(stage)
        tomorrow = (stage.time.clock.now() + timedelta(days=1)).date()
        draft = RestartScheduleDraft(
            name="Once", bots=("bot01",), recurrence=Recurrence.ONCE, on_day=tomorrow, at_time="00:00"
        )
        made = await service.create(who, draft)
        with pytest.raises(Conflict):
            await service.create(who, draft)
        assert (await service.pause(who, made.schedule_id)).next_at is None
        stage.time.move(2 * 24 * 3600)
        await service.run_due()
        assert (await only(stage)).last_outcome is None
        with pytest.raises(Conflict):
            await service.resume(who, made.schedule_id)
        with pytest.raises(InvalidInput):
            await service.change(who, made.schedule_id, draft)
        changed = replace(draft, recurrence=Recurrence.DAILY)
        assert (await service.change(who, made.schedule_id, changed)).is_paused
        assert (await service.resume(who, made.schedule_id)).next_at is not None
        await service.delete(who, made.schedule_id)
        with pytest.raises(NotFound):
            await service.delete(who, made.schedule_id)
        assert await service.all(who) == ()


@pytest.mark.parametrize(
    ("field", "draft"),
    [
        ("name", {"name": " "}),
        ("bots", {"bots": ("nobody",)}),
        ("bots", {"bots": ()}),
        ("batch_size", {"batch_size": 0}),
        ("at_time", {"at_time": "24:00"}),
        ("time_zone", {"time_zone": "Mars/Olympus"}),
        ("weekdays", {"recurrence": Recurrence.WEEKLY}),
        ("weekdays", {"recurrence": Recurrence.WEEKLY, "weekdays": (7,)}),
        ("on_day", {"recurrence": Recurrence.ONCE}),
        ("on_day", {"recurrence": Recurrence.ONCE, "on_day": date(2020, 1, 1)}),
    ],
)
async def test_what_makes_no_sense_is_refused(
    make_settings: MakeSettings, elena: RunningBot, field: str, draft: dict[str, object]
) -> None:
    """By its field, so that the form shows it there."""
    async with staged(make_settings, elena, TWO) as stage:
        wanted = replace(RestartScheduleDraft(name="Nightly"), **draft)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput) as refused:
            await service_of(stage).create(admin(), wanted)
        assert refused.value.field == field


async def test_a_viewer_plans_nothing(make_settings: MakeSettings, elena: RunningBot) -> None:
    """They see what is planned."""
    async with staged(make_settings, elena, TWO) as stage:
        service, viewer = service_of(stage), admin("vera", Role.VIEWER)
        assert await service.all(viewer) == ()
        for attempt in (
            service.create(viewer, RestartScheduleDraft(name="Nightly")),
            service.pause(viewer, new_id()),
            service.resume(viewer, new_id()),
            service.delete(viewer, new_id()),
        ):
            with pytest.raises(PermissionDenied):
                await attempt


def test_each_day_has_its_time_once_when_clocks_change() -> None:
    """A year of nights in Berlin at half past two: one each, also where clocks skip it or show it twice."""
    schedule = RestartScheduleDraft(name="x", at_time="02:30", time_zone="Europe/Berlin")
    moment: datetime | None = datetime(2026, 1, 1, 12, tzinfo=UTC)
    found = []
    for _ in range(365):
        assert moment is not None
        moment = next_after(schedule, moment)
        found.append(moment)
    assert datetime(2026, 3, 29, 1, 0, tzinfo=UTC) in found
    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) in found
    assert found[-1] == datetime(2027, 1, 1, 1, 30, tzinfo=UTC)


def test_weekly_is_on_its_days_only() -> None:
    """By the calendar of its place: Monday begins earlier in Auckland than in Greenwich."""
    schedule = RestartScheduleDraft(
        name="x", recurrence=Recurrence.WEEKLY, weekdays=(0, 3), at_time="04:00", time_zone="Pacific/Auckland"
    )
    first = next_after(schedule, datetime(2026, 6, 6, 12, tzinfo=UTC))
    assert first == datetime(2026, 6, 7, 16, tzinfo=UTC)
    assert next_after(schedule, first) == datetime(2026, 6, 10, 16, tzinfo=UTC)
