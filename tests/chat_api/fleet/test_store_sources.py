"""The fleet from its own stores: real tables of v1 and real announcements of v2, beside the other sources."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from chat_api.bots.schemas import BotSpec
from chat_api.core.fleet_database import FleetDatabase
from chat_api.core.redis import connect_redis
from chat_api.core.settings import Settings
from chat_api.fleet.registry import BotRegistry, LabelledContainer
from chat_api.fleet.store_sources import StoreSources
from tests.support.fleet_tables import V1_TABLES
from tests.support.redis_proxy import RedisProxy
from tests.support.servers import with_database
from tests.support.still_fleet import Hands


@dataclass(kw_only=True)
class Stage:
    """A fleet's folder, its stores, and a registry that knows both."""

    folder: Path
    sql: asyncpg.Connection
    redis: Redis
    stores: StoreSources
    registry: BotRegistry
    hands: Hands
    proxy: RedisProxy

    async def look(self) -> dict[str, BotSpec]:
        """The fleet after every source was read again."""
        await self.stores.read()
        await self.registry.refresh()
        return {bot.name: bot for bot in self.registry.all()}


@pytest.fixture
async def stage(fleet_database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """v1's tables with two characters, gabriel deployed."""
    sql = await asyncpg.connect(fleet_database_url)
    await sql.execute(V1_TABLES)
    await sql.execute(
        "INSERT INTO characters (name, normalized_name, occupation, description) VALUES"
        " ('Gabriel of Dover', 'gabriel', 'Rugged British gentleman', NULL),"
        " ('Marcus Chen', 'marcus', 'Game developer', 'Makes games that matter.'), ('Nobody!!', 'no body!!', '', '')"
    )
    await sql.execute(
        "INSERT INTO bot_deployments (character_id, container_name, port, status)"
        " VALUES (1, 'gabriel-bot', 9095, 'running')"
    )
    hands = Hands()
    proxy = RedisProxy(tmp_path / "redis.sock", redis_url)
    await proxy.heal()
    database, client = FleetDatabase(fleet_database_url), connect_redis(proxy.url)
    stores = StoreSources(database=database, redis=client, prefix="we[1]:", clock=hands.clock)
    settings = Settings(
        bots_env_dir=tmp_path,
        characters_dir=tmp_path / "characters",
        bots_config=tmp_path / "bots.yaml",
        bots_host_mode="auto",
    )
    (tmp_path / "bots.yaml").write_text("[]")
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        yield Stage(
            folder=tmp_path,
            sql=sql,
            redis=redis,
            stores=stores,
            registry=BotRegistry(settings, stores=stores),
            hands=hands,
            proxy=proxy,
        )
    await client.aclose()
    await database.close()
    await proxy.cut()
    await sql.close()


async def test_characters_describe_and_deployments_make_bots_exist(stage: Stage) -> None:
    """gabriel is deployed, marcus is only a character until something declares him; files beat neither."""
    (stage.folder / "characters").mkdir()
    (stage.folder / "characters/gabriel.json").write_text('{"character": {"identity": {"name": "Old", "emoji": "🍂"}}}')
    fleet = await stage.look()
    assert set(fleet) == {"gabriel"}
    gabriel = fleet["gabriel"]
    assert (gabriel.display_name, gabriel.description, gabriel.emoji) == (
        "Gabriel of Dover",
        "Rugged British gentleman",
        "🍂",
    )
    assert (gabriel.container_name, gabriel.port) == ("gabriel-bot", 9095)
    assert gabriel.declared_by == ("PostgreSQL table bot_deployments",)
    assert "PostgreSQL table characters" in gabriel.sources
    assert {"http://localhost:9095", "http://gabriel-bot:9095"} <= set(gabriel.addresses)
    (stage.folder / ".env.marcus").write_text("DISCORD_BOT_NAME=marcus\nDISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT=9097\n")
    marcus = (await stage.look())["marcus"]
    assert (marcus.display_name, marcus.description) == ("Marcus Chen", "Makes games that matter.")
    assert stage.registry.problems == ()


async def test_a_deployment_counts_by_its_status_and_less_than_a_container(stage: Stage) -> None:
    """One that is only generated makes no bot; one that failed keeps it, but does not hold it against its removal."""
    await stage.sql.execute(
        "INSERT INTO bot_deployments (character_id, container_name, port, status) VALUES"
        " (2, 'whisperengine-marcus-bot', 9097, 'generated')"
    )
    await stage.sql.execute("UPDATE bot_deployments SET status = 'failed' WHERE port = 9095")
    fleet = await stage.look()
    assert set(fleet) == {"gabriel"}
    assert fleet["gabriel"].declared_by == ()
    await stage.registry.refresh(
        labelled=[LabelledContainer(bot_name="gabriel", container_name="gabriel-bot", port=9300)]
    )
    assert "http://localhost:9300" in stage.registry.get("gabriel").addresses


async def test_an_announcement_declares_a_bot_while_it_stands(stage: Stage) -> None:
    """v2's bots say where they are inside their network; the published port is for others to say."""
    await stage.redis.set("we[1]:discovery:endpoint:elena", "http://elena:8000", ex=3600)
    await stage.redis.set("we[1]:discovery:endpoint:dream", "http://localhost:8004", ex=3600)
    await stage.redis.set("we1:discovery:endpoint:stranger", "http://stranger:8000")
    await stage.redis.set("we[1]:discovery:endpoint:broken", "not an address")
    await stage.redis.sadd("we[1]:discovery:endpoint:list", "http://list:8000")  # type: ignore[misc]
    (stage.folder / ".env.elena").write_text("DISCORD_BOT_NAME=elena\nDISCORD_TOKEN=x\nLLM_PROVIDER=x\nAPI_PORT=8010\n")
    fleet = await stage.look()
    assert set(fleet) == {"gabriel", "elena", "dream"}
    assert {"http://localhost:8010", "http://elena:8000"} <= set(fleet["elena"].addresses)
    assert "http://localhost:8000" not in fleet["elena"].addresses
    assert "http://localhost:8004" in fleet["dream"].addresses
    assert fleet["elena"].declared_by[-1] == "Redis key we[1]:discovery:endpoint:elena"
    assert [problem for problem in stage.registry.problems if "broken" in problem]
    await stage.redis.delete("we[1]:discovery:endpoint:dream")  # its hour is over
    assert set(await stage.look()) == {"gabriel", "elena"}


async def test_a_store_that_fails_keeps_what_it_said_and_is_noted(stage: Stage) -> None:
    """Redis is gone: the fleet stays as it was said to be, with a note, until it is back."""
    await stage.redis.set("we[1]:discovery:endpoint:elena", "http://elena:8000")
    assert set(await stage.look()) == {"gabriel", "elena"}
    await stage.proxy.cut()
    assert set(await stage.look()) == {"gabriel", "elena"}
    (note,) = stage.registry.problems
    assert note.startswith("Redis (FLEET_REDIS_URL) can't be reached")
    assert "What it said last is used." in note
    await stage.proxy.heal()
    await stage.look()
    assert stage.registry.problems == ()


async def test_a_role_without_rights_is_told_so_and_stops_nothing(
    stage: Stage, fleet_database_url: str, postgres_server: str
) -> None:
    """Who may not read the tables of v1 still reads the announcements of v2."""
    await stage.redis.set("we[1]:discovery:endpoint:elena", "http://elena:8000")
    name = urlsplit(fleet_database_url).path.lstrip("/")
    administrator = await asyncpg.connect(with_database(postgres_server, name))
    await administrator.execute(
        "DO $$ BEGIN CREATE ROLE poor_reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$"
    )
    await administrator.close()
    poor = FleetDatabase(with_database(fleet_database_url, name, user="poor_reader"))
    stores = StoreSources(database=poor, redis=stage.redis, prefix="we[1]:")
    assert await stores.read()
    notes: list[str] = []
    assert not list(stores.characters(note=notes.append))
    assert not list(stores.deployments(note=notes.append))
    assert [one.bot_name for one in stores.announcements(note=notes.append)] == ["elena"]
    assert len(notes) == 2
    assert all("doesn't allow reading" in note for note in notes)
    await poor.close()


async def test_a_database_of_another_kind_says_nothing_and_is_no_problem(
    empty_database_url: str, redis_url: str
) -> None:
    """v2's database has no table of v1's, and a strange table of that name is left alone."""
    sql = await asyncpg.connect(empty_database_url)
    await sql.execute("CREATE TABLE bot_deployments (id int, bot_id uuid)")
    database = FleetDatabase(empty_database_url)
    stores = StoreSources(database=database)
    assert not await stores.read()
    notes: list[str] = []
    assert not [*stores.characters(note=notes.append), *stores.deployments(note=notes.append), *notes]
    await database.close()
    await sql.close()
