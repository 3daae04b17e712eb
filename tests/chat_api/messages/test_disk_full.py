"""PostgreSQL has no room left: writes are refused clearly, reads are served, and all is well once there is room."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.api import RunningApi
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import assert_error
from tests.support.v2_socket import frames_until, say, until_seq, v2_socket

# What a full volume makes of a write. A sequence counts the refusals, for it is not rolled back with them.
_NO_ROOM = """
CREATE SEQUENCE refusals;
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('refusals');
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$"""


class Disk:
    """The volume of a test's own database."""

    def __init__(self, sql: asyncpg.Connection, tables: list[str]) -> None:
        self._sql = sql
        self._tables = tables

    async def fill(self, *tables: str, on: str = "INSERT OR UPDATE") -> None:
        """From now on writes of this kind find no room; by default those of every table."""
        for table in tables or self._tables:
            await self._sql.execute(
                f"CREATE TRIGGER full_disk BEFORE {on} ON {table} FOR EACH ROW EXECUTE FUNCTION no_room()"
            )

    async def free(self) -> None:
        """There is room again."""
        for table in self._tables:
            await self._sql.execute(f"DROP TRIGGER IF EXISTS full_disk ON {table}")

    async def refusals(self) -> int:
        """How many writes found no room so far."""
        return int(await self._sql.fetchval("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM refusals"))


@pytest.fixture
async def disk(api: RunningApi, database_url: str) -> AsyncIterator[Disk]:
    """The disk behind a running API; there is room on it."""
    sql = await asyncpg.connect(database_url)
    await sql.execute(_NO_ROOM)
    rows = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
    disk = Disk(sql, [row["tablename"] for row in rows])
    yield disk
    await disk.free()
    await sql.close()


async def test_writes_are_refused_clearly_and_reads_are_served(api: RunningApi, disk: Disk, elena: RunningBot) -> None:
    """Both doors say that it is the database, and when to come again; what was refused is stored once, later."""
    token = await api.login()
    calls = len(await elena.calls())
    async with v2_socket(api, token) as tab, api.client(token) as client:
        await say(tab, "before")
        await until_seq(tab, 2)

        await disk.fill()
        body = {"content": "over HTTP", "bot_name": "elena", "client_msg_id": "h"}
        refusal = await client.post("/api/chat", json=body)
        assert_error(refusal, 503, "database_unavailable")
        assert int(refusal.headers["retry-after"]) >= 1
        await say(tab, "over a socket", key="s")
        error = (await frames_until(tab, "error"))[-1]
        assert (error["code"], error["retryable"], error["client_msg_id"]) == ("database_unavailable", True, "s")
        assert error["retry_after"] >= 1
        history = await client.get("/api/conversations/elena/messages")
        assert history.status_code == 200, history.text
        assert [line["role"] for line in history.json()["messages"]] == ["bot", "user"]
        assert (await client.get("/api/conversations")).status_code == 200
        assert (await client.get("/api/stream")).json()["seq"] == 2
        assert len(await elena.calls()) == calls + 1

        await disk.free()
        await say(tab, "over a socket", key="s")
        assert [frame["type"] for frame in await until_seq(tab, 4)] == ["ack", "message"]
        assert (await client.post("/api/chat", json=body)).status_code == 200
        assert [frame["data"]["role"] for frame in await until_seq(tab, 6)] == ["user", "bot"]
        lines = (await client.get("/api/conversations/elena/messages")).json()["messages"]
    said = [line["content"] for line in reversed(lines) if line["role"] == "user"]
    assert said == ["before", "over a socket", "over HTTP"]
    assert len(await elena.calls()) == calls + 3


async def test_an_answer_that_finds_no_room_is_kept(api: RunningApi, disk: Disk, elena: RunningBot) -> None:
    """The bot is not asked again: its answer is tried until there is room, and then told as if nothing had been."""
    token = await api.login()
    calls = len(await elena.calls())
    async with v2_socket(api, token) as tab, api.client(token) as client:
        await disk.fill("web_conversations", on="UPDATE")
        await say(tab, "Are you there?")
        ack = (await frames_until(tab, "ack"))[-1]

        async def was_tried_again() -> bool:
            return await disk.refusals() >= 2

        await eventually(was_tried_again)
        history = await client.get("/api/conversations/elena/messages")
        assert [line["role"] for line in history.json()["messages"]] == ["user"]

        await disk.free()
        (answer,) = await until_seq(tab, ack["seq"] + 1)
        assert (answer["type"], answer["data"]["reply_to"]) == ("message", ack["message_id"])
        lines = (await client.get("/api/conversations/elena/messages")).json()["messages"]
        assert [(line["role"], line["content"]) for line in lines] == [
            ("bot", answer["data"]["content"]),
            ("user", "Are you there?"),
        ]
    assert len(await elena.calls()) == calls + 1
