"""What a v2 bot tells of a person, and how it forgets: as told, not at all, or only in words."""

import aiohttp
import pytest

from tests.sample_bot.calls import post, say
from tests.support.sample_bots import RunningBot

ALL = {"clear_memories": True, "clear_trust": True, "clear_knowledge": True}


async def test_what_was_said_is_known_until_it_is_cleared(
    http: aiohttp.ClientSession, v2_bot: RunningBot, user_id: str
) -> None:
    """Memories, trust and facts, the facts in the graph, too; each goes when it is asked to."""
    await say(http, v2_bot, user_id, "I live in Seattle. I like tide pools")
    _, state = await post(http, v2_bot, "/api/user-state", {"user_id": user_id})
    assert (state["trust_score"], state["trust_level"], state["memory_count"]) == (2, "Stranger", 1)
    assert state["recent_memories"][0]["content"].startswith("I live in Seattle")
    assert [one["fact"] for one in state["knowledge_facts"]] == [
        "- User LIVES_IN Seattle",
        "- User LIKES tide pools",
    ]
    _, graph = await post(http, v2_bot, "/api/user-graph", {"user_id": user_id, "depth": 2})
    assert [edge["target"] for edge in graph["edges"]] == ["Seattle", "tide pools"]
    assert {node["label"] for node in graph["nodes"]} == {"User", "Entity"}
    _, cleared = await post(http, v2_bot, "/api/clear-user-data", {"user_id": user_id})
    assert (cleared["memories_cleared"], cleared["trust_reset"], cleared["knowledge_cleared"]) == (1, True, 0)
    _, state = await post(http, v2_bot, "/api/user-state", {"user_id": user_id})
    assert (state["trust_score"], state["memory_count"], len(state["knowledge_facts"])) == (0, 0, 2)
    _, cleared = await post(http, v2_bot, "/api/clear-user-data", {"user_id": user_id} | ALL)
    assert cleared["knowledge_cleared"] == 2


@pytest.mark.parametrize(("erasure", "parts"), [("nothing", (0, False, 0)), ("claims", (1, True, 1))])
async def test_a_success_that_is_none(
    http: aiohttp.ClientSession, v2_bot: RunningBot, user_id: str, erasure: str, parts: tuple[int, bool, int]
) -> None:
    """``success`` is true in both, and everything is still there."""
    await say(http, v2_bot, user_id, "I live in Seattle")
    await v2_bot.set_faults(erasure=erasure)
    _, cleared = await post(http, v2_bot, "/api/clear-user-data", {"user_id": user_id} | ALL)
    await v2_bot.set_faults(erasure="ok")
    assert cleared["success"] is True
    assert (cleared["memories_cleared"], cleared["trust_reset"], cleared["knowledge_cleared"]) == parts
    _, state = await post(http, v2_bot, "/api/user-state", {"user_id": user_id})
    assert (state["trust_score"], state["memory_count"], len(state["knowledge_facts"])) == (2, 1, 1)


async def test_without_its_graph(http: aiohttp.ClientSession, v2_bot: RunningBot, user_id: str) -> None:
    """503 for the graph, no facts in the state; a body without a person is refused."""
    await v2_bot.set_faults(is_graph_away=True)
    status, _ = await post(http, v2_bot, "/api/user-graph", {"user_id": user_id})
    await v2_bot.set_faults(is_graph_away=False)
    assert status == 503
    assert (await post(http, v2_bot, "/api/user-state", {}))[0] == 422


async def test_v1_has_none_of_it(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """404, as for any path that it does not know."""
    for name in ("user-state", "user-graph", "clear-user-data"):
        async with http.post(f"{v1_bot.url}/api/{name}", json={"user_id": "u"}) as response:
            assert response.status == 404
