"""How the fleet is used: the counts are what counting everything by hand gives, and a page never counts everything."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput, NotAuthenticated
from chat_api.core.ids import new_id
from chat_api.core.principals import Principal
from chat_api.series import usage_repository as usage
from chat_api.series.analytics import AnalyticsService
from chat_api.series.analytics_schemas import ANSWER_TIME_EDGES_S, AnswerTimes, Grain, Usage
from models import Role

NOW = datetime(2026, 3, 18, 15, 20, tzinfo=UTC)  # a Wednesday
VIEWER = Principal(user_id="adm", username="v", display_name="v", session_id=new_id(), role=Role.VIEWER)
COLUMNS = ("id", "user_id", "bot_name", "user_message", "timestamp", "status", "processing_time", "seq")


@dataclass(frozen=True, kw_only=True)
class Said:
    """One exchange."""

    user: str
    bot: str
    at: datetime
    status: str = "answered"
    took_s: float | None = 1.0
    id: UUID


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's database."""
    opened = Database(database_url, pool_size=3)
    yield opened
    await opened.dispose()


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection past our own code."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def said(dice: random.Random, since: datetime, *, people: int = 12) -> Said:
    """An exchange at a random moment, often at the very edge of an hour, a day or a week."""
    at = since + (NOW - since) * dice.random()
    if dice.random() < 0.3:
        at = dice.choice(list(Grain)).floor(at) + timedelta(microseconds=dice.choice((-1, 0, 1)))
    status = dice.choice(("answered", "answered", "answered", "failed", "interrupted", "pending"))
    took_s = dice.choice((dice.expovariate(0.5), dice.choice(ANSWER_TIME_EDGES_S), 10_000.0))
    return Said(
        user=f"u{dice.randrange(people)}",
        bot=dice.choice(("elena", "marcus", "ryan")),
        at=at,
        status=status,
        took_s=took_s if status == "answered" else None,
        id=uuid4(),
    )


async def store(raw: asyncpg.Connection, exchanges: Sequence[Said]) -> None:
    """Put exchanges where the service reads them."""
    records = [(s.id, s.user, s.bot, "…", s.at, s.status, s.took_s, number) for number, s in enumerate(exchanges)]
    await raw.copy_records_to_table("web_conversations", records=records, columns=COLUMNS)


def counted(exchanges: Sequence[Said], grain: Grain) -> dict[tuple[datetime, str], Usage]:
    """The same by hand."""
    groups: dict[tuple[datetime, str], list[Said]] = defaultdict(list)
    for one in exchanges:
        for bot in ("", one.bot):
            groups[grain.floor(one.at), bot].append(one)
    return {key: _usage(key, group, grain) for key, group in groups.items()}


def _usage(key: tuple[datetime, str], group: list[Said], grain: Grain) -> Usage:
    visits = _visits(group) if grain is not Grain.HOUR and not key[1] else []
    return Usage(
        start=key[0],
        bot_name=key[1],
        users=len({one.user for one in group}),
        messages=len(group),
        answered=sum(one.status == "answered" for one in group),
        failed=sum(one.status in {"failed", "interrupted"} for one in group),
        visits=len(visits),
        visit_seconds=pytest.approx(sum(visits), abs=0.01),  # type: ignore[arg-type]
        answer_times=AnswerTimes.of([one.took_s for one in group if one.took_s is not None]),
    )


def _visits(group: list[Said]) -> list[float]:
    lengths = []
    by_person: dict[Any, list[datetime]] = defaultdict(list)
    for one in group:
        by_person[one.user, one.at.date()].append(one.at)
    for times in by_person.values():
        begin = before = min(times)
        for at in [*sorted(times), None]:
            if at is None or at - before > timedelta(minutes=30):
                lengths.append((before - begin).total_seconds())
                begin = at or begin
            before = at or before
    return lengths


async def shown(database: Database, grain: Grain) -> dict[tuple[datetime, str], Usage]:
    """What the rows say."""
    async with database.read() as connection:
        found = await usage.periods(connection, grain=grain, since=NOW - timedelta(days=900), until=NOW + timedelta(9))
    return {(one.start, one.bot_name): one for one in found}


@pytest.mark.parametrize("seed", range(3))
async def test_the_counts_are_those_of_counting_by_hand(database: Database, raw: asyncpg.Connection, seed: int) -> None:
    """For random exchanges, also at the edges of periods, by hour, day and week; counted twice is the same."""
    dice = random.Random(seed)
    exchanges = [said(dice, NOW - timedelta(days=24)) for _ in range(400)]
    await store(raw, exchanges)
    await raw.execute(
        "INSERT INTO web_usage_dirty SELECT DISTINCT date_trunc('hour', timestamp) FROM web_conversations"
    )
    service = AnalyticsService(database, clock=Clock(now=lambda: NOW))
    for _ in range(2):
        await service.count()
        for grain in Grain:
            assert await shown(database, grain) == counted(exchanges, grain)
    report = await service.report(VIEWER, grain=Grain.WEEK)
    assert report.total.messages == len(exchanges)
    assert sum(bot.share for bot in report.bots) == pytest.approx(1)


async def test_who_came_back(database: Database, raw: asyncpg.Connection) -> None:
    """Cohorts by the week of the first message; the first column is the cohort itself."""
    dice = random.Random(7)
    exchanges = [said(dice, NOW - timedelta(days=40), people=40) for _ in range(150)]
    await store(raw, exchanges)
    await raw.execute(
        "INSERT INTO web_usage_dirty SELECT DISTINCT date_trunc('hour', timestamp) FROM web_conversations"
    )
    service = AnalyticsService(database, clock=Clock(now=lambda: NOW))
    await service.count()
    weeks: dict[str, set[Any]] = defaultdict(set)
    for one in exchanges:
        weeks[one.user].add(Grain.WEEK.floor(one.at).date())
    for cohort in await service.retention(VIEWER):
        members = [seen for seen in weeks.values() if min(seen) == cohort.week]
        expected = tuple(
            sum(cohort.week + timedelta(weeks=number) in seen for seen in members)
            for number in range(len(cohort.people))
        )
        assert cohort.people == expected
        assert cohort.people[0] == len(members)


async def test_a_late_answer_is_counted(database: Database, raw: asyncpg.Connection) -> None:
    """A message of days ago that is retried and answered now changes the hour in which it was sent."""
    old = Said(user="u", bot="elena", at=NOW - timedelta(days=3), status="failed", took_s=None, id=uuid4())
    await store(raw, [old])
    await raw.execute("INSERT INTO web_usage_dirty VALUES ($1)", Grain.HOUR.floor(old.at))
    now = [NOW]
    service = AnalyticsService(database, clock=Clock(now=lambda: now[0]))
    await service.count()
    assert (await shown(database, Grain.DAY))[Grain.DAY.floor(old.at), ""].failed == 1
    await raw.execute("UPDATE web_conversations SET status = 'answered', processing_time = 2")
    await raw.execute("INSERT INTO web_events VALUES ('u', 9, 'answer', $1, $2)", old.id, NOW + timedelta(seconds=30))
    now[0] += timedelta(minutes=2)
    await service.count()
    for grain in Grain:
        one = (await shown(database, grain))[grain.floor(old.at), "elena"]
        assert (one.answered, one.failed) == (1, 0)


async def test_a_look_costs_the_same_with_many_messages(database_url: str, raw: asyncpg.Connection) -> None:
    """With 200,000 messages the statement of a page reads rows of the counts, by their key, and no message."""
    await raw.execute(
        "INSERT INTO web_conversations (id, user_id, bot_name, user_message, timestamp, status, processing_time, seq)"
        " SELECT gen_random_uuid(), 'u' || n % 500, 'bot' || n % 10, 'text', $1::timestamptz - n * interval '20 s',"
        " 'answered', 1, n FROM generate_series(1, 200000) n",
        NOW,
    )
    await raw.execute(
        "INSERT INTO web_usage_dirty SELECT DISTINCT date_trunc('hour', timestamp) FROM web_conversations"
    )
    database = Database(database_url, pool_size=3)
    await AnalyticsService(database, clock=Clock(now=lambda: NOW)).count()
    await database.dispose()  # a connection tells what it read when it closes
    await raw.execute("ANALYZE")
    before = await _reads(raw)
    database = Database(database_url, pool_size=3)
    service = AnalyticsService(database, clock=Clock(now=lambda: NOW))
    report = await service.report(VIEWER, grain=Grain.DAY)
    await service.retention(VIEWER)
    await database.dispose()
    assert report.total.messages > 120_000
    assert before[1] > 0
    assert await _reads(raw) == before
    plan = "\n".join(
        row[0]
        for row in await raw.fetch(
            "EXPLAIN SELECT * FROM web_usage WHERE grain = 'day' AND start >= $1 AND start < $2",
            NOW - timedelta(days=30),
            NOW,
        )
    )
    assert "Seq Scan" not in plan


async def _reads(raw: asyncpg.Connection) -> tuple[int, int]:
    await raw.execute("SELECT pg_stat_clear_snapshot()")
    row = await raw.fetchrow(
        "SELECT seq_scan, COALESCE(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'web_conversations'"
    )
    return row[0], row[1]


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_percentile_is_in_the_class_of_the_exact_one(share: float) -> None:
    """At most a fifth above it, and never below."""
    dice = random.Random(3)
    times = sorted(0.06 + dice.expovariate(0.3) for _ in range(500))
    exact = times[-int(-share * len(times) // 1) - 1]
    estimated = AnswerTimes.of(times).percentile_s(share)
    assert estimated is not None
    assert exact <= estimated <= exact * 1.2 + 1e-6
    assert AnswerTimes().percentile_s(share) is None


async def test_what_may_be_asked(database: Database) -> None:
    """A user sees nothing; a time that ends before it begins, or too many periods, is refused."""
    service = AnalyticsService(database, clock=Clock(now=lambda: NOW))
    nobody = Principal(user_id="weu", username="u", display_name="u", session_id=new_id())
    for look in (service.report, service.retention):
        with pytest.raises(NotAuthenticated):
            await look(nobody)
    with pytest.raises(InvalidInput):
        await service.report(VIEWER, since=NOW, until=NOW)
    with pytest.raises(InvalidInput):
        await service.report(VIEWER, grain=Grain.HOUR, since=NOW - timedelta(days=60))
