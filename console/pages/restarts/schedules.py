"""Scheduled restarts on the Restarts page: what is planned, what became of the last time, and the form."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _
from chat_api.core.local_time import WEEKDAYS
from chat_api.core.principals import Permission, Principal
from chat_api.restarts.schedule_schemas import RestartScheduleDraft, RestartScheduleView
from console.actions import run_action
from console.context import services
from console.widgets.action_table import action
from console.widgets.forms import Form, confirm
from console.widgets.record_editor import RecordEditor
from console.widgets.records import column
from models import Recurrence, ScheduleOutcome

COLUMNS = (
    column("name", N_("Name")),
    column("when", N_("When"), kind="long"),
    column("bots", N_("Bots"), kind="long"),
    column("next_at", N_("Next time"), kind="time"),
    column("last_at", N_("Last"), kind="time"),
    column("last", N_("Result"), kind="status"),
    column("reason", N_("Reason"), kind="long"),
    column("by", N_("By")),
)
RECURRENCES: Final = {
    Recurrence.DAILY: N_("Every day"),
    Recurrence.WEEKLY: N_("On some days of the week"),
    Recurrence.ONCE: N_("Once"),
}
_OUTCOMES: Final = {
    ScheduleOutcome.STARTED: (N_("Started"), "ok", "online"),
    ScheduleOutcome.SKIPPED: (N_("Skipped"), "warn", "paused"),
    ScheduleOutcome.INTERRUPTED: (N_("Interrupted"), "bad", "offline"),
}

Done = Callable[[], Awaitable[None]]


async def scheduled_restarts(principal: Principal) -> None:
    """Build the section."""
    service = services().restart_schedules
    is_allowed = principal.may(Permission.RESTART_BOT)

    async def read() -> list[tuple[RestartScheduleView, dict[str, Any]]]:
        return [(one, _row(one, is_allowed=is_allowed)) for one in await service.all(principal)]

    def edit(schedule: RestartScheduleView | None = None) -> None:
        names = [spec.name for spec in services().registry.all()]
        schedule_form(principal, schedule, names, editor.refresh)

    async def pause(schedule: RestartScheduleView) -> None:
        done = _("“{name}” paused", name=schedule.name)
        await run_action(principal, lambda who: service.pause(who, schedule.schedule_id), done=done)
        await editor.refresh()

    async def resume(schedule: RestartScheduleView) -> None:
        done = _("“{name}” resumed", name=schedule.name)
        await run_action(principal, lambda who: service.resume(who, schedule.schedule_id), done=done)
        await editor.refresh()

    def delete(schedule: RestartScheduleView) -> None:
        confirm(
            principal,
            _("Delete the scheduled restart “{name}”?", name=schedule.name),
            _("A restart that is running goes on."),
            save=lambda who: service.delete(who, schedule.schedule_id),
            done=editor.refresh,
        )

    editor = RecordEditor(read)
    await editor.build(
        COLUMNS,
        actions={"edit": edit, "pause": pause, "resume": resume, "delete": delete},
        empty=_("No restarts are scheduled."),
        export="/api/admin/restart-schedules",
        new=(_("Schedule a restart"), edit) if is_allowed else None,
        title=_("Scheduled"),
        testid="schedules",
    )


def schedule_form(principal: Principal, schedule: RestartScheduleView | None, bots: Sequence[str], done: Done) -> None:
    """Schedule a restart, or change one."""
    now = schedule or RestartScheduleDraft(name="")

    async def save(person: Principal) -> None:
        draft = RestartScheduleDraft(
            name=name.value or "",
            bots=tuple(chosen.value) or None,
            batch_size=_whole("batch_size", batch_size.value),
            recurrence=Recurrence(recurrence.value),
            weekdays=tuple(int(day) for day in weekdays.value),
            on_day=_day(on_day.value) if recurrence.value == Recurrence.ONCE else None,
            at_time=(at_time.value or "")[:5],
            time_zone=(zone.value or "").strip(),
        )
        if schedule is None:
            await services().restart_schedules.create(person, draft)
        else:
            await services().restart_schedules.change(person, schedule.schedule_id, draft)

    title = _("Change {name}", name=schedule.name) if schedule else _("Schedule a restart")
    with Form(principal, title, save=save, done=done).filling() as form:
        name = form.text("name", _("Name"), now.name)
        names = {one: one for one in bots}
        chosen = form.choices("bots", _("Bots"), names, list(now.bots or ()), hint=_("If none selected: all bots"))
        batch_size = form.number("batch_size", _("Bots at a time"), now.batch_size)
        options = {one.value: _(label) for one, label in RECURRENCES.items()}
        recurrence = form.choice("recurrence", _("Repeats"), options, now.recurrence.value)
        days = {str(number): _(day) for number, day in enumerate(WEEKDAYS)}
        weekdays = form.choices("weekdays", _("Days"), days, [str(one) for one in now.weekdays])
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
        on_day = form.text("on_day", _("Day"), (now.on_day or tomorrow).isoformat(), type="date")
        at_time = form.text("at_time", _("At"), now.at_time, type="time")
        example = _("e.g. {example}", example="Europe/Berlin")
        zone = form.text("time_zone", _("Time zone"), now.time_zone, hint=example)

        def fit() -> None:
            """Only what this recurrence needs is asked for."""
            weekdays.set_visibility(recurrence.value == Recurrence.WEEKLY)
            on_day.set_visibility(recurrence.value == Recurrence.ONCE)

        recurrence.on_value_change(fit)
        fit()


def when(schedule: RestartScheduleDraft) -> str:
    """When it takes place, in words."""
    if schedule.recurrence is Recurrence.ONCE:
        text = _("{day} at {time}", day=schedule.on_day, time=schedule.at_time)
    elif schedule.recurrence is Recurrence.DAILY:
        text = _("Every day at {time}", time=schedule.at_time)
    else:
        days = ", ".join(_(WEEKDAYS[day]) for day in schedule.weekdays)
        text = _("{days} at {time}", days=days, time=schedule.at_time)
    return f"{text} ({schedule.time_zone})"


def _row(schedule: RestartScheduleView, *, is_allowed: bool) -> dict[str, Any]:
    label, tone, symbol = ("", "idle", "unknown")
    if schedule.last_outcome is not None:
        label, tone, symbol = _OUTCOMES[schedule.last_outcome]
    rest = action("resume", _("Resume")) if schedule.is_paused else action("pause", _("Pause"))
    actions = [action("edit", _("Edit")), rest, action("delete", _("Delete"))]
    state = f" · {_('paused')}" if schedule.is_paused else ""
    return {
        "key": str(schedule.schedule_id),
        "called": schedule.name,
        "name": schedule.name,
        "when": when(schedule) + state,
        "bots": ", ".join(schedule.bots) if schedule.bots is not None else _("all"),
        "next_at": schedule.next_at.isoformat() if schedule.next_at else "",
        "last_at": schedule.last_at.isoformat() if schedule.last_at else "",
        "last": _(label) if label else _("not yet"),
        "reason": schedule.last_reason or "",
        "by": schedule.created_by,
        "tone": tone,
        "symbol": symbol,
        "actions": actions if is_allowed else [],
    }


def _whole(field: str, value: float | None) -> int:
    if value is None or value != int(value):
        raise InvalidInput("a whole number", field=field)
    return int(value)


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise InvalidInput("is required", field="on_day") from None
