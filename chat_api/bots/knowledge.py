"""Ask a bot what it knows of a person, and have it cleared. Only bots of the second generation can do either.

These calls have a bound of their own and pass the breaker by: a bot that fails at them may chat very well. To clear is
idempotent, and so is to ask; nothing is repeated here all the same: who asks knows how long it is worth waiting.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

import orjson

from chat_api.bots.http import BotHttp, Reply
from chat_api.bots.knowledge_answers import read_cleared, read_user_graph, read_user_state
from chat_api.bots.knowledge_schemas import Cleared, Relation, UserState
from chat_api.bots.schemas import BotSpec

STATE_TIMEOUT_S = 10.0
# A real bot deletes vectors, history and graph one after the other.
CLEAR_TIMEOUT_S = 20.0
MAX_PARALLEL_CALLS = 16
GRAPH_DEPTH = 2
GRAPH_NODES = 100


class BotKnowledge:
    """Made once, over the connections that ``http`` gives."""

    def __init__(self, http: Callable[[], BotHttp]) -> None:
        self._http = http
        self._calls = asyncio.Semaphore(MAX_PARALLEL_CALLS)

    async def state(self, bot: BotSpec, user_id: str) -> UserState:
        """Trust, memories and facts.

        Raises: NotOffered, BotUnavailable, BotTimeout, BotFailed.
        """
        return read_user_state(await self._post(bot, "user-state", {"user_id": user_id}, STATE_TIMEOUT_S))

    async def graph(self, bot: BotSpec, user_id: str) -> tuple[Relation, ...]:
        """The part of the knowledge graph around a person, without other people.

        Raises: NotOffered, BotUnavailable (also when the bot has no graph), BotTimeout, BotFailed.
        """
        body = {"user_id": user_id, "depth": GRAPH_DEPTH, "max_nodes": GRAPH_NODES, "include_other_users": False}
        return read_user_graph(await self._post(bot, "user-graph", body, STATE_TIMEOUT_S), user_id=user_id)

    async def clear(self, bot: BotSpec, user_id: str, parts: Iterable[str]) -> Cleared:
        """Have some of ``memories``, ``trust`` and ``knowledge`` cleared; gives what the bot says of each.

        Raises: NotOffered, BotUnavailable, BotTimeout, BotFailed.
        """
        wanted = set(parts)
        body = {"user_id": user_id} | {f"clear_{part}": part in wanted for part in ("memories", "trust", "knowledge")}
        return read_cleared(await self._post(bot, "clear-user-data", body, CLEAR_TIMEOUT_S))

    async def _post(self, bot: BotSpec, name: str, body: Mapping[str, object], timeout_s: float) -> Reply:
        async with self._calls:
            deadline_at = asyncio.get_running_loop().time() + timeout_s
            return await self._http().request(
                "POST", f"{bot.url}/api/{name}", content=orjson.dumps(body), deadline_at=deadline_at
            )
