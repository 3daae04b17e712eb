"""Alerts over real PostgreSQL, received by a real HTTP server; only time and the fleet are the test's."""

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import text

from chat_api.alerts.schemas import ChannelDraft, QuietHours, RuleDraft, WindowDraft
from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput, PermissionDenied
from chat_api.fleet.schemas import BotPolicy, BotStatus, ServiceStatus
from models import NoData, NotificationStatus, Role, RuleKind, Severity
from tests.chat_api.alerts.stage import Stage, person
from tests.support.alert_receiver import SECRET, Receiver, alert_receiver
from tests.support.sql_proxy import sql_proxy
from tests.support.ticking import TickingClock

BOTS = 30
DOWN, ON = BotStatus.OFFLINE, BotStatus.ONLINE


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Where messages arrive."""
    async with alert_receiver() as running:
        yield running


@pytest.fixture
async def stage(database: Database, redis_url: str) -> Stage:
    """Thirty bots and two dependencies, all well."""
    return Stage(
        database=database,
        redis_url=redis_url,
        time=TickingClock(),
        bots={f"bot{number:02}": ON for number in range(BOTS)},
        services={"postgres": ServiceStatus.HEALTHY, "redis": ServiceStatus.HEALTHY},
    )


@pytest.fixture
def libraries_log() -> Iterator[StringIO]:
    """What libraries log at their most talkative; those that our configuration keeps quiet are quiet."""
    quiet = [logging.getLogger(name) for name in ("urllib3", "aiohttp")]
    levels = [logger.level for logger in (logging.root, *quiet)]
    handler = logging.StreamHandler(StringIO())
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)
    for logger in quiet:
        logger.setLevel(logging.WARNING)
    yield handler.stream
    logging.root.removeHandler(handler)
    for logger, level in zip((logging.root, *quiet), levels, strict=True):
        logger.setLevel(level)


async def test_redis_down_under_thirty_bots_is_one_message(stage: Stage, receiver: Receiver) -> None:
    """With the rules as installed: one alert that names Redis and the thirty; one end; the bots' return is quiet."""
    await stage.channel(receiver.channel_url)
    stage.services["redis"] = ServiceStatus.UNHEALTHY
    stage.bots = dict.fromkeys(stage.bots, DOWN)
    await stage.evaluate(300)
    await stage.deliver()
    assert receiver.titles == ["Redis is down: 30 bots affected"]
    assert "Bot00, Bot01" in receiver.messages[0]["message"]
    stage.services["redis"] = ServiceStatus.HEALTHY
    await stage.evaluate(60)  # the bots take a while longer
    stage.bots = dict.fromkeys(stage.bots, ON)
    await stage.evaluate(300)
    await stage.deliver()
    assert [title.partition(":")[0] for title in receiver.titles] == ["Redis is down", "Resolved"]


async def test_several_bots_at_one_address_are_one_alert_that_says_so(stage: Stage) -> None:
    """Beside it what else the rule finds is an alert of its own; the one that is well there is named, not accused."""
    await stage.only()
    stage.bots |= dict.fromkeys(("bot01", "bot02"), BotStatus.MISADDRESSED) | {"bot03": DOWN}
    here: dict[str, Any] = {
        name: {"url": f"http://{host}:8000"} for name, host in (("bot00", "localhost"), ("bot01", "127.0.0.1"))
    }
    here["bot02"] = {"url": "http://localhost:8000/", "error": "Correct API_PORT in .env.bot02."}
    shared, other = sorted(await stage.evaluate(6, **here), key=lambda alert: alert.key)
    assert (shared.key, shared.title) == ("address:localhost:8000", "3 bots are configured at localhost:8000")
    assert shared.subjects == ("Bot01", "Bot02")
    assert "Configured there: Bot00, Bot01, Bot02" in shared.body
    assert "Bot02 is misaddressed. Correct API_PORT in .env.bot02." in shared.body
    assert other.title == "Bot03 is offline"


async def test_bots_that_fail_in_a_moment_are_one_message(stage: Stage, receiver: Receiver) -> None:
    """Without a common cause too; one that joins later is told once more, not thirty times."""
    await stage.channel(receiver.channel_url)
    await stage.only()
    stage.bots |= {"bot00": DOWN}
    await stage.evaluate(2)
    stage.bots |= {"bot01": DOWN, "bot02": DOWN}
    await stage.evaluate(20)
    stage.bots |= {"bot03": DOWN}
    await stage.evaluate(100)
    await stage.deliver()
    assert receiver.titles == ["Bot down: 3 bots", "More: Bot down: 4 bots"]


async def test_what_stays_down_after_its_cause_is_gone_is_told_by_itself(stage: Stage, receiver: Receiver) -> None:
    """Redis is back, one bot is not: after two minutes it is that bot's own alert."""
    await stage.channel(receiver.channel_url)
    stage.services["redis"] = ServiceStatus.UNHEALTHY
    stage.bots = dict.fromkeys(stage.bots, DOWN)
    await stage.evaluate(120)
    stage.services["redis"] = ServiceStatus.HEALTHY
    stage.bots = dict.fromkeys(stage.bots, ON) | {"bot07": DOWN}
    await stage.evaluate(240)
    await stage.deliver()
    assert "Bot07 is offline" in receiver.titles
    assert [title for title in receiver.titles if title.startswith("Resolved: ")] != []


async def test_what_was_down_before_stays_its_own_alert(stage: Stage, receiver: Receiver) -> None:
    """A bot that was told of before Redis went away is not said to be well because Redis explains it now."""
    await stage.channel(receiver.channel_url)
    stage.bots["bot07"] = DOWN
    await stage.evaluate(120)
    await stage.deliver()
    stage.services["redis"] = ServiceStatus.UNHEALTHY
    await stage.evaluate(60)
    await stage.deliver()
    assert receiver.titles == ["Bot07 is offline", "Redis is down: 1 bot affected"]


async def test_for_and_keep_firing_for(stage: Stage, receiver: Receiver) -> None:
    """A blip shorter than ``for`` is silent, a gap shorter than ``keep firing for`` no end: flapping is one alert."""
    await stage.channel(receiver.channel_url)
    await stage.only(for_s=60, keep_firing_for_s=120, repeat_s=0)
    stage.bots["bot00"] = DOWN
    assert await stage.evaluate(50) == ()
    stage.bots["bot00"] = ON
    await stage.evaluate(10)
    stage.bots["bot00"] = DOWN
    assert await stage.evaluate(50) == ()
    await stage.evaluate(30)
    for _ in range(20):
        stage.bots["bot00"] = ON
        await stage.evaluate(20)
        stage.bots["bot00"] = DOWN
        await stage.evaluate(20)
    await stage.deliver()
    assert receiver.titles == ["Bot00 is offline"]
    stage.bots["bot00"] = ON
    await stage.evaluate(110)
    await stage.deliver()
    assert len(receiver.titles) == 1
    await stage.evaluate(20)
    await stage.deliver()
    assert receiver.titles[1:] == ["Resolved: Bot00 is offline"]


@pytest.mark.parametrize(
    ("no_data", "was_firing", "is_firing"),
    [(NoData.OK, True, False), (NoData.KEEP, True, True), (NoData.KEEP, False, False), (NoData.ALERT, False, True)],
)
async def test_no_data_means_what_the_rule_says(
    stage: Stage, no_data: NoData, was_firing: bool, is_firing: bool
) -> None:
    """``ok`` ends an alert, ``keep`` leaves all as it was, ``alert`` begins one; it is a state of its own."""
    await stage.only(no_data=no_data)
    stage.bots["bot00"] = DOWN if was_firing else ON
    await stage.evaluate(10)
    stage.bots["bot00"] = BotStatus.UNKNOWN
    assert bool(await stage.evaluate(10)) is is_firing
    async with stage.database.read() as connection:
        rows = (await connection.exec_driver_sql("SELECT status FROM web_alert_subjects")).scalars().all()
    assert rows == (["no_data"] if is_firing else [])


async def test_a_new_process_goes_on_where_the_old_one_stopped(stage: Stage, receiver: Receiver) -> None:
    """No second beginning, and the end is not lost."""
    await stage.channel(receiver.channel_url)
    await stage.only(for_s=60)
    stage.bots["bot00"] = DOWN
    await stage.evaluate(40)
    stage.begin_anew()
    await stage.evaluate(30)
    await stage.deliver()
    stage.begin_anew()
    await stage.evaluate(30)
    stage.bots["bot00"] = ON
    await stage.evaluate(2)
    await stage.deliver()
    assert receiver.titles == ["Bot00 is offline", "Resolved: Bot00 is offline"]


async def test_it_is_repeated_and_can_be_silenced(stage: Stage, receiver: Receiver) -> None:
    """Every ``repeat``; silenced with a reason it is not, and is told once more when that is over. Audited."""
    await stage.channel(receiver.channel_url)
    await stage.only(repeat_s=600)
    stage.bots["bot00"] = DOWN
    await stage.evaluate(700, every_s=10)
    (alert,) = await stage.alerts.firing(person(Role.VIEWER))
    await stage.alerts.silence(person(Role.OPERATOR), alert.alert_id, minutes=60, reason="We know")
    await stage.evaluate(3500, every_s=50)
    await stage.deliver()
    assert receiver.titles == ["Bot00 is offline", "Still: Bot00 is offline"]
    await stage.evaluate(200, every_s=50)
    await stage.deliver()
    assert len(receiver.titles) == 3
    (line,) = [one for one in await audit_of(stage) if one["action"] == "alert.silence"]
    assert (line["actor_name"], line["outcome"]) == ("operator", "allowed")
    with pytest.raises(PermissionDenied):
        await stage.alerts.silence(person(Role.VIEWER), alert.alert_id, minutes=60, reason="No")


async def test_maintenance_begins_nothing_and_ends_what_was(stage: Stage, receiver: Receiver) -> None:
    """A window over one bot, a switch on another, a third stopped on purpose: none alerts; what fired resolves."""
    await stage.channel(receiver.channel_url)
    await stage.only()
    stage.bots["bot02"] = DOWN
    await stage.evaluate(10)
    now = stage.time.at
    window = WindowDraft(name="Updates", bots=("bot00", "bot02"), starts_at=now, ends_at=now + timedelta(hours=1))
    await stage.settings.create_window(person(Role.OPERATOR), window)
    stage.bots |= {"bot00": DOWN, "bot02": ON}
    policy = BotPolicy(bot_name="bot01", changed_at=now, maintenance_since=now)
    stopped = BotPolicy(bot_name="bot03", changed_at=now, stopped_at=now, stopped_by="olga")
    await stage.evaluate(
        600,
        bot01={"status": BotStatus.MAINTENANCE, "policy": policy},
        bot03={"status": BotStatus.OFFLINE, "policy": stopped},
    )
    await stage.deliver()
    assert receiver.titles == ["Bot02 is offline", "Resolved: Bot02 is offline"]
    await stage.evaluate(3700, every_s=60)
    await stage.deliver()
    assert receiver.titles[2:] == ["Bot00 is offline"]


async def test_quiet_hours_delay_what_is_not_critical(stage: Stage, receiver: Receiver) -> None:
    """A warning at noon, in quiet hours until two by the clocks of Berlin, arrives then; a critical one at once."""
    quiet = QuietHours(starts="12:00", ends="15:00", time_zone="Europe/Berlin")
    await stage.channel(receiver.channel_url, quiet=quiet)
    await stage.only(severity=Severity.WARNING, repeat_s=0)
    urgent = RuleDraft(name="Dependency", kind=RuleKind.SERVICE_DOWN, for_s=0, severity=Severity.CRITICAL)
    await stage.settings.create_rule(person(), urgent)
    stage.bots["bot00"] = DOWN
    await stage.evaluate(10)
    stage.services["postgres"] = ServiceStatus.UNHEALTHY
    stage.bots["bot00"] = ON
    await stage.evaluate(10)
    await stage.deliver()
    assert receiver.titles == ["PostgreSQL is down"]
    stage.time.at = datetime(2030, 1, 7, 14, 0, 1, tzinfo=UTC)
    await stage.deliver()
    assert receiver.titles[1:] == ["Bot00 is offline", "Resolved: Bot00 is offline"]


async def test_a_sender_that_is_killed_loses_nothing(stage: Stage, receiver: Receiver) -> None:
    """Claimed and not sent: nobody else sends it for a minute, then another does, once."""
    await stage.channel(receiver.channel_url)
    await stage.only()
    stage.bots["bot00"] = DOWN
    await stage.evaluate(10)
    assert len(await stage.delivery.claim()) == 1
    stage.begin_anew()
    await stage.deliver()
    assert receiver.titles == []
    stage.time.pass_s(61)
    await stage.deliver()
    assert receiver.titles == ["Bot00 is offline"]


async def test_a_message_that_cannot_be_read_is_shown_as_given_up(stage: Stage, receiver: Receiver) -> None:
    """Another version wrote it: the history and the audit trail say why it was not sent, and the next one goes out."""
    await stage.channel(receiver.channel_url)
    await stage.only()
    stage.bots["bot00"] = DOWN
    await stage.evaluate(10)
    async with stage.database.write() as connection:
        await connection.execute(text("UPDATE web_notifications SET kind = 'whispered'"))
    stage.bots["bot00"] = ON
    await stage.evaluate(10)
    await stage.delivery.deliver_due()
    await stage.deliver()
    assert receiver.titles == ["Resolved: Bot00 is offline"]
    sent, given_up = await stage.alerts.notifications(person(Role.VIEWER))
    assert (sent.status, given_up.status) == (NotificationStatus.SENT, NotificationStatus.FAILED)
    assert (given_up.title, given_up.kind, given_up.severity) == ("Bot00 is offline", None, Severity.CRITICAL)
    reason = "Could not be sent: the message cannot be read ('whispered' is not a valid NotificationKind)."
    assert given_up.error == reason
    (entry,) = [one for one in await audit_of(stage) if one["action"] == "notification.give_up"]
    assert entry["details"] == {"title": "Bot00 is offline", "reason": reason}


async def test_a_channel_that_fails_is_tried_again(stage: Stage, receiver: Receiver) -> None:
    """With growing pauses, the end never before the beginning; and after a day it is given up, and said."""
    await stage.channel(receiver.channel_url)
    await stage.only()
    receiver.status = 500
    stage.bots["bot00"] = DOWN
    await stage.evaluate(10)
    await stage.deliver()
    stage.bots["bot00"] = ON
    await stage.evaluate(2)
    await stage.deliver()
    assert receiver.refused == 1
    receiver.status = 200
    stage.time.pass_s(10)
    await stage.deliver()
    assert receiver.titles == ["Bot00 is offline", "Resolved: Bot00 is offline"]
    receiver.status = 500
    stage.bots["bot00"] = DOWN
    await stage.evaluate(10)
    for _ in range(110):
        await stage.deliver()
        stage.time.pass_s(1100)
    newest = (await stage.alerts.notifications(person(Role.VIEWER)))[0]
    assert newest.status is NotificationStatus.FAILED
    assert newest.error
    assert newest.error.startswith("Given up after a day")
    assert 70 < newest.attempts < 110
    assert [one["outcome"] for one in await audit_of(stage) if one["action"] == "notification.give_up"] == ["automatic"]


async def test_the_address_of_a_channel_is_told_to_nobody(
    stage: Stage, receiver: Receiver, libraries_log: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in a view, an error, the history, the audit trail or a log, whatever the library says."""
    url = receiver.channel_url.replace("json://", f"json://user:{SECRET}@") + f"?token={SECRET}"
    channel = await stage.channel(url)
    receiver.status = 403
    tested = await stage.delivery.test(person(), channel.channel_id)
    assert (tested.status, channel.masked_url) == (NotificationStatus.FAILED, "json://••••")
    assert "403" in (tested.error or "")
    receiver.status = 200
    assert (await stage.delivery.test(person(), channel.channel_id)).status is NotificationStatus.SENT
    with pytest.raises(InvalidInput) as refused:
        await stage.channel(f"foo://{SECRET}", name="Other")
    await stage.settings.change_channel(person(), channel.channel_id, ChannelDraft(name="Renamed"))
    shown: list[Any] = [
        tested,
        refused.value.message,
        await stage.settings.channels(person()),
        await stage.alerts.notifications(person()),
        await audit_of(stage),
        ChannelDraft(name="x", url=url),
        libraries_log.getvalue(),
        capsys.readouterr(),
    ]
    assert SECRET not in repr(shown)
    assert (await stage.delivery.test(person(), channel.channel_id)).status is NotificationStatus.SENT


async def test_postgresql_down_is_told_without_it(stage: Stage, receiver: Receiver, database_url: str) -> None:
    """By the process that led, past the outbox that is in it; tried until it is taken, and its end is told."""
    await stage.channel(receiver.channel_url)
    async with sql_proxy(database_url) as proxy:
        database = Database(proxy.url, pool_size=3)
        stage.database = database
        stage.begin_anew()
        await stage.evaluate()
        await proxy.cut()
        await stage.blind.evaluate()
        stage.time.pass_s(10)
        await stage.blind.evaluate()
        assert receiver.titles == []
        receiver.status = 500
        stage.time.pass_s(15)
        await stage.blind.evaluate()
        receiver.status = 200
        for _ in range(3):
            await stage.blind.evaluate()
        assert receiver.titles == ["PostgreSQL is down"]
        await proxy.heal()
        await stage.blind.evaluate()
        await stage.blind.evaluate()
        assert receiver.titles == ["PostgreSQL is down", "Resolved: PostgreSQL is down"]
        assert (await audit_of(stage))[0]["action"] == "alert.told_directly"
        await database.dispose()


async def test_each_change_needs_its_role(stage: Stage) -> None:
    """Viewers change nothing, operators everything but channels; the attempt is in the audit trail."""
    window = WindowDraft(name="w", starts_at=stage.time.at, ends_at=stage.time.at + timedelta(hours=1))
    rule = RuleDraft(name="r", kind=RuleKind.BOT_DOWN)
    channel = ChannelDraft(name="c", url="json://127.0.0.1")
    for role, calls in (
        (Role.VIEWER, (stage.settings.create_rule(person(Role.VIEWER), rule),)),
        (Role.VIEWER, (stage.settings.create_window(person(Role.VIEWER), window),)),
        (Role.OPERATOR, (stage.settings.create_channel(person(Role.OPERATOR), channel),)),
    ):
        for call in calls:
            with pytest.raises(PermissionDenied):
                await call
        assert (await audit_of(stage))[0]["outcome"] == "denied", role
    await stage.settings.create_rule(person(Role.OPERATOR), rule)
    await stage.settings.create_window(person(Role.OPERATOR), window)


async def audit_of(stage: Stage) -> list[dict[str, Any]]:
    """The audit trail, newest first."""
    async with stage.database.read() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM web_audit ORDER BY id DESC")).mappings().all()
    return [dict(row) for row in rows]
