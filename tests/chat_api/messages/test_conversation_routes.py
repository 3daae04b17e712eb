"""What owners do to what was said, over REST: edits, deletions, reactions, read marks, and what histories show."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot
from tests.support.shared_api import assert_error


@dataclass(frozen=True, kw_only=True)
class Said:
    """One exchange, and the client of its owner."""

    client: httpx.AsyncClient
    own: str
    bots: str

    async def history(self) -> list[dict[str, Any]]:
        """What the history shows, newest first."""
        lines: list[dict[str, Any]] = (await self.client.get("/api/conversations/elena/messages")).json()["messages"]
        return lines

    async def seq(self) -> int:
        """Where the stream stands."""
        return int((await self.client.get("/api/stream")).json()["seq"])


@pytest.fixture
async def said(door: RunningApi) -> AsyncIterator[Said]:
    """A user who has said hello to elena."""
    async with door.client(await door.login(f"owner {uuid4().hex[:12]}")) as client:
        answer = (await client.post("/api/chat", json={"bot_name": "elena", "content": "Helo"})).json()
        yield Said(client=client, own=answer["message_id"], bots=answer["response_id"])


async def test_an_edit_keeps_what_was_said_before(said: Said) -> None:
    """Twice edited: the history shows the newest text, the message all of them."""
    for version, text in ((1, "Hello"), (2, "Hello!")):
        answer = await said.client.patch(f"/api/messages/{said.own}", json={"content": text, "version": version})
        assert answer.status_code == 200, answer.text
    details = (await said.client.get(f"/api/messages/{said.own}")).json()
    assert (details["content"], details["version"]) == ("Hello!", 3)
    assert [(one["version"], one["content"]) for one in details["versions"]] == [(1, "Helo"), (2, "Hello")]
    line = (await said.history())[1]
    assert (line["content"], line["version"]) == ("Hello!", 3)
    assert line["edited_at"] is not None


async def test_a_stale_edit_is_told_the_current_version(said: Said) -> None:
    """Of two that edit the same version at once, one wins and the other learns of it; nothing is lost."""
    bodies = [{"content": text, "version": 1} for text in ("mine", "yours", "theirs")]
    answers = await asyncio.gather(*(said.client.patch(f"/api/messages/{said.own}", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            assert assert_error(answer, 409, "conflict")["current_version"] == 2
    assert await said.seq() == 3


async def test_only_own_words_can_be_edited(said: Said) -> None:
    """Not the bot's, and not with what could not be said."""
    body = {"content": "I never said that", "version": 1}
    assert_error(await said.client.patch(f"/api/messages/{said.bots}", json=body), 422, "invalid_input")
    for content in ("", "   ", "x" * 4001, "nul \0"):
        answer = await said.client.patch(f"/api/messages/{said.own}", json={"content": content, "version": 1})
        assert_error(answer, 422, "invalid_input")
    assert await said.seq() == 2


async def test_what_is_deleted_is_gone(said: Said, door: RunningApi) -> None:
    """Its text, its earlier texts and its reactions, from every door and from the database; twice is not found."""
    await said.client.patch(f"/api/messages/{said.own}", json={"content": "secret", "version": 1})
    await said.client.put(f"/api/messages/{said.own}/reactions/👍")
    for message_id in (said.own, said.bots):
        assert (await said.client.delete(f"/api/messages/{message_id}")).status_code == 200
        assert_error(await said.client.delete(f"/api/messages/{message_id}"), 404)
        assert_error(await said.client.get(f"/api/messages/{message_id}"), 404)
        assert_error(await said.client.put(f"/api/messages/{message_id}/reactions/👍"), 404)
    assert await said.history() == []
    assert (await said.client.get("/api/conversations")).json()["conversations"] == []
    url = door.settings.database_url
    assert url is not None
    sql = await asyncpg.connect(url.get_secret_value())
    rows = await sql.fetch("SELECT user_message, bot_response, metadata FROM web_conversations WHERE id = $1", said.own)
    assert [tuple(row) for row in rows] == [("", "", None)]
    assert await sql.fetchval("SELECT count(*) FROM web_message_versions WHERE message_id = $1", said.own) == 0
    assert await sql.fetchval("SELECT count(*) FROM web_reactions WHERE conversation_id = $1", said.own) == 0
    await sql.close()


async def test_a_deleted_message_keeps_its_key(door: RunningApi) -> None:
    """Sent again under its key it is still the same message, and calls no bot."""
    async with door.client(await door.login("deleter")) as client:
        body = {"bot_name": "elena", "content": "Once", "client_msg_id": "k"}
        first = (await client.post("/api/chat", json=body)).json()
        await client.delete(f"/api/messages/{first['message_id']}")
        again = (await client.post("/api/chat", json=body)).json()
    assert again["message_id"] == first["message_id"]


async def test_what_is_being_answered_cannot_be_deleted(make_settings: MakeSettings) -> None:
    """Stop it first."""
    async with sample_bot("elena") as slow, running_api(make_settings(bots=(slow,))) as api:
        await slow.set_faults(is_held=True)
        token = await api.login()
        async with api.client(token) as client:
            asking = asyncio.create_task(client.post("/api/chat", json={"bot_name": "elena", "content": "Hello"}))

            async def pending() -> Any:
                lines = (await client.get("/api/conversations/elena/messages")).json()["messages"]
                return lines[0]["message_id"] if lines else None

            message_id = await eventually(pending)
            assert_error(await client.delete(f"/api/messages/{message_id}"), 409, "conflict")
            stopped = (await client.post(f"/api/chat/{message_id}/stop")).json()
            assert (stopped["status"], stopped["response"]) == ("interrupted", "")
            assert_error(await asking, 409, "stopped")
            assert (await client.delete(f"/api/messages/{message_id}")).status_code == 200


async def test_reactions_are_a_set(said: Said) -> None:
    """Twice is once, taking away what is not there is no error, and only changes are events."""
    assert await said.seq() == 2
    for emoji in ("👍", "👍", "👩‍🚀", "1️⃣"):
        assert (await said.client.put(f"/api/messages/{said.bots}/reactions/{emoji}")).status_code == 200
    assert (await said.history())[0]["reactions"] == ["👍", "👩‍🚀", "1️⃣"]
    for emoji in ("👍", "👍", "🌊"):
        assert (await said.client.delete(f"/api/messages/{said.bots}/reactions/{emoji}")).status_code == 200
    assert (await said.history())[0]["reactions"] == ["👩‍🚀", "1️⃣"]
    assert await said.seq() == 6


@pytest.mark.parametrize("emoji", ["a", "hello", "<b>", "\u202e", "5", "👍" * 33, "👍x", " "])
async def test_a_reaction_is_an_emoji(said: Said, emoji: str) -> None:
    """Nothing that could carry words, or turn the direction of a text."""
    assert_error(await said.client.put(f"/api/messages/{said.bots}/reactions/{emoji}"), 422, "invalid_input")


async def test_reactions_are_bounded(said: Said) -> None:
    """Twenty different ones on one message."""
    answers = [await said.client.put(f"/api/messages/{said.own}/reactions/{chr(0x1F600 + n)}") for n in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [409]


async def test_read_marks_only_move_forward(said: Said) -> None:
    """Unread until marked; a mark beyond the end stops there; an older one changes nothing and makes no event."""

    async def overview() -> tuple[int, int]:
        entry = (await said.client.get("/api/conversations")).json()["conversations"][0]
        return entry["unread_count"], entry["read_up_to"]

    assert await overview() == (1, 0)
    assert (await said.client.put("/api/conversations/elena/read", json={"seq": 10_000})).status_code == 200
    assert await overview() == (0, 2)
    seq = await said.seq()
    await said.client.put("/api/conversations/elena/read", json={"seq": 1})
    assert await overview() == (0, 2)
    assert await said.seq() == seq
    await said.client.post("/api/chat", json={"bot_name": "elena", "content": "More"})
    assert await overview() == (1, 2)
    assert_error(await said.client.put("/api/conversations/nobody/read", json={"seq": 1}), 404)


async def test_others_find_nothing(said: Said, door: RunningApi) -> None:
    """Every change of somebody else's message is not found, whatever there is."""
    async with door.client(await door.login("a stranger")) as stranger:
        for message_id in (said.own, said.bots):
            path = f"/api/messages/{message_id}"
            assert_error(await stranger.get(path), 404)
            assert_error(await stranger.patch(path, json={"content": "x", "version": 1}), 404)
            assert_error(await stranger.delete(path), 404)
            assert_error(await stranger.put(f"{path}/reactions/👍"), 404)
            assert_error(await stranger.delete(f"{path}/reactions/👍"), 404)
        assert_error(await stranger.post(f"/api/chat/{said.own}/stop"), 404)
    assert await said.seq() == 2


async def test_stopping_what_has_ended_changes_nothing(said: Said) -> None:
    """The stored answer is given."""
    stopped = (await said.client.post(f"/api/chat/{said.own}/stop")).json()
    assert (stopped["status"], stopped["finish_reason"]) == ("answered", "stop")
    assert await said.seq() == 2
