"""The daily report over real PostgreSQL: what it says of a day, and that each day is sent once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from chat_api.alerts.apprise_sender import AppriseSender, fitted
from chat_api.alerts.delivery import AlertDelivery
from chat_api.alerts.schemas import ChannelDraft, ChannelView
from chat_api.alerts.settings import AlertSettingsService
from chat_api.audit.service import AuditService
from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput, NotAuthenticated, PermissionDenied
from chat_api.core.language import speaking
from chat_api.core.principals import Principal
from chat_api.reports.markdown import report_markdown
from chat_api.reports.message import message_of
from chat_api.reports.schemas import BotDay, DayReport, DaySummary, QueueDay, ScheduleDraft
from chat_api.reports.service import ReportsService
from models import Role
from tests.support.alert_receiver import Receiver, alert_receiver
from tests.support.ticking import TickingClock

SUNDAY = date(2026, 10, 25)  # on which Berlin's clocks go back: 25 hours, from 22:00 to 23:00 UTC
BEGINS = datetime(2026, 10, 24, 22, tzinfo=UTC)


def person(role: Role | None = Role.OPERATOR) -> Principal:
    """Somebody of the console; without a role, of the chat."""
    return Principal(user_id="adm_o", username="olga", display_name="Olga", session_id=uuid4(), role=role)


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection past our own code."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def time() -> TickingClock:
    """The Monday after, at noon."""
    return TickingClock(datetime(2026, 10, 26, 11, tzinfo=UTC))


@pytest.fixture
def reports(database: Database, time: TickingClock) -> ReportsService:
    """The service."""
    return ReportsService(database, AuditService(database), public_url="https://ops.example.org", clock=time.clock)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Where messages arrive."""
    async with alert_receiver() as running:
        yield running


async def say(
    raw: asyncpg.Connection, at: datetime, user: str, *, bot: str = "elena", took_s: float | None = 1.0, mode: str = ""
) -> None:
    """One exchange; without ``took_s`` it failed."""
    await raw.execute(
        "INSERT INTO web_conversations (id, user_id, bot_name, user_message, timestamp, seq, status, processing_time,"
        " metadata) VALUES ($1, $2, $3, 'x', $4, 1, $5, $6, $7)",
        uuid4(),
        user,
        bot,
        at,
        "answered" if took_s is not None else "failed",
        took_s,
        f'{{"mode": "{mode}"}}' if mode else None,
    )


async def seen(raw: asyncpg.Connection, subject: str, status: str, since: datetime, hours: float) -> None:
    """That something was in a state for a time."""
    await raw.execute(
        "INSERT INTO web_status_intervals (subject, started_at, status, until_at, reason) VALUES ($1, $2, $3, $4, '')",
        subject,
        since,
        status,
        since + timedelta(hours=hours),
    )


async def channel(database: Database, url: str, name: str = "Team") -> ChannelView:
    """A channel to a real server."""
    settings = AlertSettingsService(database, AuditService(database), AppriseSender(timeout_s=5), known_bots=list)
    return await settings.create_channel(person(Role.ADMIN), ChannelDraft(name=name, url=url))


async def deliver(database: Database, time: TickingClock) -> None:
    """Send what is in the outbox."""
    delivery = AlertDelivery(database, AuditService(database), AppriseSender(timeout_s=5), clock=time.clock)
    while await delivery.deliver_due():
        pass


async def test_a_day_is_what_happened_between_its_midnights(reports: ReportsService, raw: asyncpg.Connection) -> None:
    """All 25 hours of it, and not a second more; each bot; and what changed against the day and the week before."""
    await reports.change_schedule(person(), ScheduleDraft(time_zone="Europe/Berlin"))
    last = BEGINS + timedelta(hours=25) - timedelta(seconds=1)
    for at, user in ((BEGINS, "ann"), (last, "bob"), (last, "ann")):
        await say(raw, at, user, mode="reflective")
    await say(raw, BEGINS, "ann", bot="marcus", took_s=None)
    await say(raw, BEGINS - timedelta(seconds=1), "eve")  # the day before
    await say(raw, last + timedelta(seconds=1), "eve")  # the day after
    await seen(raw, "bot:elena", "online", BEGINS - timedelta(hours=1), 25)
    await seen(raw, "bot:elena", "offline", BEGINS + timedelta(hours=24), 0.25)
    await seen(raw, "bot:marcus", "offline", BEGINS - timedelta(hours=5), 30)
    incident = uuid4()
    await raw.execute(
        "INSERT INTO web_incidents (id, cause, title, detail, opened_at, resolved_at)"
        " VALUES ($1, 'bot:elena', 'Elena *is* down', '', $2, $3)",
        incident,
        last - timedelta(minutes=30),
        last + timedelta(minutes=30),
    )
    await raw.execute(
        "INSERT INTO web_bot_restarts (id, bot_name, requested_by, requested_at, state, finished_at, origin)"
        " VALUES ($1, 'elena', 'auto-heal', $2, 'failed', $2, 'auto_heal')",
        uuid4(),
        last,
    )
    for span_s, at, depth in (
        (60, BEGINS, 7.0),
        (60, last, 31.0),
        (3600, BEGINS, 7.0),
        (60, BEGINS - timedelta(hours=1), 99.0),
    ):
        await raw.execute(
            "INSERT INTO web_series (subject, span_s, started_at, count, errors, sum_ms, max_ms, buckets, counts)"
            " VALUES ('service:queue-cognition', $1, $2, 1, 0, $3, $3, '{}', '{}')",
            span_s,
            at,
            depth,
        )
    report = await reports.report(person(Role.VIEWER), SUNDAY)
    assert report.queues == (QueueDay(queue="cognition", peak=31, peak_at=last),)
    assert (report.since, report.until, report.is_over) == (BEGINS, BEGINS + timedelta(hours=25), True)
    now = report.summary
    assert (now.messages, now.people, now.answered, now.failed) == (4, 2, 3, 1)
    assert (now.bots, now.active_bots, now.incidents, now.restarts, now.failed_restarts) == (2, 1, 1, 1, 1)
    assert [(bot.bot_name, bot.messages, bot.failed, bot.outages) for bot in report.bots] == [
        ("elena", 3, 0, 1),
        ("marcus", 1, 1, 0),
    ]
    assert report.bots[0].uptime == pytest.approx(24 / 24.25)
    assert [(mode.mode, mode.answers, mode.share) for mode in report.modes] == [("reflective", 3, 1.0)]
    assert [(one.incident_id, one.duration_s) for one in report.incidents] == [(incident, 3600)]
    assert [(one.requested_by, one.count, one.failed) for one in report.restarts] == [("auto-heal", 1, 1)]
    assert (report.day_before.messages, report.day_before.people) == (1, 1)
    assert report.week_before == DaySummary()  # nobody looked: not zero
    text = report_markdown(report)
    assert "| Messages | 4 | +300% | – |" in text
    assert "| cognition | 31 |" in text
    assert "Elena \\*is\\* down" in text
    with speaking("de"):
        assert report_markdown(report)


async def test_what_nobody_observed_is_missing_and_not_zero(reports: ReportsService) -> None:
    """No figure has a value, and the text says why; a day to come is refused."""
    report = await reports.report(person(), date(2026, 10, 20))
    assert report.summary == DaySummary()
    assert not report.is_observed
    assert "0" not in report_markdown(report).partition("UTC")[2]
    for day in (date(2026, 10, 27), date(1999, 1, 1)):
        with pytest.raises(InvalidInput):
            await reports.report(person(), day)


async def test_a_running_day_is_a_day_until_now(reports: ReportsService, raw: asyncpg.Connection) -> None:
    """It says that it is not over."""
    await say(raw, datetime(2026, 10, 26, 9, tzinfo=UTC), "ann")
    report = await reports.report(person(), date(2026, 10, 26))
    assert (report.is_over, report.until, report.summary.messages) == (False, datetime(2026, 10, 26, 11, tzinfo=UTC), 1)
    assert "Not over yet: until 11:00." in report_markdown(report)


async def test_each_day_is_sent_once(
    database: Database, time: TickingClock, raw: asyncpg.Connection, receiver: Receiver
) -> None:
    """By two processes at once, however often they look, and through the outbox of alerts."""
    one, other = (ReportsService(database, AuditService(database), clock=time.clock) for _ in range(2))
    await channel(database, receiver.channel_url)
    await say(raw, datetime(2026, 10, 26, 9, tzinfo=UTC), "ann")
    await one.change_schedule(person(), ScheduleDraft(is_on=True, at_time="08:00", time_zone="Europe/Berlin"))
    assert not await one.send_due()  # turned on after this morning's hour: it begins with the next
    time.at = datetime(2026, 10, 27, 6, 59, 59, tzinfo=UTC)
    assert not await one.send_due()
    time.pass_s(1)
    sent = await asyncio.gather(*(service.send_due() for service in (one, other) * 4))
    assert sum(sent) == 1
    await deliver(database, time)
    assert receiver.titles == ["Daily report: Monday, 2026-10-26"]
    assert "Messages: 1" in receiver.messages[0]["message"]
    assert not await other.send_due()


async def test_what_died_before_the_commit_sends_it_later(
    database: Database, time: TickingClock, reports: ReportsService, receiver: Receiver, raw: asyncpg.Connection
) -> None:
    """A day is taken and queued in one transaction: one that fails leaves neither."""
    await channel(database, receiver.channel_url)
    await reports.change_schedule(person(), ScheduleDraft(is_on=True))
    time.pass_s(86_400)
    await raw.execute("ALTER TABLE web_notifications ADD CONSTRAINT broken CHECK (kind <> 'report')")
    with pytest.raises(Exception, match="broken"):
        await reports.send_due()
    await raw.execute("ALTER TABLE web_notifications DROP CONSTRAINT broken")
    assert await reports.send_due()
    await deliver(database, time)
    assert len(receiver.titles) == 1


async def test_of_missed_mornings_the_last_is_made_up_for(
    database: Database, time: TickingClock, reports: ReportsService, receiver: Receiver
) -> None:
    """After three days off, at night, the report of the last morning comes at once, and the next at its hour."""
    await channel(database, receiver.channel_url)
    await reports.change_schedule(person(), ScheduleDraft(is_on=True))
    time.at = datetime(2026, 10, 30, 3, tzinfo=UTC)
    while await reports.send_due():
        pass
    time.at = datetime(2026, 10, 30, 8, tzinfo=UTC)
    while await reports.send_due():
        pass
    await deliver(database, time)
    assert sorted(receiver.titles) == [
        "Daily report: Thursday, 2026-10-29",
        "Daily report: Wednesday, 2026-10-28",
    ]


@pytest.mark.parametrize(
    ("day", "at_time", "due"),
    [
        (date(2026, 3, 29), "02:30", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),  # skipped: when clocks go on
        (date(2026, 10, 25), "02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice: the first of them
    ],
)
async def test_it_is_sent_once_when_clocks_change(
    database: Database, time: TickingClock, day: date, at_time: str, due: datetime
) -> None:
    """Looked at every ten minutes of these days and the ones around them, each is sent once, at its moment."""
    reports = ReportsService(database, AuditService(database), clock=time.clock)
    time.at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    draft = ScheduleDraft(is_on=True, at_time=at_time, time_zone="Europe/Berlin")
    await reports.change_schedule(person(), draft)
    sent = []
    for _ in range(3 * 144):
        if await reports.send_due():
            sent.append(time.at)
        time.pass_s(600)
    assert len(sent) == 3
    assert due in sent


async def test_only_the_chosen_channels_are_told(
    database: Database, time: TickingClock, reports: ReportsService, receiver: Receiver
) -> None:
    """And one that is unknown is refused."""
    chosen = await channel(database, receiver.channel_url + "-chosen")
    await channel(database, receiver.channel_url, name="Other")
    with pytest.raises(InvalidInput) as refused:
        await reports.change_schedule(person(), ScheduleDraft(is_on=True, channels=(uuid4(),)))
    assert refused.value.field == "channels"
    await reports.change_schedule(person(), ScheduleDraft(is_on=True, channels=(chosen.channel_id,)))
    time.pass_s(86_400)
    assert await reports.send_due()
    await deliver(database, time)
    assert len(receiver.titles) == 1


async def test_who_may_not(reports: ReportsService) -> None:
    """A viewer reads it and decides nothing; somebody of the chat sees nothing."""
    with pytest.raises(PermissionDenied):
        await reports.change_schedule(person(Role.VIEWER), ScheduleDraft())
    with pytest.raises(NotAuthenticated):
        await reports.report(person(None), SUNDAY)
    with pytest.raises(NotAuthenticated):
        await reports.schedule(person(None))


async def test_a_message_names_what_matters_first(reports: ReportsService, raw: asyncpg.Connection) -> None:
    """Where the report is, then the figures: what a service cuts off is the least of it."""
    await say(raw, datetime(2026, 10, 25, 9, tzinfo=UTC), "ann")
    report = await reports.report(person(), SUNDAY)
    _, body = message_of(report, public_url="https://ops.example.org")
    lines = body.splitlines()
    assert lines[:2] == ["https://ops.example.org/admin/report?date=2026-10-25", "Messages: 1"]


def test_what_a_service_takes_is_not_cut_inside_a_number() -> None:
    """Pushover takes 1,024 characters: whatever the limit is, a figure is there as it is, or not at all."""
    bots = tuple(
        BotDay(bot_name=f"bot{number}", outages=1, uptime=0.9912, messages=1, p95_s=12.5) for number in range(60)
    )
    summary = DaySummary(messages=1_234_567, people=1, p95_s=1.25)
    report = DayReport(
        day=SUNDAY,
        time_zone="UTC",
        since=BEGINS,
        until=BEGINS,
        is_over=True,
        summary=summary,
        day_before=DaySummary(),
        week_before=summary,
        bots=bots,
        modes=(),
        queues=(),
        incidents=(),
        restarts=(),
        alerts=(),
        changes=(),
    )
    with speaking("de"):
        _, body = message_of(report, public_url="https://ops.example.org")
    lines = body.splitlines()
    for most in range(900, 1024):
        shown = fitted(body, most)
        assert len(shown) <= most
        *kept, _ = shown.splitlines()
        assert kept == lines[: len(kept)] or lines[len(kept) - 1].startswith(f"{kept[-1]}, ")
        assert "1.234.567" in shown
