"""Chat over REST: what a base client and a careful client see."""

from tests.support.api import RunningApi
from tests.support.sample_bots import RunningBot


async def test_a_message_is_answered_as_specified(api: RunningApi) -> None:
    """The answer has the specification's fields, and the bot's own words."""
    async with api.client(await api.login()) as client:
        answer = await client.post("/api/chat", json={"content": "Hello", "bot_name": "elena"})
    assert answer.status_code == 200
    body = answer.json()
    assert {"message_id", "response", "timestamp", "bot_name", "processing_time"} <= body.keys()
    assert body["bot_name"] == "elena"
    assert body["response"]
    assert isinstance(body["processing_time"], float)


async def test_history_has_both_sides_newest_first(api: RunningApi) -> None:
    """After two exchanges the history pages through four lines by the cursor, without gaps or repeats."""
    async with api.client(await api.login()) as client:
        for text in ("first", "second"):
            await client.post("/api/chat", json={"content": text, "bot_name": "elena"})
        newest = (await client.get("/api/conversations/elena/messages", params={"limit": 3})).json()
        rest = (
            await client.get("/api/conversations/elena/messages", params={"limit": 3, "before": newest["next_before"]})
        ).json()
    lines = newest["messages"] + rest["messages"]
    assert [line["role"] for line in lines] == ["bot", "user", "bot", "user"]
    assert [line["seq"] for line in lines] == [4, 3, 2, 1]
    assert [lines[1]["content"], lines[3]["content"]] == ["second", "first"]
    assert rest["next_before"] is None


async def test_a_failed_bot_leaves_the_message_and_offers_retry(api: RunningApi, elena: RunningBot) -> None:
    """The failure is typed, shows no exception text, names the stored message, and a retry is answered."""
    await elena.set_faults(mode="exception")
    async with api.client(await api.login()) as client:
        failed = await client.post("/api/chat", json={"content": "Hello", "bot_name": "elena"})
        assert failed.status_code == 502
        error = failed.json()["error"]
        assert error["code"] == "bot_failed"
        history = (await client.get("/api/conversations/elena/messages")).json()["messages"]
        assert [(line["content"], line["status"]) for line in history] == [("Hello", "failed")]
        await elena.set_faults(mode="ok")
        retried = await client.post(f"/api/chat/{error['message_id']}/retry")
        assert retried.status_code == 200
        assert retried.json()["message_id"] == error["message_id"]
        again = await client.post(f"/api/chat/{error['message_id']}/retry")
        assert again.json()["response"] == retried.json()["response"]


async def test_the_same_key_is_one_message_and_one_bot_call(api: RunningApi, elena: RunningBot) -> None:
    """A repeated request gives the stored answer; the same key for another message is refused."""
    before = len(await elena.calls())
    async with api.client(await api.login()) as client:
        body = {"content": "Hello", "bot_name": "elena"}
        headers = {"Idempotency-Key": "k-1"}
        first = await client.post("/api/chat", json=body, headers=headers)
        second = await client.post("/api/chat", json=body, headers=headers)
        other = await client.post("/api/chat", json=body | {"content": "Else"}, headers=headers)
    assert first.json() == second.json()
    assert other.status_code == 422
    assert len(await elena.calls()) == before + 1


async def test_strangers_see_nothing_of_each_other(api: RunningApi) -> None:
    """Two people called alice: the second is a guest, and the first one's message is not found for her."""
    async with api.client(await api.login("alice")) as first, api.client(await api.login("alice")) as second:
        sent = (await first.post("/api/chat", json={"content": "My secret", "bot_name": "elena"})).json()
        assert (await second.get("/api/me")).json()["is_guest"] is True
        assert (await second.get("/api/conversations/elena/messages")).json()["messages"] == []
        stolen = await second.post(f"/api/chat/{sent['message_id']}/retry")
        assert stolen.status_code == 404


async def test_unknown_bots_are_not_found(api: RunningApi) -> None:
    """A bot that the registry does not know is a typed 404, and nothing is stored."""
    async with api.client(await api.login()) as client:
        answer = await client.post("/api/chat", json={"content": "Hello", "bot_name": "nobody"})
        assert answer.status_code == 404
        assert (await client.get("/api/conversations")).json() == {"conversations": []}
