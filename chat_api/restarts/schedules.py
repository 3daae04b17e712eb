"""Restarts at a time of day: rolling restarts that begin by themselves, in the name of who wanted them.

::

    due → taken, with the next time → rolling restart, as by hand → started
                └ late, nobody may, all bots left out, one is running → skipped, and why

A time is taken in one statement, before anything is restarted: two processes, or one that dies in between, do not
restart twice. A time at which the console was off is skipped when it is later than :data:`GRACE`.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, Conflict, InvalidInput, NotAuthenticated, NotFound, PermissionDenied
from chat_api.core.ids import new_id
from chat_api.core.language import _
from chat_api.core.local_time import checked_clock, checked_zone
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.text import check_name, cleaned
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.service import FleetService
from chat_api.people import admins_repository as admins
from chat_api.restarts import schedule_repository as schedules
from chat_api.restarts.rolling import MAX_BATCH, RollingService
from chat_api.restarts.schedule_schemas import DueRestart, RestartScheduleDraft, RestartScheduleView
from chat_api.restarts.schedule_times import next_after
from models import AuditOutcome, Recurrence, Role, ScheduleOutcome

log = get_logger(__name__)

GRACE = timedelta(minutes=15)
MAX_BOTS = 1000


class RestartSchedulesService:
    """The same for the page and for the API; the leader calls :meth:`run_due`."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        fleet: FleetService,
        rolling: RollingService,
        audit: AuditService,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._registry = registry
        self._fleet = fleet
        self._rolling = rolling
        self._audit = audit
        self._clock = clock

    async def all(self, principal: Principal) -> tuple[RestartScheduleView, ...]:
        """All of them, by name. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await schedules.all_schedules(connection)

    async def create(self, principal: Principal, draft: RestartScheduleDraft) -> RestartScheduleView:
        """Add one. Raises: InvalidInput, Conflict (its name is taken), PermissionDenied, NotAuthenticated."""
        return await self._put(principal, None, draft)

    async def change(self, principal: Principal, schedule_id: UUID, draft: RestartScheduleDraft) -> RestartScheduleView:
        """Replace one; from now on it is done in the name of who changed it. Raises: NotFound, as :meth:`create`."""
        return await self._put(principal, schedule_id, draft)

    async def pause(self, principal: Principal, schedule_id: UUID) -> RestartScheduleView:
        """Let it rest until somebody resumes it. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        return await self._set_paused(principal, schedule_id, is_paused=True)

    async def resume(self, principal: Principal, schedule_id: UUID) -> RestartScheduleView:
        """Let it go on with its next time. Raises: NotFound, Conflict (it is over), PermissionDenied."""
        return await self._set_paused(principal, schedule_id, is_paused=False)

    async def delete(self, principal: Principal, schedule_id: UUID) -> None:
        """Delete it; a restart that runs goes on. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        await self._audit.require(principal, Permission.RESTART_BOT, str(schedule_id))
        async with self._database.write() as connection:
            name = await schedules.remove(connection, schedule_id)
            if name is None:
                raise NotFound
            await self._audit.record(principal, "restart_schedule.delete", name, connection=connection)

    async def run_due(self) -> None:
        """Begin what is due, or say why not. Raises: DatabaseUnavailable."""
        now = self._clock.now()
        async with self._database.read() as connection:
            waiting = await schedules.due(connection, now)
        for due in waiting:
            reason = _("The console stopped while it started this restart.")
            async with self._database.write() as connection:
                is_ours = await schedules.take(connection, due, next_at=next_after(due.schedule, now), reason=reason)
            if is_ours:
                await self._run(due)

    # Inside

    async def _put(
        self, principal: Principal, schedule_id: UUID | None, draft: RestartScheduleDraft
    ) -> RestartScheduleView:
        await self._audit.require(principal, Permission.RESTART_BOT, cleaned(draft.name, max_chars=100))
        checked = _checked(draft, bots={spec.name for spec in self._registry.all()})
        next_at = next_after(checked, self._clock.now())
        if next_at is None:
            raise InvalidInput("is over", field="on_day")
        async with self._database.write() as connection:
            before = await schedules.of_id(connection, schedule_id) if schedule_id else None
            stored = await schedules.put(
                connection,
                schedule_id or new_id(),
                checked,
                is_new=schedule_id is None,
                by_id=principal.user_id,
                by=principal.username,
                next_at=None if before and before.is_paused else next_at,
            )
            if stored is None:
                raise NotFound
            action = f"restart_schedule.{'create' if schedule_id is None else 'change'}"
            await self._audit.record(principal, action, stored.name, details=_said(stored), connection=connection)
        return stored

    async def _set_paused(self, principal: Principal, schedule_id: UUID, *, is_paused: bool) -> RestartScheduleView:
        await self._audit.require(principal, Permission.RESTART_BOT, str(schedule_id))
        async with self._database.write() as connection:
            schedule = await schedules.of_id(connection, schedule_id)
            if schedule is None:
                raise NotFound
            next_at = None if is_paused else next_after(schedule, self._clock.now())
            if not is_paused and next_at is None:
                raise Conflict("The time of this restart is over.")
            stored = await schedules.set_paused(connection, schedule_id, is_paused=is_paused, next_at=next_at)
            if stored is None:
                raise NotFound
            action = f"restart_schedule.{'pause' if is_paused else 'resume'}"
            await self._audit.record(principal, action, stored.name, connection=connection)
        return stored

    async def _run(self, due: DueRestart) -> None:
        schedule, rolling_id = due.schedule, None
        try:
            principal = await self._in_the_name_of(due)
            names, left_out = self._wanted(schedule)
            view = await self._rolling.begin(principal, names, batch_size=schedule.batch_size)
        except AppError as refusal:
            outcome, reason = ScheduleOutcome.SKIPPED, refusal.message
        else:
            outcome, rolling_id = ScheduleOutcome.STARTED, view.rolling_id
            restarted = {step.bot_name for step in view.steps}
            left_out += [f"{name} ({_('stopped, or without a container')})" for name in names if name not in restarted]
            reason = _("Left out: {bots}.", bots=", ".join(left_out)) if left_out else ""
        async with self._database.write() as connection:
            await schedules.finish(connection, due, outcome=outcome, reason=reason or None, rolling_id=rolling_id)
            await self._audit.record(
                None,
                f"restart_schedule.{'start' if outcome is ScheduleOutcome.STARTED else 'skip'}",
                schedule.name,
                outcome=AuditOutcome.AUTOMATIC,
                details={"created_by": schedule.created_by, "reason": reason, "rolling_id": str(rolling_id or "")},
                connection=connection,
            )
        log.info("scheduled_restart", outcome=outcome.value, schedule_id=str(schedule.schedule_id))

    async def _in_the_name_of(self, due: DueRestart) -> Principal:
        """Who wanted it, with what that person may do today. Raises: Conflict that says why it is skipped."""
        schedule = due.schedule
        if schedule.next_at is not None and self._clock.now() - schedule.next_at > GRACE:
            raise Conflict("The console was off at that time.")
        async with self._database.read() as connection:
            admin = await admins.get(connection, due.created_by_id)
        name = schedule.created_by
        if admin is None or admin.disabled_at is not None:
            raise Conflict(_("{name}, who scheduled it, can't sign in any more.", name=name))
        principal = Principal(
            user_id=admin.admin_id,
            username=admin.username,
            display_name=admin.username,
            session_id=uuid4(),
            role=Role(admin.role),
        )
        try:
            principal.require(Permission.RESTART_BOT)
        except (PermissionDenied, NotAuthenticated):
            raise Conflict(_("{name}, who scheduled it, may no longer restart bots.", name=name)) from None
        return principal

    def _wanted(self, schedule: RestartScheduleView) -> tuple[list[str], list[str]]:
        """The bots to restart, and those that are left out with why. Raises: Conflict when none is left."""
        now = self._clock.now()
        known = {spec.name for spec in self._registry.all()}
        views = {bot.name: bot for bot in self._fleet.current().bots}
        names, left_out = [], []
        for name in schedule.bots if schedule.bots is not None else sorted(known):
            bot, policy = views.get(name), self._fleet.policy_of(name)
            why = None
            if name not in known:
                why = _("no longer in the fleet")
            elif policy is not None and policy.is_in_maintenance(now):
                why = _("in maintenance")
            elif policy is not None and policy.quarantined_at is not None:
                why = _("in quarantine")
            elif bot is not None and bot.restart is not None and bot.restart.is_running:
                why = _("already being restarted")
            if why is None:
                names.append(name)
            else:
                left_out.append(f"{name} ({why})")
        if not names:
            reason = ", ".join(left_out) or _("there are no bots")
            raise Conflict(_("Nothing to restart: {reason}.", reason=reason))
        return names, left_out


def _checked(draft: RestartScheduleDraft, *, bots: Collection[str]) -> RestartScheduleDraft:
    """The schedule as it may be stored. Raises: InvalidInput."""
    name = check_name(draft.name, field="name", min_chars=1, max_chars=80)
    if draft.bots is not None and (not 1 <= len(draft.bots) <= MAX_BOTS or not set(draft.bots) <= set(bots)):
        raise InvalidInput("there is no such bot", field="bots")
    if not 1 <= draft.batch_size <= MAX_BATCH:
        raise InvalidInput(_("from 1 to {most}", most=MAX_BATCH), field="batch_size")
    checked_clock(draft.at_time, field="at_time")
    checked_zone(draft.time_zone, field="time_zone")
    is_weekly, is_once = draft.recurrence is Recurrence.WEEKLY, draft.recurrence is Recurrence.ONCE
    if is_weekly and (not draft.weekdays or not set(draft.weekdays) <= set(range(7))):
        raise InvalidInput("choose at least one day", field="weekdays")
    if is_once and (draft.on_day is None or not 2000 <= draft.on_day.year <= 2200):
        raise InvalidInput("is required", field="on_day")
    return replace(
        draft,
        name=name,
        # The order of bots is that of restarting.
        bots=tuple(dict.fromkeys(draft.bots)) if draft.bots is not None else None,
        weekdays=tuple(sorted(set(draft.weekdays))) if is_weekly else (),
        on_day=draft.on_day if is_once else None,
    )


def _said(schedule: RestartScheduleView) -> dict[str, object]:
    return {
        "bots": list(schedule.bots) if schedule.bots is not None else None,
        "batch_size": schedule.batch_size,
        "recurrence": schedule.recurrence.value,
        "weekdays": list(schedule.weekdays),
        "on_day": schedule.on_day.isoformat() if schedule.on_day else None,
        "at_time": schedule.at_time,
        "time_zone": schedule.time_zone,
    }
