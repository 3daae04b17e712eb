"""When a scheduled restart is due next: pure, and by the clocks of its place."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from chat_api.core.local_time import moment_of, today
from chat_api.restarts.schedule_schemas import RestartScheduleDraft
from models import Recurrence

# A week, and a day more on both sides: its time may be over today, and another day there than here.
_DAYS = range(-1, 9)


def next_after(schedule: RestartScheduleDraft, after: datetime) -> datetime | None:
    """The first time after a moment; None when there is none any more."""
    zone, clock = ZoneInfo(schedule.time_zone), time.fromisoformat(schedule.at_time)
    if schedule.recurrence is Recurrence.ONCE:
        moment = moment_of(schedule.on_day, clock, zone) if schedule.on_day else None
        return moment if moment is not None and moment > after else None
    here = today(after, zone)
    for days in _DAYS:
        day = here + timedelta(days=days)
        if schedule.recurrence is Recurrence.WEEKLY and day.weekday() not in schedule.weekdays:
            continue
        moment = moment_of(day, clock, zone)
        if moment > after:
            return moment
    return None
