"""What bots know of a person: shown to administrators for a reason that is recorded, and to people of themselves."""

from collections.abc import Iterable, Sequence
from functools import partial

from chat_api.audit.service import AuditService
from chat_api.bots.knowledge_answers import NotOffered
from chat_api.bots.schemas import BotSpec
from chat_api.core.errors import BotFailed, NotFound, Upstream
from chat_api.core.language import N_
from chat_api.core.principals import Permission, Principal
from chat_api.core.rate_limits import RateLimits
from chat_api.core.tally import Tally
from chat_api.fleet.registry import BotRegistry
from chat_api.memories.bots import PersonAtBots, Told, together
from chat_api.memories.known_as import KnownAs
from chat_api.memories.schemas import BotKnows, BotMemories, PersonMemories
from chat_api.people.schemas import person_reference
from chat_api.people.service import checked_reason

# A page waits for it; a bot that takes longer is named among those that did not answer.
ASK_LIMIT_S = 20.0
BOTS_AT_ONCE = 16
MAX_ASKING = 8


class MemoriesService:
    """Asks bots what they know of a person."""

    def __init__(
        self,
        registry: BotRegistry,
        at_bots: PersonAtBots,
        known_as: KnownAs,
        audit: AuditService,
        limits: RateLimits,
        *,
        limit_s: float = ASK_LIMIT_S,
    ) -> None:
        self._registry = registry
        self._at_bots = at_bots
        self._known_as = known_as
        self._audit = audit
        self._limits = limits
        self._limit_s = limit_s
        self._asking = Tally(1, total=MAX_ASKING)

    async def of_person(
        self, principal: Principal, user_id: str, *, reason: str, bot_name: str | None = None
    ) -> PersonMemories:
        """What all bots, or one, know of somebody; each look is a line of the audit trail, with the reason.

        Raises: NotFound, InvalidInput (no reason), PermissionDenied, NotAuthenticated, RateLimited.
        """
        target = person_reference(user_id)
        await self._audit.require(principal, Permission.READ_CONVERSATIONS, target)
        because = checked_reason(reason)
        specs = self._specs(bot_name)
        ids = await self._known_as.of(user_id)
        await self._limits.memory_request(principal.user_id)
        details = {"reason": because, "bot_name": bot_name}
        await self._audit.record(principal, "memories.read", target, details=details)
        return await self._asked(principal, specs, ids)

    async def own(self, principal: Principal, *, bot_name: str | None = None) -> PersonMemories:
        """What all bots, or one, know of the person who asks.

        Raises: NotFound (the bot), PermissionDenied, RateLimited.
        """
        principal.require(Permission.CHAT)
        specs = self._specs(bot_name)
        await self._limits.memory_request(principal.user_id)
        return await self._asked(principal, specs, await self._known_as.own(principal.user_id))

    def _specs(self, bot_name: str | None) -> tuple[BotSpec, ...]:
        return (self._registry.get(bot_name),) if bot_name is not None else self._registry.all()

    async def _asked(self, principal: Principal, specs: Sequence[BotSpec], ids: tuple[str, ...]) -> PersonMemories:
        with self._asking.holding(principal.user_id, refusal=N_("Wait until the bots have answered.")):
            calls = {spec.name: partial(self._one, spec, ids) for spec in specs}
            told = await together(calls, at_once=BOTS_AT_ONCE, limit_s=self._limit_s)
        bots = tuple(told.get(spec.name) or _silent(spec, BotKnows.NOT_REACHED) for spec in specs)
        silent = {BotKnows.NOT_REACHED, BotKnows.FAILED}
        return PersonMemories(
            bot_user_ids=ids, bots=bots, not_answered=tuple(bot.bot_name for bot in bots if bot.knows in silent)
        )

    async def _one(self, spec: BotSpec, ids: Iterable[str]) -> BotMemories:
        try:
            bot = await self._at_bots.find(spec.name)
            return _memories(bot, [await self._at_bots.ask(bot, user_id) for user_id in ids])
        except NotOffered:
            return _silent(spec, BotKnows.UNSUPPORTED)
        except BotFailed:
            return _silent(spec, BotKnows.FAILED)
        except (Upstream, NotFound):
            return _silent(spec, BotKnows.NOT_REACHED)


def _silent(spec: BotSpec, knows: BotKnows) -> BotMemories:
    return BotMemories(bot_name=spec.name, display_name=spec.display_name, emoji=spec.emoji, knows=knows)


def _memories(spec: BotSpec, told: Sequence[Told]) -> BotMemories:
    """Put together what a bot told under several ids; trust is that of the one that it has an opinion of."""
    closest = max(told, key=lambda one: abs(one.state.trust_score or 0))
    memories = tuple(dict.fromkeys(memory for one in told for memory in one.state.memories))
    facts = tuple(dict.fromkeys(fact for one in told for fact in one.state.facts))
    relations = tuple(dict.fromkeys(relation for one in told for relation in one.relations or ()))
    counts = [one.state.memory_count for one in told if one.state.memory_count is not None]
    knows_something = bool(memories or facts or relations or closest.state.trust_score or sum(counts))
    return BotMemories(
        bot_name=spec.name,
        display_name=spec.display_name,
        emoji=spec.emoji,
        knows=BotKnows.SOMETHING if knows_something else BotKnows.NOTHING,
        trust_score=closest.state.trust_score,
        trust_level=closest.state.trust_level,
        memory_count=sum(counts) if counts else None,
        memories=memories,
        facts=facts,
        relations=relations,
        is_graph_available=all(one.relations is not None for one in told),
    )
