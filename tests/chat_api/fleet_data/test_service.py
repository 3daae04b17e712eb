"""The life of the fleet from real stores: counted where it is read, missing where it is not, and never waited for."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from chat_api.bots.schemas import Probe
from chat_api.core.database import Database
from chat_api.core.errors import NotAuthenticated
from chat_api.core.fleet_database import FleetDatabase
from chat_api.core.ids import new_id
from chat_api.core.principals import Principal
from chat_api.core.store_faults import StoreFault, StoreUnreadable
from chat_api.fleet_data.influx import InfluxReader
from chat_api.fleet_data.schemas import AnswerPart, BotLife, FleetLife, LifeWindow, Store, StoreState, StoreView
from chat_api.fleet_data.service import FleetDataService
from chat_api.series.analytics_schemas import ANSWER_TIME_EDGES_S as EDGES
from tests.support.eventually import eventually
from tests.support.fleet_tables import READER, V2_TABLES, say
from tests.support.influx import ORG, TOKEN, Influx, running_influx, table
from tests.support.pgbouncer import pgbouncer
from tests.support.servers import with_database
from tests.support.still_fleet import Hands, StillFleet, still_fleet, viewer

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@dataclass(kw_only=True)
class Stage:
    """A fleet of elena, ryan (both v2) and gabriel (v1), its database, and who may read there."""

    fleet: StillFleet
    own: Database
    sql: asyncpg.Connection
    reader_url: str
    influx: Influx
    opened: list[FleetDatabase]

    @property
    def hands(self) -> Hands:
        """The clock."""
        return self.fleet.hands

    def local(self, ago: timedelta) -> datetime:
        """A time as v2's PostgreSQL stores it where its zone is Los Angeles."""
        return (self.hands.at - ago).astimezone(LOS_ANGELES).replace(tzinfo=None)

    def service(
        self, *, url: str | None = None, influx: bool = True, token: str = TOKEN, zone: str | None = None
    ) -> FleetDataService:
        """The service as one of several processes has it."""
        history = FleetDatabase(url or self.reader_url)
        self.opened.append(history)
        reader = InfluxReader(self.influx.url, token=token, org=ORG, bucket="metrics") if influx else None
        return FleetDataService(
            self.own,
            self.fleet.registry,
            self.fleet.fleet,
            history=history,
            influx=reader,
            clock=self.hands.clock,
            zone=zone,
        )


@pytest.fixture
async def stage(database_url: str, empty_database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Tables as v2 makes them, and a role that may read all columns but the text."""
    sql = await asyncpg.connect(empty_database_url)
    with contextlib.suppress(asyncpg.DuplicateObjectError):
        await sql.execute(f"CREATE ROLE {READER} LOGIN")
    await sql.execute(V2_TABLES)
    name = urlsplit(empty_database_url).path.lstrip("/")
    await sql.execute(f"ALTER DATABASE {name} SET timezone TO 'America/Los_Angeles'")
    await sql.execute(f"GRANT SELECT (id, character_name, role, timestamp, message_id) ON v2_chat_history TO {READER}")
    fleet = await still_fleet(tmp_path, "elena", "ryan", "gabriel")
    for bot in ("elena", "ryan"):
        at = fleet.hands.at
        fleet.fleet.record_probe(
            Probe(bot_name=bot, is_healthy=True, checked_at=at, latency_ms=9.0, error=None, contract="v2")
        )
    own = Database(database_url, pool_size=2)
    opened: list[FleetDatabase] = []
    reader_url = with_database(empty_database_url, name, user=READER)
    async with running_influx() as influx:
        yield Stage(fleet=fleet, own=own, sql=sql, reader_url=reader_url, influx=influx, opened=opened)
    for one in opened:
        await one.close()
    await own.dispose()
    await sql.close()


def bot(life: FleetLife, name: str) -> BotLife:
    """What is said of one bot."""
    return next(one for one in life.bots if one.bot_name == name)


def store(life: FleetLife, which: Store) -> StoreView:
    """How one store was read."""
    return next(one for one in life.stores if one.store is which)


async def settled(service: FleetDataService, window: LifeWindow = LifeWindow.HOUR) -> FleetLife:
    """What is shown when every store has answered or failed."""

    async def look() -> FleetLife | None:
        life = await service.life(viewer(), window)
        return None if any(one.state is StoreState.READING for one in life.stores) else life

    return await eventually(look)


async def test_what_is_said_on_discord_is_counted_and_what_nobody_counts_is_missing(stage: Stage) -> None:
    """People and the bot by minute, HTTP apart, in the zone of the database; the text itself may not even be read."""
    minute = timedelta(minutes=1)
    await say(
        stage.sql,
        [
            ("elena", "human", stage.local(90 * minute), "1"),  # before the window
            ("elena", "human", stage.local(5 * minute), "2"),
            ("elena", "ai", stage.local(5 * minute), "3"),
            ("elena", "human", stage.local(4 * minute), "api_1"),
            ("Elena", "ai", stage.local(3 * minute), "4"),
            ("stranger", "human", stage.local(minute), "5"),
        ],
    )
    await stage.sql.execute("GRANT SELECT (author_is_bot) ON v2_chat_history TO fleet_reader")
    await stage.sql.execute(  # ryan spoke to her, which is his
        "INSERT INTO v2_chat_history (user_id, character_name, role, content, timestamp, author_is_bot)"
        " VALUES ('u', 'elena', 'human', 'hi', $1, true)",
        stage.local(2 * minute),
    )
    life = await settled(stage.service())
    elena = bot(life, "elena")
    assert (elena.discord_people, elena.discord_bot, elena.api) == (1, 2, 1)
    at = (stage.hands.at - 5 * minute).replace(second=0)
    by_minute = {point.at: (point.discord_people, point.discord_bot) for point in elena.points}
    assert by_minute[at] == (1, 1)
    assert by_minute[at - minute] == (0, 0)
    assert elena.last_at == stage.hands.at - 2 * minute
    assert store(life, Store.HISTORY).zone == "America/Los_Angeles"
    assert not store(life, Store.HISTORY).is_ahead
    # A v2 bot that said nothing said nothing; of a v1 bot this table knows nothing.
    assert bot(life, "ryan").discord_people == 0
    assert bot(life, "gabriel").discord_people is None
    assert not bot(life, "stranger").is_known
    assert bot(life, "stranger").console is None


async def test_only_the_window_is_read_of_a_large_table(stage: Stage) -> None:
    """The rows of the window are found in the primary key, whatever lies before them."""
    await stage.sql.execute(
        "INSERT INTO v2_chat_history (user_id, character_name, role, content, timestamp)"
        " SELECT 'u', 'elena', CASE WHEN n % 2 = 0 THEN 'ai' ELSE 'human' END, repeat('x', 100),"
        " $1::timestamp - make_interval(secs => 10 * (40000 - n)) FROM generate_series(1, 40000) n",
        stage.local(timedelta()),
    )
    await stage.sql.execute("DELETE FROM v2_chat_history WHERE id % 7 = 0 OR id BETWEEN 20000 AND 25000")
    await stage.sql.execute("ANALYZE v2_chat_history")
    await stage.sql.execute("SELECT pg_stat_force_next_flush()")
    await stage.sql.execute("SELECT pg_stat_reset()")
    life = await settled(stage.service(influx=False))
    begin = stage.local(stage.hands.at - life.since)
    expected = await stage.sql.fetchval(
        "SELECT count(*) FROM v2_chat_history WHERE id > 39000 AND timestamp >= $1", begin
    )
    elena = bot(life, "elena")
    assert (elena.discord_people or 0) + (elena.discord_bot or 0) == expected > 300

    async def scans() -> tuple[int, int] | None:
        row = await stage.sql.fetchrow(
            "SELECT idx_scan, seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'v2_chat_history'"
        )
        return (row["seq_scan"], row["seq_tup_read"]) if row and row["idx_scan"] > 10 else None

    assert await eventually(scans) == (0, 0)


async def test_the_zone_can_be_set_and_one_that_cannot_be_right_is_noticed(stage: Stage) -> None:
    """Times that lie ahead of ours give a wrong zone away."""
    stamp = stage.hands.at.replace(tzinfo=None) - timedelta(minutes=2)  # in UTC, whatever the database is set to
    await say(stage.sql, [("elena", "human", stamp, "1")])
    wrong = await settled(stage.service(influx=False))
    assert store(wrong, Store.HISTORY).is_ahead
    right = await settled(stage.service(influx=False, zone="UTC"))
    assert (store(right, Store.HISTORY).is_ahead, bot(right, "elena").discord_people) == (False, 1)


async def test_nothing_can_be_written_there(stage: Stage) -> None:
    """Not even by a role that may, and not even past the transaction."""
    writer = FleetDatabase(with_database(stage.reader_url, urlsplit(stage.reader_url).path.lstrip("/")))
    stage.opened.append(writer)
    with pytest.raises(StoreUnreadable, match="read-only"):
        async with writer.read() as connection:
            await connection.execute("DELETE FROM v2_chat_history")
    async with writer.read() as connection:
        assert await connection.fetchval("SELECT current_setting('default_transaction_read_only')") == "on"
        assert await connection.fetchval("SELECT current_setting('statement_timeout')") == "8s"


async def test_a_pooler_that_knows_no_session_settings_is_read_through_all_the_same(fleet_database_url: str) -> None:
    """PgBouncer in transaction mode refuses what a session is begun with; each transaction is read-only by itself."""
    async with pgbouncer(fleet_database_url, pool_mode="transaction") as url:
        database = FleetDatabase(url)
        async with database.read() as connection:
            assert await connection.fetchval("SELECT current_setting('transaction_read_only')") == "on"
            assert await connection.fetchval("SELECT current_setting('statement_timeout')") == "8s"
        with pytest.raises(StoreUnreadable, match="read-only"):
            async with database.read() as connection:
                await connection.execute("CREATE TABLE ours (id int)")
        await database.close()


async def test_answer_times_and_reactions_come_from_influxdb_by_what_the_bots_tell(stage: Stage) -> None:
    """By mode and complexity, with shares; beside our own answers, which know the model."""
    at = stage.hands.at - timedelta(minutes=5)
    stamp = f"{at:%Y-%m-%dT%H:%M:00Z}"
    times = [
        f"elena,{answers},{edge},{count}.0"
        for answers, counts in (("fast,SIMPLE", (9, 9, 9)), ("reflective,COMPLEX_MID", (0, 3, 3)))
        for edge, count in zip((EDGES[19], EDGES[34], "+Inf"), counts, strict=True)
    ]
    stage.influx.body = (
        table("events", "dateTime:RFC3339,string,long", "_time,bot_name,_value", f"{stamp},elena,12")
        + table("p95", "dateTime:RFC3339,string,double", "_time,bot_name,_value", f"{stamp},elena,4.5")
        + table("times", "string,string,string,double,double", "bot_name,mode,complexity,le,_value", *times)
        + table("removed", "string,string,long", "bot_name,action,_value", "elena,remove,1")
        + table("reactions", "string,string,long", "bot_name,_value,_field", "elena,positive,4", "elena,negative,2")
    )
    async with stage.own.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO web_conversations (id, user_id, bot_name, user_message, timestamp, status, processing_time,"
            " metadata, seq) VALUES (gen_random_uuid(), 'u', 'elena', 'hi', $1, 'answered', 2.0,"
            """ '{"mode": "fast", "complexity": "SIMPLE", "model_used": "mixed"}', 1)""",
            (at,),
        )
    life = await settled(stage.service())
    elena = bot(life, "elena")
    assert elena.events == 12
    assert {point.at: point.p95_s for point in elena.points}[at.replace(second=0)] == 4.5
    assert elena.reactions is not None
    assert (elena.reactions.positive, elena.reactions.negative, elena.reactions.removed) == (4, 2, 1)
    assert {time.store: time.answers for time in elena.times} == {Store.INFLUXDB: 12, Store.CONSOLE: 1}
    assert bot(life, "ryan").reactions is None

    def part(which: Store, dimension: str, value: str) -> AnswerPart:
        return next(
            one
            for one in life.anatomy
            if (one.store, one.dimension, one.value, one.bot_name) == (which, dimension, value, "")
        )

    reflective = part(Store.INFLUXDB, "mode", "reflective")
    assert (reflective.answers, reflective.share) == (3, 0.25)
    assert reflective.p95_s == EDGES[34]
    assert part(Store.INFLUXDB, "complexity", "SIMPLE").share == 0.75
    assert part(Store.CONSOLE, "model", "mixed").p95_s == pytest.approx(2.0, rel=0.2)
    assert not [one for one in life.anatomy if one.dimension == "model" and one.store is Store.INFLUXDB]


async def test_a_store_that_fails_costs_its_own_figures_only(stage: Stage) -> None:
    """No rights, no table, a wrong token, an error of the query: each is named, and the others are there."""
    await say(stage.sql, [("elena", "human", stage.local(timedelta(minutes=1)), "1")])
    life = await settled(stage.service(token="wrong"))
    assert store(life, Store.INFLUXDB).fault is StoreFault.REFUSED
    assert bot(life, "elena").discord_people == 1
    assert bot(life, "elena").events is None
    stage.influx.status = 400
    life = await settled(stage.service())
    assert store(life, Store.INFLUXDB).fault is StoreFault.ODD
    assert "undefined identifier" in (store(life, Store.INFLUXDB).detail or "")
    await stage.sql.execute(f"REVOKE SELECT (timestamp) ON v2_chat_history FROM {READER}")
    life = await settled(stage.service())
    assert store(life, Store.HISTORY).fault is StoreFault.FORBIDDEN
    assert bot(life, "elena").discord_people is None
    await stage.sql.execute("DROP TABLE v2_chat_history")
    life = await settled(stage.service(influx=False))
    assert store(life, Store.HISTORY).fault is StoreFault.ABSENT
    assert store(life, Store.INFLUXDB).state is StoreState.NOT_CONFIGURED
    assert store(life, Store.CONSOLE).state is StoreState.OK
    life = await settled(stage.service(url="postgresql://nobody@127.0.0.1:9/none", influx=False))
    assert store(life, Store.HISTORY).fault is StoreFault.AWAY


async def test_a_page_does_not_wait_for_a_store_that_hangs_and_shows_what_it_said_before(stage: Stage) -> None:
    """PostgreSQL and InfluxDB hang after they answered once: the page has their last words, with their age."""
    await say(stage.sql, [("elena", "human", stage.local(timedelta(minutes=1)), "1")])
    service = stage.service()
    before = await settled(service)
    read_at = store(before, Store.HISTORY).read_at
    stage.hands.move(60)
    stage.influx.is_hanging = True
    async with stage.sql.transaction():
        await stage.sql.execute("LOCK TABLE v2_chat_history IN ACCESS EXCLUSIVE MODE")
        life = await service.life(viewer(), LifeWindow.HOUR)
        # Neither has even failed yet.
        assert (store(life, Store.HISTORY).fault, store(life, Store.INFLUXDB).fault) == (None, None)
        assert bot(life, "elena").discord_people == 1
        assert store(life, Store.HISTORY).read_at == read_at
        # What came after the last reading is not known, and not none.
        assert bot(life, "ryan").points[-1].discord_people is None
        assert bot(life, "ryan").points[-3].discord_people == 0
    await service.close()


async def test_only_who_may_see_analytics_sees_it(stage: Stage) -> None:
    """A user's session is none of the console's."""
    user = Principal(user_id="u", username="u", display_name="u", session_id=new_id())
    with pytest.raises(NotAuthenticated):
        await stage.service().life(user, LifeWindow.HOUR)
