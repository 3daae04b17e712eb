"""The calls to one bot about one person, under every id that it may know them by. What fails says how."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chat_api.bots.knowledge import BotKnowledge
from chat_api.bots.knowledge_answers import NotOffered
from chat_api.bots.knowledge_schemas import Cleared, Relation, UserState
from chat_api.bots.schemas import BotSpec
from chat_api.core.errors import Upstream
from chat_api.fleet.identity import BotIdentities
from models import MemoryPart

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a bot tells of a person under one id. ``relations`` is ``None`` when it has no graph to look into now."""

    user_id: str
    state: UserState
    relations: tuple[Relation, ...] | None

    def shows(self, part: MemoryPart) -> bool | None:
        """Whether there is anything of a part; ``None`` when that cannot be seen."""
        if part is MemoryPart.MEMORIES:
            return self.state.has_memories
        if part is MemoryPart.TRUST:
            return bool(self.state.trust_score)
        if self.state.facts:
            return True
        if self.relations is None:
            return None
        return any(self.user_id in {relation.source, relation.target} for relation in self.relations)


class PersonAtBots:
    """Asks bots, and has them forget; never another bot than the one that is meant."""

    def __init__(self, identities: BotIdentities, knowledge: BotKnowledge) -> None:
        self._identities = identities
        self._knowledge = knowledge

    async def find(self, bot_name: str) -> BotSpec:
        """The bot at its address. Raises: BotMisaddressed, NotFound."""
        return await self._identities.require(bot_name)

    async def ask(self, bot: BotSpec, user_id: str) -> Told:
        """All that a bot tells of one id. Raises: NotOffered, BotUnavailable, BotTimeout, BotFailed."""
        return Told(
            user_id=user_id,
            state=await self._knowledge.state(bot, user_id),
            relations=await self._relations(bot, user_id),
        )

    async def clear(self, bot: BotSpec, user_id: str, parts: Iterable[MemoryPart]) -> Cleared:
        """See :meth:`BotKnowledge.clear`."""
        return await self._knowledge.clear(bot, user_id, parts)

    async def _relations(self, bot: BotSpec, user_id: str) -> tuple[Relation, ...] | None:
        try:
            return await self._knowledge.graph(bot, user_id)
        except NotOffered:
            return ()  # it tells all that it has in its state
        except Upstream:
            return None


async def together(calls: Mapping[K, Callable[[], Awaitable[T]]], *, at_once: int, limit_s: float) -> dict[K, T]:
    """Make calls side by side, some at once, for so long; what is not done by then is left out.

    No call may raise anything but what is a bug.
    """
    turns = asyncio.Semaphore(at_once)

    async def made(call: Callable[[], Awaitable[T]]) -> T:
        async with turns:
            return await call()

    tasks = {key: asyncio.create_task(made(call)) for key, call in calls.items()}
    if not tasks:
        return {}
    try:
        await asyncio.wait(tasks.values(), timeout=limit_s)
        return {key: task.result() for key, task in tasks.items() if task.done()}
    finally:
        await _ended(list(tasks.values()))


async def _ended(tasks: Sequence[asyncio.Task[T]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
