"""What a v2 bot tells of a person and forgets on request: ``user-state``, ``user-graph``, ``clear-user-data``.

Source: WhisperEngine v2's HTTP API (December 2025).
"""

import json
from typing import Any

from aiohttp import web

from sample_bot.bot import Bot
from sample_bot.contract import BOT, Json, Refused
from sample_bot.knowledge import Erasure

_SHOWN_MEMORIES = 5
_SHOWN_CHARS = 200
_MEMORY_SCORE = 0.5


async def _user_state(request: web.Request) -> web.Response:
    """The five memories that fit best, trust and facts; as in real bots the count is of what is shown."""
    bot, (user_id, _) = request.app[BOT], await _asked(request)
    known, turns = bot.knowledge.of(user_id), bot.memory.recall(user_id)[-_SHOWN_MEMORIES:]
    facts = [] if bot.knowledge.is_graph_away else known.facts
    memories = [{"content": turn.message[:_SHOWN_CHARS], "score": _MEMORY_SCORE} for turn in turns]
    return web.json_response(
        {
            "user_id": user_id,
            "trust_score": known.trust_score,
            "trust_level": known.trust_level,
            "memory_count": len(memories),
            "recent_memories": memories,
            "knowledge_facts": [{"fact": f"- User {predicate} {name}"} for predicate, name in facts],
        }
    )


async def _user_graph(request: web.Request) -> web.Response:
    """The facts about a person as nodes and edges; 503 without the graph."""
    bot, (user_id, body) = request.app[BOT], await _asked(request)
    if bot.knowledge.is_graph_away:
        return web.json_response({"detail": "Knowledge graph (Neo4j) is not available"}, status=503)
    facts = bot.knowledge.of(user_id).facts
    nodes = [_node(user_id, "User", "User")] if facts else []
    nodes += [_node(name, "Entity", name) for _, name in facts]
    edges = [
        {"source": user_id, "target": name, "edge_type": "FACT", "properties": {"predicate": predicate}}
        for predicate, name in facts
    ]
    return web.json_response(
        {
            "success": True,
            "user_id": user_id,
            "bot_name": bot.character.key,
            "nodes": nodes[: body.get("max_nodes", 50)],
            "edges": edges,
            "clusters": [],
            "stats": {"node_count": len(nodes), "edge_count": len(edges)},
        }
    )


async def _clear_user_data(request: web.Request) -> web.Response:
    """Forget what is asked for; ``success`` is true whatever became of the parts, as in real bots."""
    bot, (user_id, body) = request.app[BOT], await _asked(request)
    wants = {
        "memories": body.get("clear_memories", True),
        "trust": body.get("clear_trust", True),
        "knowledge": body.get("clear_knowledge", False) and not bot.knowledge.is_graph_away,
    }
    if bot.knowledge.erasure is Erasure.NOTHING:
        wants = dict.fromkeys(wants, False)
    facts = len(bot.knowledge.of(user_id).facts)
    if bot.knowledge.erasure is not Erasure.CLAIMS:
        _clear(bot, user_id, wants)
    return web.json_response(
        {
            "success": True,
            "user_id": user_id,
            "memories_cleared": int(wants["memories"]),
            "trust_reset": wants["trust"],
            "knowledge_cleared": facts if wants["knowledge"] else 0,
        }
    )


def _clear(bot: Bot, user_id: str, wants: dict[str, bool]) -> None:
    if wants["memories"]:
        bot.memory.forget(user_id)
    if wants["trust"]:
        bot.knowledge.reset_trust(user_id)
    if wants["knowledge"]:
        bot.knowledge.clear_facts(user_id)


async def _asked(request: web.Request) -> tuple[str, Json]:
    """Who is asked about, and the body. Raises: Refused with 422."""
    try:
        body: Any = json.loads(await request.read())
    except ValueError:
        body = None
    user_id = body.get("user_id") if isinstance(body, dict) else None
    if not isinstance(user_id, str):
        problem = {"loc": ["body", "user_id"], "msg": "Field required", "type": "missing"}
        raise Refused(web.json_response({"detail": [problem]}, status=422))
    return user_id, body


def _node(key: str, label: str, name: str) -> Json:
    return {"id": key, "label": label, "name": name, "score": 1.0, "properties": {}}


KNOWLEDGE_ROUTES = (
    web.post("/api/user-state", _user_state),
    web.post("/api/user-graph", _user_graph),
    web.post("/api/clear-user-data", _clear_user_data),
)
