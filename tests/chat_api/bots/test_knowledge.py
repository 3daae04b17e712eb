"""What bots tell of a person: read from odd answers, bounded, and the calls against real bots of both generations."""

import json
from typing import Any

import pytest

from chat_api.bots.breaker import BotServerError
from chat_api.bots.connector import BotConnector
from chat_api.bots.http import Reply
from chat_api.bots.knowledge_answers import (
    MAX_FACTS,
    MAX_MEMORIES,
    MAX_RELATIONS,
    MAX_TEXT_CHARS,
    NotOffered,
    read_cleared,
    read_user_graph,
    read_user_state,
)
from chat_api.bots.knowledge_schemas import Cleared, Relation, UserState
from chat_api.bots.schemas import BotSpec
from chat_api.core.errors import BotFailed, BotUnavailable
from tests.support.sample_bots import RunningBot


def reply(body: object, status: int = 200) -> Reply:
    """An answer with this JSON, or these bytes."""
    return Reply(status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, UserState()),
        (b'{"trust_score": NaN, "trust_level": 7, "memory_count": -3, "recent_memories": {}}', UserState()),
        (b'{"trust_score": 1e400, "memory_count": Infinity, "knowledge_facts": [null, {"fact": 1}, "x"]}', UserState()),
        (
            {"trust_score": True, "memory_count": 3.0, "trust_level": " Friend "},
            UserState(trust_level="Friend", memory_count=3),
        ),
        (
            {"knowledge_facts": [{"fact": "- User LIKES tea"}, {"fact": "- User LIKES tea"}, {"fact": "-  "}]},
            UserState(facts=("User LIKES tea", "-")),
        ),
    ],
)
def test_odd_states_are_read_as_far_as_they_go(body: object, expected: UserState) -> None:
    """Missing fields, wrong types, NaN and infinities are what the bot did not tell."""
    assert read_user_state(reply(body)) == expected


def test_what_is_told_is_bounded_and_turns_no_text() -> None:
    """Huge lists and texts are cut; NUL, lone surrogates and marks of direction are gone, markup is a text."""
    memories: list[Any] = [{"content": "x" * 1_000_000, "score": 0.5}] + [{"content": f"{n}"} for n in range(1000)]
    state = read_user_state(
        reply({"recent_memories": memories, "knowledge_facts": [{"fact": f"fact {n}"} for n in range(1000)]})
    )
    assert (len(state.memories), len(state.facts)) == (MAX_MEMORIES, MAX_FACTS)
    assert (len(state.memories[0].content), state.memories[0].content[-1]) == (MAX_TEXT_CHARS, "…")
    hostile = read_user_state(reply(b'{"recent_memories": [{"content": "\\u202e<b>a\\u0000\\ud800c</b>\\u2066"}]}'))
    assert hostile.memories[0].content == "<b>a\ufffdc</b>"
    edges = [{"source": "u", "target": f"n{n}", "edge_type": "FACT"} for n in range(1000)]
    assert len(read_user_graph(reply({"edges": edges}), user_id="u")) == MAX_RELATIONS


def test_other_people_are_left_out_of_the_graph() -> None:
    """Whatever the bot was asked for: an edge to somebody else is not shown."""
    body = {
        "nodes": [
            {"id": "u", "label": "User", "name": "u"},
            {"id": "other", "label": "User", "name": "Bob"},
            {"id": "e1", "label": "Entity", "name": "Seattle"},
            {"name": "no id"},
            7,
        ],
        "edges": [
            {"source": "u", "target": "e1", "edge_type": "FACT", "properties": {"predicate": "LIVES_IN"}},
            {"source": "other", "target": "e1", "edge_type": "FACT", "properties": {"predicate": "LIVES_IN"}},
            {"source": "u", "target": "other", "edge_type": "KNOWS"},
            {"source": "u", "edge_type": "FACT"},
            {"source": "e1", "target": "e2", "edge_type": "NEAR", "properties": []},
        ],
    }
    assert read_user_graph(reply(body), user_id="u") == (
        Relation(source="u", kind="LIVES_IN", target="Seattle"),
        Relation(source="Seattle", kind="NEAR", target="e2"),
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"success": True}, Cleared(memories=False, trust=False, knowledge=False)),
        (
            {"success": False, "memories_cleared": 1, "trust_reset": True, "knowledge_cleared": 12},
            Cleared(memories=True, trust=True, knowledge=True),
        ),
        (
            b'{"success": true, "memories_cleared": NaN, "trust_reset": "yes", "knowledge_cleared": -1}',
            Cleared(memories=False, trust=False, knowledge=False),
        ),
    ],
)
def test_parts_count_and_not_success(body: object, expected: Cleared) -> None:
    """What is not plainly said is not claimed."""
    assert read_cleared(reply(body)) == expected


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply({}, 404), NotOffered),
        (reply({}, 405), NotOffered),
        (reply({"detail": "Knowledge graph (Neo4j) is not available"}, 503), BotUnavailable),
        (reply({"detail": "boom"}, 500), BotServerError),
        (reply({"detail": []}, 422), BotFailed),
        (reply([]), BotFailed),
        (reply(b"<html>"), BotFailed),
        (reply(b"[" * 100_000), BotFailed),
    ],
)
def test_failures_are_told_apart(answer: Reply, error: type[Exception]) -> None:
    """What a bot cannot, what it has not now, and what it does wrong."""
    for read in (read_user_state, read_cleared, lambda one: read_user_graph(one, user_id="u")):
        with pytest.raises(error) as raised:
            read(answer)
        assert type(raised.value) is error


async def test_against_real_bots(connector: BotConnector, elena: RunningBot, marcus: RunningBot) -> None:
    """v2 tells and clears what is asked for; v1 has no such thing; an answer without end is refused."""
    v1, v2 = (BotSpec(name=bot.name, display_name=bot.name, url=bot.url) for bot in (elena, marcus))
    await connector.send_message_to_bot(v2, user_id="weu_knowledge", message="I live in Seattle")
    assert (await connector.knowledge.state(v2, "weu_knowledge")).facts == ("User LIVES_IN Seattle",)
    assert [one.target for one in await connector.knowledge.graph(v2, "weu_knowledge")] == ["Seattle"]
    cleared = await connector.knowledge.clear(v2, "weu_knowledge", ["knowledge"])
    assert cleared == Cleared(memories=False, trust=False, knowledge=True)
    assert (await connector.knowledge.state(v2, "weu_knowledge")).has_memories
    with pytest.raises(NotOffered):
        await connector.knowledge.state(v1, "weu_knowledge")
    await marcus.set_faults(scope="all", mode="huge")
    with pytest.raises(BotFailed):
        await connector.knowledge.state(v2, "weu_knowledge")
