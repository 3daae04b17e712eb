"""The heart of the gateway: a message is stored, then acknowledged, then answered, and never lost or doubled."""

import hashlib
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from chat_api.core.database import Database
from chat_api.core.errors import (
    Conflict,
    Interrupted,
    InvalidInput,
    NotFound,
    error_of,
)
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.text import check_text
from chat_api.repositories import conversations
from chat_api.schemas.messages import (
    ConversationSummary,
    EventKind,
    Exchange,
    MessagePage,
    Submission,
)
from chat_api.schemas.principals import Permission, Principal
from chat_api.services.answers import AnswersService
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.lanes import Lanes
from chat_api.services.limits import RateLimits
from models import MessageStatus, MessageType

log = get_logger(__name__)
T = TypeVar("T")

MAX_MESSAGE_CHARS = 4000  # Source: specification, POST /api/chat.
MAX_ANSWER_CHARS = 100_000
MAX_CLIENT_ID_CHARS = 100
MAX_PAGE = 200
MAX_WAITING_PER_LANE = 20
DEAD_AFTER_S = 30.0
COMMIT_RETRY_S = 120.0
_LAST = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A checked message that is not stored yet."""

    principal: Principal
    bot_name: str
    content: str
    message_type: str
    client_msg_id: str | None
    request_hash: bytes


class MessagesService:
    """Accepts messages, has them answered, and tells what was said."""

    def __init__(
        self,
        database: Database,
        answers: AnswersService,
        registry: BotRegistry,
        limits: RateLimits,
    ) -> None:
        self._database = database
        self._answers = answers
        self._registry = registry
        self._limits = limits
        self._keys = Lanes()
        self.events = answers.events

    # Sending

    async def send(
        self,
        principal: Principal,
        *,
        bot_name: str,
        content: str,
        client_msg_id: str | None = None,
        message_type: str = MessageType.TEXT,
    ) -> Exchange:
        """Submit a message and wait for its answer.

        Raises: what :meth:`submit` does; then BotFailed, BotUnavailable, BotBusy, BotTimeout or Interrupted with the
        stored ``message_id`` in ``extra``.
        """
        submission = await self.submit(
            principal,
            bot_name=bot_name,
            content=content,
            client_msg_id=client_msg_id,
            message_type=message_type,
        )
        return await self.result(submission.exchange)

    async def submit(
        self,
        principal: Principal,
        *,
        bot_name: str,
        content: str,
        client_msg_id: str | None = None,
        message_type: str = MessageType.TEXT,
    ) -> Submission:
        """Store a message and have it answered in the background.

        A known ``client_msg_id`` gives the stored exchange and calls no bot.
        Raises: NotFound (bot), InvalidInput, RateLimited, ShuttingDown, DatabaseUnavailable: nothing was stored.
        """
        principal.require(Permission.CHAT)
        bot = self._registry.get(bot_name)
        text = check_text(content, field="content", max_chars=MAX_MESSAGE_CHARS)
        if message_type not in set(MessageType):
            raise InvalidInput("message_type: must be text, voice or image")
        draft = _Draft(
            principal=principal,
            bot_name=bot.name,
            content=text,
            message_type=message_type,
            client_msg_id=client_msg_id,
            request_hash=hashlib.sha256("\0".join((bot.name, message_type, text)).encode()).digest(),
        )
        if client_msg_id is None:
            return await self._accept(draft)
        check_text(client_msg_id, field="client_msg_id", max_chars=MAX_CLIENT_ID_CHARS)
        # Twins that come at once go one by one: the first is stored, the others find it, and cost no limit.
        async with self._keys.queue((principal.user_id, client_msg_id)):
            twin = await self._twin(draft)
            return Submission(exchange=twin, is_duplicate=True) if twin else await self._accept(draft)

    async def result(self, exchange: Exchange) -> Exchange:
        """Wait for the answer to a stored message.

        Raises: the typed failure it ended with, or Conflict when another process is still at it.
        """
        finished = await self._answers.wait(exchange.message_id)
        if finished is not None:
            exchange = finished
        elif exchange.status is MessageStatus.PENDING:
            exchange = await self._get(exchange.user_id, exchange.message_id)
        if exchange.status is MessageStatus.ANSWERED:
            return exchange
        extra = {"message_id": str(exchange.message_id)}
        if exchange.status is MessageStatus.PENDING:
            raise Conflict("This message is still being answered.", extra=extra)
        raise error_of(exchange.error_code or Interrupted.code)(extra=extra)

    async def retry(self, principal: Principal, message_id: UUID) -> Exchange:
        """Have a failed or interrupted message answered again; one that is not failed is returned as it is.

        Raises: NotFound, RateLimited, ShuttingDown.
        """
        principal.require(Permission.CHAT)
        exchange = await self._get(principal.user_id, message_id)
        self._registry.get(exchange.bot_name)
        async with self._answers.admitted(principal.user_id, exchange.bot_name, message_id) as place:
            await self._limits.hit(principal.user_id)
            async with self._database.statement() as connection:
                reopened = await conversations.reopen(connection, exchange, instance_id=self._answers.instance_id)
            if reopened is None:
                return await self._get(principal.user_id, message_id)
            exchange, seq = reopened
            self._answers.publish(EventKind.RETRIED, exchange, seq=seq)
            self._answers.start(exchange, place, display_name=principal.display_name)
        return exchange

    # Reading

    async def history(
        self, principal: Principal, bot_name: str, *, before: int | None = None, limit: int = 50
    ) -> MessagePage:
        """One page of a conversation, newest first. Raises: NotFound (bot), InvalidInput (limit)."""
        principal.require(Permission.CHAT)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit: 1 to {MAX_PAGE}")
        bot = self._registry.get(bot_name)
        async with self._database.read() as connection:
            messages = await conversations.page(
                connection, principal.user_id, bot.name, before=min(before or _LAST, _LAST), limit=limit + 1
            )
        shown = messages[:limit]
        return MessagePage(messages=shown, next_before=shown[-1].seq if len(messages) > limit else None)

    async def conversations(self, principal: Principal) -> tuple[ConversationSummary, ...]:
        """The bots this user has talked with, the most recent first."""
        principal.require(Permission.CHAT)
        async with self._database.read() as connection:
            return await conversations.summaries(connection, principal.user_id)

    # Inside

    async def _accept(self, draft: _Draft) -> Submission:
        message_id = new_id()
        async with self._answers.admitted(draft.principal.user_id, draft.bot_name, message_id) as place:
            await self._limits.hit(draft.principal.user_id)
            try:
                async with self._database.statement() as connection:
                    exchange = await conversations.insert(
                        connection,
                        exchange_id=message_id,
                        user_id=draft.principal.user_id,
                        bot_name=draft.bot_name,
                        content=draft.content,
                        message_type=draft.message_type,
                        client_msg_id=draft.client_msg_id,
                        request_hash=draft.request_hash,
                        instance_id=self._answers.instance_id,
                    )
            except IntegrityError:
                # Another process stored the twin between our look and our write.
                twin = await self._twin(draft)
                if twin is None:
                    raise
                return Submission(exchange=twin, is_duplicate=True)
            self._answers.publish(EventKind.MESSAGE, exchange, seq=exchange.seq)
            self._answers.start(exchange, place, display_name=draft.principal.display_name)
        return Submission(exchange=exchange, is_duplicate=False)

    async def _twin(self, draft: _Draft) -> Exchange | None:
        async with self._database.read() as connection:
            found = await conversations.find_twin(connection, draft.principal.user_id, draft.client_msg_id or "")
        if found is None:
            return None
        exchange, stored_hash = found
        if stored_hash != draft.request_hash:
            raise InvalidInput("client_msg_id: was used for another message")
        return exchange

    async def _get(self, user_id: str, message_id: UUID) -> Exchange:
        async with self._database.read() as connection:
            exchange = await conversations.get(connection, user_id, message_id)
        if exchange is None:
            raise NotFound("Unknown message.")
        return exchange
