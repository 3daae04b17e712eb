"""Read what bots tell of a person. Pure functions; the bot is not trusted, and what it says is bounded.

Source: bot contract, "What else v2 bots offer"; the routes of WhisperEngine v2 (December 2025).
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping

from chat_api.bots.answers import read_object
from chat_api.bots.breaker import BotServerError
from chat_api.bots.http import DETAIL_CHARS, Reply
from chat_api.bots.knowledge_schemas import Cleared, Memory, Relation, UserState
from chat_api.core.errors import BotFailed, BotUnavailable
from chat_api.core.text import cleaned

MAX_MEMORIES = 50
MAX_FACTS = 100
MAX_RELATIONS = 100
MAX_TEXT_CHARS = 1000
MAX_NAME_CHARS = 200
MAX_COUNT = 2**31
_NOT_OFFERED = frozenset({404, 405, 501})
# They would turn the text around them on a page, and mean nothing in what somebody remembers.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BULLET = re.compile(r"^\s*[-*•]\s+")


class NotOffered(BotFailed):
    """The bot has no such route: it is of the first generation."""


def read_user_state(reply: Reply) -> UserState:
    """Turn ``user-state`` into what can be shown.

    Raises: NotOffered, BotUnavailable (503), BotServerError, BotFailed.
    """
    body = _read(reply)
    memories = list(_memories(body.get("recent_memories")))
    return UserState(
        trust_score=_number(body.get("trust_score")),
        trust_level=_text(body.get("trust_level"), MAX_NAME_CHARS),
        memory_count=_count(body.get("memory_count"), least=len(memories)),
        memories=tuple(memories),
        facts=tuple(_facts(body.get("knowledge_facts"))),
    )


def read_user_graph(reply: Reply, *, user_id: str) -> tuple[Relation, ...]:
    """Turn ``user-graph`` into a list of relations; other people are left out, whatever the bot says.

    Raises: NotOffered, BotUnavailable (503: the bot has no graph now), BotServerError, BotFailed.
    """
    body = _read(reply)
    names, others = _nodes(body.get("nodes"), user_id)
    relations: dict[Relation, None] = {}
    for edge in _objects(body.get("edges")):
        ends = [_text(edge.get(end), MAX_NAME_CHARS) for end in ("source", "target")]
        kind = _kind(edge)
        if kind is None or None in ends or others.intersection(ends):
            continue
        source, target = (names.get(end, end) if end is not None else "" for end in ends)
        relations[Relation(source=source, kind=kind, target=target)] = None
        if len(relations) >= MAX_RELATIONS:
            break
    return tuple(relations)


def read_cleared(reply: Reply) -> Cleared:
    """Turn ``clear-user-data`` into what the bot says of each part.

    Raises: NotOffered, BotUnavailable (503), BotServerError, BotFailed.
    """
    body = _read(reply)
    return Cleared(
        memories=_is_claimed(body.get("memories_cleared")),
        trust=_is_claimed(body.get("trust_reset")),
        knowledge=_is_claimed(body.get("knowledge_cleared")),
    )


def _read(reply: Reply) -> Mapping[str, object]:
    detail = f"HTTP {reply.status}: {reply.body[:DETAIL_CHARS].decode(errors='replace')!r}"
    if reply.status in _NOT_OFFERED:
        raise NotOffered(detail=detail)
    if reply.status == 503:
        raise BotUnavailable(detail=detail)
    if reply.status != 200:
        raise (BotServerError if reply.status >= 500 else BotFailed)(detail=detail)
    return read_object(reply)


def _memories(value: object) -> Iterator[Memory]:
    for one in _objects(value, limit=MAX_MEMORIES):
        content = _text(one.get("content"), MAX_TEXT_CHARS)
        if content:
            yield Memory(content=content, score=_number(one.get("score")))


def _facts(value: object) -> Iterable[str]:
    facts: dict[str, None] = {}
    for one in _objects(value, limit=MAX_FACTS):
        fact = _text(one.get("fact"), MAX_TEXT_CHARS)
        if fact and (words := _BULLET.sub("", fact)):
            facts[words] = None
    return facts


def _nodes(value: object, user_id: str) -> tuple[dict[str, str], set[str | None]]:
    """The names of nodes by their ids, and the ids of people that are somebody else."""
    names: dict[str, str] = {}
    others: set[str | None] = set()
    for node in _objects(value):
        key = _text(node.get("id"), MAX_NAME_CHARS)
        if key is None:
            continue
        if node.get("label") == "User" and key != user_id:
            others.add(key)
        name = _text(node.get("name"), MAX_NAME_CHARS)
        if name is not None and key != user_id:
            names[key] = name
    return names, others


def _kind(edge: Mapping[str, object]) -> str | None:
    """What a relation says: a fact has it in its predicate."""
    properties = edge.get("properties")
    predicate = properties.get("predicate") if isinstance(properties, dict) else None
    return _text(predicate, MAX_NAME_CHARS) or _text(edge.get("edge_type"), MAX_NAME_CHARS)


def _objects(value: object, *, limit: int | None = None) -> Iterator[Mapping[str, object]]:
    for one in value[:limit] if isinstance(value, list) else ():
        if isinstance(one, dict):
            yield one


def _text(value: object, max_chars: int) -> str | None:
    if not isinstance(value, str):
        return None
    text = cleaned(_DIRECTION.sub("", value[: 2 * max_chars]).strip(), max_chars=max_chars + 1)
    return (text if len(text) <= max_chars else text[: max_chars - 1] + "…") or None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < MAX_COUNT and math.isfinite(value) else None


def _count(value: object, *, least: int) -> int | None:
    number = _number(value)
    return max(least, int(number)) if number is not None and number >= 0 else least or None


def _is_claimed(value: object) -> bool:
    return value is True or (_number(value) or 0) > 0
