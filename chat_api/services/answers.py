"""Calling bots for stored messages: in order per (user, bot), each call owned here, each outcome committed.

Nobody has to wait for an answer: it outlives the request, the socket and the page. What outlives the process as well is
found by the next heartbeat, of whichever process, and marked interrupted.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from chat_api.clients.bots import BotConnector
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, DatabaseUnavailable, Interrupted, NotFound, RateLimited, ShuttingDown
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.text import cleaned
from chat_api.repositories import conversations
from chat_api.schemas.bots import BotAnswer
from chat_api.schemas.messages import EventKind, Exchange, StreamEvent, TypingEvent
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.lanes import Lanes
from models import MessageStatus

log = get_logger(__name__)
T = TypeVar("T")

MAX_ANSWER_CHARS = 100_000
MAX_WAITING_PER_LANE = 20
DEAD_AFTER_S = 30.0
COMMIT_RETRY_S = 120.0


@dataclass(slots=True)
class Place:
    """A place in a lane: the running exchange's, once there is one."""

    lane: tuple[str, str]
    is_running: bool = False


class AnswersService:
    """Has stored messages answered, and publishes what happens in their users' streams."""

    def __init__(
        self, database: Database, connector: BotConnector, registry: BotRegistry, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._database = database
        self._connector = connector
        self._registry = registry
        self._clock = clock
        self._lanes = Lanes()
        self._running: dict[UUID, asyncio.Task[Exchange]] = {}
        self._committing: set[UUID] = set()
        self._is_draining = False
        self.instance_id = new_id()
        self.events: Topic[StreamEvent | TypingEvent] = Topic("messages")

    # For those who store messages

    @asynccontextmanager
    async def admitted(self, user_id: str, bot_name: str, message_id: UUID) -> AsyncIterator[Place]:
        """A place in the bot's lane, and the sweep kept away, until the exchange runs or is refused.

        Raises: ShuttingDown, RateLimited.
        """
        if self._is_draining:
            raise ShuttingDown(retry_after_s=5)
        place = Place(lane=(user_id, bot_name))
        if not self._lanes.take(place.lane, limit=MAX_WAITING_PER_LANE):
            raise RateLimited("Too many messages are waiting for this bot.", retry_after_s=5)
        self._committing.add(message_id)
        try:
            yield place
        finally:
            self._committing.discard(message_id)
            if not place.is_running:
                self._lanes.leave(place.lane)

    def start(self, exchange: Exchange, place: Place, *, display_name: str) -> None:
        """Have a pending exchange answered in the background."""
        place.is_running = True
        task = asyncio.create_task(self._answer(exchange, display_name), name=f"answer-{exchange.message_id}")
        self._running[exchange.message_id] = task
        task.add_done_callback(lambda done: self._forget(exchange.message_id, place, done))

    async def wait(self, message_id: UUID) -> Exchange | None:
        """The finished exchange, waiting for it; ``None`` when it does not run in this process.

        A caller that hangs up cancels its own waiting, never the bot's answer.
        """
        task = self._running.get(message_id)
        return await asyncio.shield(task) if task is not None else None

    def publish(self, kind: EventKind, exchange: Exchange, *, seq: int) -> None:
        """Tell the user's listeners of something that was committed."""
        event = StreamEvent(user_id=exchange.user_id, seq=seq, kind=kind, exchange=exchange)
        self.events.publish(event, key=exchange.user_id)

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

    def _forget(self, message_id: UUID, place: Place, task: asyncio.Task[Exchange]) -> None:
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
            return await self._stored(exchange)
        log.info(
            "message_answered",
            user_id=exchange.user_id,
            bot_name=exchange.bot_name,
            message_length=len(exchange.content),
            processing_time=round(answer.processing_time_s, 4),
            success=True,
        )
        self.publish(EventKind.ANSWER, stored, seq=stored.response_seq or 0)
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
            return await self._stored(exchange)
        log.warning(
            "message_failed",
            user_id=exchange.user_id,
            bot_name=exchange.bot_name,
            code=error.code,
            detail=error.detail,
            success=False,
        )
        failed, seq = stored
        self.publish(EventKind.FAILED, failed, seq=seq)
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

    async def _stored(self, exchange: Exchange) -> Exchange:
        async with self._database.read() as connection:
            stored = await conversations.get(connection, exchange.user_id, exchange.message_id)
        if stored is None:
            raise NotFound("Unknown message.")
        return stored

    def _type(self, exchange: Exchange, *, is_typing: bool) -> None:
        event = TypingEvent(user_id=exchange.user_id, bot_name=exchange.bot_name, is_typing=is_typing)
        self.events.publish(event, key=exchange.user_id)
