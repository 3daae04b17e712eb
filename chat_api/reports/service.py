"""The daily report as people read it, and as it goes to channels: each day once, in the morning after it.

::

    day 1          day 2   08:00          console off        day 4  03:00   08:00
    ├──────────────┼───────┤ day 1 is sent ├──────────────────┤ day 2 late  ┤ day 3
                                            day 2's morning was missed; of several that were, only the last is sent

The day is taken in the transaction that puts its messages into the outbox of alerts: two processes, or one that dies in
between, send it once. From there on it is delivered as alerts are, quiet hours and repeated attempts included.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from chat_api.alerts import outbox_repository as outbox
from chat_api.alerts.schemas import Channel, NotificationView
from chat_api.alerts.settings_repository import CHANNELS
from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput
from chat_api.core.ids import new_id
from chat_api.core.local_time import checked_clock, checked_zone, moment_of, today
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.reports import repository as reports
from chat_api.reports.days import report_of
from chat_api.reports.message import message_of
from chat_api.reports.schemas import DayReport, ReportSchedule, ScheduleDraft
from models import AuditOutcome, NotificationKind, Severity

log = get_logger(__name__)

OLDEST = date(2020, 1, 1)
TARGET = "daily report"
DAY = timedelta(days=1)


class ReportsService:
    """The same for the page, for the API, and for the leader that sends it."""

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        *,
        public_url: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """``public_url``: where a message says that the page is."""
        self._database = database
        self._audit = audit
        self._public_url = public_url
        self._clock = clock

    async def report(self, principal: Principal, day: date | None = None) -> DayReport:
        """The report of a day, by default of yesterday, by the clocks of the zone that it is sent in.

        Raises: InvalidInput (a day to come), PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        now = self._clock.now()
        async with self._database.read() as connection:
            zone = (await reports.schedule(connection) or ReportSchedule()).time_zone
            newest = today(now, ZoneInfo(zone))
            wanted = day or newest - DAY
            if not OLDEST <= wanted <= newest:
                raise InvalidInput("not a day that is over or has begun", field="date")
            return await report_of(connection, wanted, zone, now=now)

    async def schedule(self, principal: Principal) -> ReportSchedule:
        """When and where it is sent. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await reports.schedule(connection) or ReportSchedule()

    async def change_schedule(self, principal: Principal, draft: ScheduleDraft) -> ReportSchedule:
        """Decide when and where it is sent, beginning with the next morning.

        Raises: InvalidInput, PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ALERTS, TARGET)
        checked_clock(draft.at_time, field="at_time")
        checked_zone(draft.time_zone, field="time_zone")
        now = self._clock.now()
        async with self._database.write() as connection:
            known = {one.channel_id for one in await CHANNELS.all(connection, now=now)}
            if draft.channels is not None and not set(draft.channels) <= known:
                raise InvalidInput("there is no such channel", field="channels")
            before = await reports.schedule(connection)
            # One that was on goes on where it is: what is due is not lost by a change of the hour.
            is_going_on = before is not None and before.is_on and before.last_day is not None
            last_day = before.last_day if is_going_on and before and before.last_day else due_day(draft, now)
            stored = await reports.put_schedule(connection, draft, last_day=last_day, by=principal.username, now=now)
            details = {
                "is_on": draft.is_on,
                "at_time": draft.at_time,
                "time_zone": draft.time_zone,
                "channels": [str(one) for one in draft.channels] if draft.channels is not None else None,
            }
            await self._audit.record(principal, "report.schedule", TARGET, details=details, connection=connection)
        return stored

    async def send_due(self) -> bool:
        """Queue the report that is due, for the leader; returns whether there was one. Raises: DatabaseUnavailable."""
        now = self._clock.now()
        async with self._database.read() as connection:
            schedule = await reports.schedule(connection)
            if schedule is None or not schedule.is_on:
                return False
            day = due_day(schedule, now)
            if schedule.last_day is not None and schedule.last_day >= day:
                return False
            report = await report_of(connection, day, schedule.time_zone, now=now)
            channels = _chosen(await CHANNELS.all(connection, now=now), schedule.channels)
        title, body = message_of(report, public_url=self._public_url)
        async with self._database.write() as connection:
            if not await reports.take(connection, day):
                return False
            await outbox.put(connection, [_notification(channel, title, body, now) for channel in channels])
            await self._audit.record(
                None,
                "report.send",
                str(day),
                outcome=AuditOutcome.AUTOMATIC,
                details={"channels": [one.name for one in channels]},
                connection=connection,
            )
        log.info("report_queued", day=str(day), channels=len(channels))
        return True

    async def send_regularly(self) -> None:
        """What the leader does again and again."""
        await self.send_due()


def due_day(schedule: ScheduleDraft, now: datetime) -> date:
    """The newest day whose report may be sent at ``now``: the day before the last morning at that time."""
    zone = ZoneInfo(schedule.time_zone)
    here = today(now, zone)
    has_come = moment_of(here, time.fromisoformat(schedule.at_time), zone) <= now
    return here - (DAY if has_come else 2 * DAY)


def _chosen(channels: Sequence[Channel], wanted: Sequence[UUID] | None) -> list[Channel]:
    return [one for one in channels if one.is_enabled and (wanted is None or one.channel_id in wanted)]


def _notification(channel: Channel, title: str, body: str, now: datetime) -> NotificationView:
    return NotificationView(
        notification_id=new_id(),
        alert_id=None,
        channel_id=channel.channel_id,
        channel_name=channel.name,
        kind=NotificationKind.REPORT,
        severity=Severity.INFO,
        title=title,
        body=body,
        created_at=now,
        due_at=now,
    )
