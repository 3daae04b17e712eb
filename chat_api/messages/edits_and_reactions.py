"""What owners can do to their messages: edit, delete, react, mark as read. Each change is a stream event."""

import unicodedata
from collections.abc import Mapping
from uuid import UUID

from chat_api.core.database import Database
from chat_api.core.errors import Conflict, InvalidInput, NotFound
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from chat_api.core.rate_limits import RateLimits
from chat_api.core.text import check_text, with_plain_line_ends
from chat_api.fleet.registry import BotRegistry
from chat_api.messages import edits_and_reactions_repository as edits
from chat_api.messages import repository as conversations
from chat_api.messages.feeds import Feeds
from chat_api.messages.schemas import EventKind, Exchange, MessageDetails, StreamEvent
from chat_api.messages.service import MAX_MESSAGE_CHARS
from chat_api.settings.feature_flags import FeatureFlags
from chat_api.settings.schemas import Feature

MAX_EMOJI_CHARS = 32
MAX_REACTIONS = 20
_EMOJI_CATEGORIES = frozenset({"So", "Sk", "Sm", "Mn", "Me", "Cf", "Cn"})


class EditsService:
    """Changes stored messages on behalf of their owners."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        feeds: Feeds,
        limits: RateLimits,
        *,
        feature_flags: FeatureFlags | None = None,
    ) -> None:
        self._feature_flags = feature_flags or FeatureFlags()
        self._database = database
        self._registry = registry
        self._feeds = feeds
        self._limits = limits

    async def details(self, principal: Principal, message_id: UUID) -> MessageDetails:
        """One message or answer. Raises: NotFound."""
        principal.require(Permission.READ_HISTORY)
        exchange = await self._found(principal, message_id)
        reactions = await edits.reactions(self._database, message_id)
        answer = exchange.answer(reactions=reactions) if exchange.message_id != message_id else None
        if answer is not None:
            return MessageDetails.of(answer, ())
        versions = await edits.versions(self._database, message_id)
        return MessageDetails.of(exchange.question(reactions=reactions), versions)

    async def edit(self, principal: Principal, message_id: UUID, *, content: str, version: int) -> Exchange:
        """Change the text of one's own message; the bot is not asked again.

        Raises: FeatureOff, NotFound, InvalidInput; Conflict with ``current_version`` when it is not the version that
        was edited.
        """
        principal.require(Permission.READ_HISTORY)  # what it said before is told with it
        self._feature_flags.require(Feature.EDITING)
        text = check_text(with_plain_line_ends(content), field="content", max_chars=MAX_MESSAGE_CHARS)
        exchange = await self._find(principal, message_id)
        if exchange.message_id != message_id:
            raise InvalidInput("only your own messages can be edited", field="message_id")
        await self._limits.hit_principal(principal)
        edited = await edits.edit(self._database, principal.user_id, message_id, version=version, content=text)
        if edited is None:
            current = await self._find(principal, message_id)
            raise Conflict("The message has changed in the meantime.", extra={"current_version": current.version})
        return self._tell(EventKind.EDITED, *edited, {"version": edited[0].version})

    async def delete(self, principal: Principal, message_id: UUID) -> Exchange:
        """Erase the text of a message or of an answer. Raises: NotFound; Conflict while it is being answered."""
        exchange = await self._find(principal, message_id)
        await self._limits.hit_principal(principal)
        if exchange.message_id != message_id:
            erased = await edits.delete_answer(self._database, exchange)
        else:
            erased = await edits.delete_message(self._database, principal.user_id, message_id)
        if erased is None:
            await self._find(principal, message_id)
            raise Conflict("This message is still being answered.")
        return self._tell(EventKind.DELETED, *erased, {"message_id": str(message_id)})

    async def react(self, principal: Principal, message_id: UUID, emoji: str) -> None:
        """Add an emoji to a message or answer, once. Raises: NotFound, InvalidInput, Conflict (too many)."""
        self._feature_flags.require(Feature.REACTIONS)
        sign = checked_emoji(emoji)
        exchange = await self._find(principal, message_id)
        await self._limits.hit_principal(principal)
        seq = await edits.react(self._database, exchange, message_id, sign, limit=MAX_REACTIONS)
        if seq is not None:
            payload = {"message_id": str(message_id), "emoji": sign, "action": "added"}
            self._tell(EventKind.REACTION, exchange, seq, payload)
        elif sign not in await edits.reactions(self._database, message_id):
            raise Conflict(_("A message can have at most {count} reactions.", count=MAX_REACTIONS))

    async def unreact(self, principal: Principal, message_id: UUID, emoji: str) -> None:
        """Remove an emoji; removing one that isn't there is no error. Raises: NotFound, InvalidInput."""
        sign = checked_emoji(emoji)
        exchange = await self._find(principal, message_id)
        await self._limits.hit_principal(principal)
        seq = await edits.unreact(self._database, exchange, message_id, sign)
        if seq is not None:
            payload = {"message_id": str(message_id), "emoji": sign, "action": "removed"}
            self._tell(EventKind.REACTION, exchange, seq, payload)

    async def mark_read(self, principal: Principal, bot_name: str, *, up_to: int) -> None:
        """Mark all answers up to a position in the stream as read; the mark only moves forward. Raises: NotFound."""
        principal.require(Permission.READ_HISTORY)
        bot = self._registry.get(bot_name)
        principal.require_bot(bot.name)
        await self._limits.hit_principal(principal)
        marked = await edits.mark_read(self._database, principal.user_id, bot.name, up_to=up_to)
        if marked is not None:
            seq, mark = marked
            payload = {"bot_name": bot.name, "up_to": mark}
            event = StreamEvent(user_id=principal.user_id, seq=seq, kind=EventKind.READ, payload=payload)
            self._feeds.publish([event])

    async def _find(self, principal: Principal, message_id: UUID) -> Exchange:
        """A message to change. Raises: NotFound."""
        principal.require(Permission.CHAT)
        return await self._found(principal, message_id)

    async def _found(self, principal: Principal, message_id: UUID) -> Exchange:
        """A missing, a deleted and somebody else's message look the same to the caller."""
        exchange = await conversations.find(self._database, principal.user_id, message_id)
        if exchange is None:
            raise NotFound("Unknown message.")
        is_answer = exchange.message_id != message_id
        if exchange.is_response_deleted if is_answer else exchange.is_deleted:
            raise NotFound("Unknown message.")
        principal.require_bot(exchange.bot_name)
        return exchange

    def _tell(self, kind: EventKind, exchange: Exchange, seq: int, payload: Mapping[str, object]) -> Exchange:
        event = StreamEvent(user_id=exchange.user_id, seq=seq, kind=kind, exchange=exchange, payload=payload)
        self._feeds.publish([event])
        return exchange


def checked_emoji(emoji: str) -> str:
    """One emoji, as it may be stored. Raises: InvalidInput.

    Only emoji with their modifiers and joiners, and keycaps: nothing that could spell words.
    """
    signs = [character for character in emoji if character not in "0123456789#*"]
    if (
        not 1 <= len(emoji) <= MAX_EMOJI_CHARS
        or not signs
        or not all(unicodedata.category(sign) in _EMOJI_CATEGORIES for sign in signs)
        or any(unicodedata.bidirectional(sign) in {"LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI"} for sign in signs)
    ):
        raise InvalidInput("one emoji", field="emoji")
    return emoji
