"""The heart of the gateway: a message is stored, then acknowledged, then answered, and never lost or doubled.

``submit`` commits the user's message; a task of this service calls the bot, in order per (user, bot), commits the
answer and publishes it. Nobody has to wait for it: an answer outlives the request, the socket and the page.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from chat_api.clients.bots import BotConnector
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import (
    AppError,
    Conflict,
    DatabaseUnavailable,
    Interrupted,
    InvalidInput,
    NotFound,
    RateLimited,
    ShuttingDown,
    error_of,
)
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.text import check_text, cleaned
from chat_api.repositories import conversations
from chat_api.schemas.bots import BotAnswer
from chat_api.schemas.messages import (
    ConversationSummary,
    EventKind,
    Exchange,
    MessagePage,
    StreamEvent,
    Submission,
    TypingEvent,
)
from chat_api.schemas.principals import Permission, Principal
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


@dataclass(slots=True)
class _Place:
    """A place in a lane: the running exchange's, once there is one."""

    lane: tuple[str, str]
    is_running: bool = False


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
        connector: BotConnector,
        registry: BotRegistry,
        limits: RateLimits,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._connector = connector
        self._registry = registry
        self._limits = limits
        self._clock = clock
        self._lanes = Lanes()
        self._keys = Lanes()
        self._running: dict[UUID, asyncio.Task[Exchange]] = {}
        self._committing: set[UUID] = set()
        self._is_draining = False
        self.instance_id = new_id()
        self.events: Topic[StreamEvent | TypingEvent] = Topic("messages")

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
        task = self._running.get(exchange.message_id)
        if task is not None:
            # Shielded: a caller that hangs up cancels its own waiting, never the bot's answer.
            exchange = await asyncio.shield(task)
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
        async with self._admitted(principal.user_id, exchange.bot_name, message_id) as place:
            async with self._database.statement() as connection:
                reopened = await conversations.reopen(connection, exchange, instance_id=self.instance_id)
            if reopened is None:
                return await self._get(principal.user_id, message_id)
            exchange, seq = reopened
            self._publish(EventKind.RETRIED, exchange, seq=seq)
            self._start(exchange, place, display_name=principal.display_name)
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

    # Life of the process

    async def beat(self) -> None:
        """Say that this process lives, and mark what nobody answers any more as interrupted.

        That is what dead processes left behind, and what of our own was committed although the reply was lost.
        """
        async with self._database.write() as connection:
            await conversations.beat(connection, self.instance_id)
            pending = await conversations.orphans(connection, own_id=self.instance_id, dead_after_s=DEAD_AFTER_S)
        for exchange in pending:
            if exchange.message_id in self._running or exchange.message_id in self._committing:
                continue
            await self._fail(exchange, Interrupted(), status=MessageStatus.INTERRUPTED)

    async def drain(self, *, timeout_s: float) -> None:
        """Accept nothing more and finish what runs; what does not finish in time is marked interrupted."""
        self._is_draining = True
        running = list(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def running_count(self) -> int:
        """How many messages are being answered, or wait for their turn, in this process."""
        return len(self._running)

    # One exchange

    async def _accept(self, draft: _Draft) -> Submission:
        message_id = new_id()
        async with self._admitted(draft.principal.user_id, draft.bot_name, message_id) as place:
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
                        instance_id=self.instance_id,
                    )
            except IntegrityError:
                # Another process stored the twin between our look and our write.
                twin = await self._twin(draft)
                if twin is None:
                    raise
                return Submission(exchange=twin, is_duplicate=True)
            self._publish(EventKind.MESSAGE, exchange, seq=exchange.seq)
            self._start(exchange, place, display_name=draft.principal.display_name)
        return Submission(exchange=exchange, is_duplicate=False)

    @asynccontextmanager
    async def _admitted(self, user_id: str, bot_name: str, message_id: UUID) -> AsyncIterator[_Place]:
        """A place in the bot's lane, and the sweep kept away, until the exchange runs or is refused.

        Raises: ShuttingDown, RateLimited.
        """
        if self._is_draining:
            raise ShuttingDown(retry_after_s=5)
        place = _Place(lane=(user_id, bot_name))
        if not self._lanes.take(place.lane, limit=MAX_WAITING_PER_LANE):
            raise RateLimited("Too many messages are waiting for this bot.", retry_after_s=5)
        self._committing.add(message_id)
        try:
            await self._limits.hit(user_id)
            yield place
        finally:
            self._committing.discard(message_id)
            if not place.is_running:
                self._lanes.leave(place.lane)

    def _start(self, exchange: Exchange, place: _Place, *, display_name: str) -> None:
        place.is_running = True
        task = asyncio.create_task(self._answer(exchange, display_name), name=f"answer-{exchange.message_id}")
        self._running[exchange.message_id] = task
        task.add_done_callback(lambda done: self._forget(exchange.message_id, place, done))

    def _forget(self, message_id: UUID, place: _Place, task: asyncio.Task[Exchange]) -> None:
        self._running.pop(message_id, None)
        self._lanes.leave(place.lane)
        if not task.cancelled() and task.exception() is not None:
            # Its outcome could not be stored: the next sweep, ours or another process's, marks it interrupted.
            log.error("answer_not_stored", message_id=str(message_id), error=type(task.exception()).__name__)

    async def _answer(self, exchange: Exchange, display_name: str) -> Exchange:
        try:
            async with self._lanes.turn((exchange.user_id, exchange.bot_name)):
                return await self._call_bot(exchange, display_name)
        except asyncio.CancelledError:
            await asyncio.shield(self._fail(exchange, Interrupted(), status=MessageStatus.INTERRUPTED))
            raise
        except Exception:
            log.exception("answer_failed", user_id=exchange.user_id, bot_name=exchange.bot_name)
            return await self._fail(exchange, Interrupted(), status=MessageStatus.INTERRUPTED)

    async def _call_bot(self, exchange: Exchange, display_name: str) -> Exchange:
        self._type(exchange, is_typing=True)
        try:
            bot = self._registry.get(exchange.bot_name)
            answer = await self._connector.send_message_to_bot(
                bot, user_id=exchange.user_id, message=exchange.content, user_name=display_name
            )
        except AppError as error:
            return await self._fail(exchange, error)
        finally:
            self._type(exchange, is_typing=False)
        return await self._store_answer(exchange, answer)

    async def _store_answer(self, exchange: Exchange, answer: BotAnswer) -> Exchange:
        response_id, answered_at = new_id(), self._clock.now()

        async def store() -> Exchange | None:
            async with self._database.statement() as connection:
                return await conversations.answer(
                    connection,
                    exchange,
                    response=cleaned(answer.text, max_chars=MAX_ANSWER_CHARS),
                    response_id=response_id,
                    processing_time_s=answer.processing_time_s,
                    answered_at=answered_at,
                    metadata=answer.metadata,
                )

        stored = await self._insist(store)
        if stored is None:  # Somebody else finished it, or this very commit went through before its reply was lost.
            return await self._get(exchange.user_id, exchange.message_id)
        log.info(
            "message_answered",
            user_id=exchange.user_id,
            bot_name=exchange.bot_name,
            message_length=len(exchange.content),
            processing_time=round(answer.processing_time_s, 4),
            success=True,
        )
        self._publish(EventKind.ANSWER, stored, seq=stored.response_seq or 0)
        return stored

    async def _fail(
        self, exchange: Exchange, error: AppError, *, status: MessageStatus = MessageStatus.FAILED
    ) -> Exchange:
        async def store() -> tuple[Exchange, int] | None:
            async with self._database.statement() as connection:
                return await conversations.fail(
                    connection, exchange, status=status, error_code=error.code, at=self._clock.now()
                )

        stored = await self._insist(store)
        if stored is None:
            return await self._get(exchange.user_id, exchange.message_id)
        log.warning(
            "message_failed",
            user_id=exchange.user_id,
            bot_name=exchange.bot_name,
            code=error.code,
            detail=error.detail,
            success=False,
        )
        failed, seq = stored
        self._publish(EventKind.FAILED, failed, seq=seq)
        return failed

    async def _insist(self, store: Callable[[], Awaitable[T]]) -> T:
        """Run a write until the database takes it: the bot has spoken, and cannot be asked again.

        Safe to repeat: a finished exchange is not finished twice.
        """
        deadline = self._clock.monotonic_s() + COMMIT_RETRY_S
        wait_s = 0.1
        while True:
            try:
                return await store()
            except DatabaseUnavailable:
                if self._is_draining or self._clock.monotonic_s() > deadline:
                    raise
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, 2.0)

    # Helpers

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

    def _publish(self, kind: EventKind, exchange: Exchange, *, seq: int) -> None:
        event = StreamEvent(user_id=exchange.user_id, seq=seq, kind=kind, exchange=exchange)
        self.events.publish(event, key=exchange.user_id)

    def _type(self, exchange: Exchange, *, is_typing: bool) -> None:
        event = TypingEvent(user_id=exchange.user_id, bot_name=exchange.bot_name, is_typing=is_typing)
        self.events.publish(event, key=exchange.user_id)
