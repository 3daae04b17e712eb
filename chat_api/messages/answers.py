"""Calling bots for stored messages: in order per (user, bot), each call owned here, each outcome committed.

A call outlives the request, socket and page that started it. One whose process dies is found by the next heartbeat of
any process and marked as interrupted.
"""

import asyncio
import contextlib
import logging
import math
from contextvars import Context
from typing import Any
from uuid import UUID

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, DatabaseUnavailable, Interrupted, RateLimited, ShuttingDown
from chat_api.core.ids import new_id
from chat_api.core.keyed_locks import KeyedLocks
from chat_api.core.logging import get_logger, is_logged
from chat_api.core.pubsub import PubSub
from chat_api.fleet.identity import BotIdentities
from chat_api.messages import runs_repository as runs
from chat_api.messages import writes_repository as writes
from chat_api.messages.feeds import Feeds
from chat_api.messages.outcomes import Outcomes
from chat_api.messages.runs import Run, Slot, abandoned
from chat_api.messages.schemas import EventKind, Exchange, Outcome
from chat_api.people.bot_users import BotUser

log = get_logger(__name__)

MAX_WAITING_PER_QUEUE = 20
DEAD_AFTER_S = 30.0
# Pieces of a streamed answer that arrive this close together are sent as one. Source: protocol, "25-50 ms".
DELTA_EVERY_S = 0.04
# Other processes and clients that sent a hello get a typing event only if the bot takes this long.
TYPING_SENT_AFTER_S = 0.1
OTHERS_EVERY_S = 0.2
STORING_S = 0.01
STOP = "stop"


class AnswersService:
    """Gets stored messages answered and publishes what happens to their users' feeds."""

    def __init__(
        self,
        database: Database,
        identities: BotIdentities,
        feeds: Feeds,
        pubsub: PubSub,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._identities = identities
        self._feeds = feeds
        self._pubsub = pubsub
        self._clock = clock
        self._queues = KeyedLocks()
        self._running: dict[UUID, Run] = {}
        self._slots: dict[UUID, Slot] = {}
        self._outcomes = Outcomes(database, feeds, clock=clock)
        # Users whose messages another process may be answering too.
        self._shared_users: set[str] = set()
        self._beaten_s = -math.inf
        self.is_draining = False
        self.instance_id = new_id()
        pubsub.subscribe(STOP, self._on_stop)

    # For the services that store messages

    def admit(self, user_id: str, bot_name: str, message_id: UUID) -> Slot:
        """Reserve a slot in the queue of this user and bot; until it is released the sweep skips the message.

        Raises: ShuttingDown, RateLimited.
        """
        if self.is_draining:
            raise ShuttingDown(retry_after_s=5)
        slot = Slot(queue_key=(user_id, bot_name), message_id=message_id)
        if not self._queues.take(slot.queue_key, limit=MAX_WAITING_PER_QUEUE):
            raise RateLimited("Too many messages are waiting for this bot.", retry_after_s=5)
        self._slots[message_id] = slot
        return slot

    def release(self, slot: Slot) -> None:
        """Release the slot of a message that was not stored; does nothing if the message has already run."""
        if slot.is_released:
            return
        slot.is_released = True
        self._queues.leave(slot.queue_key)
        if self._slots.get(slot.message_id) is slot:  # otherwise the message has been restarted in the meantime
            del self._slots[slot.message_id]

    def start(
        self,
        exchange: Exchange,
        slot: Slot,
        *,
        bot_user: BotUser,
        is_shared: bool = False,
        context: Context | None = None,
    ) -> None:
        """Start answering a pending exchange in the background, in the context of its request."""
        loop = asyncio.get_running_loop()
        run = Run(exchange, slot, bot_user, loop.create_future())
        if is_shared:
            self._shared_users.add(exchange.user_id)
        self._running[exchange.message_id] = run
        run.task = loop.create_task(self._answer(run), context=context)
        run.task.add_done_callback(lambda done: self._finished_run(run, done))

    async def wait(self, message_id: UUID) -> Exchange | None:
        """Wait for an exchange to finish and return it; ``None`` if it is not running in this process.

        If the caller hangs up, only its wait is cancelled, never the call of the bot.
        """
        run = self._running.get(message_id)
        return await asyncio.shield(run.done) if run is not None else None

    async def stop(self, user_id: str, message_id: UUID) -> bool:
        """Stop the call for a message in whichever process runs it; returns whether it was running.

        The request is stored, so the running process sees it within one heartbeat even if pub/sub is down.
        """
        if not await runs.request_stop(self._database, user_id, message_id):
            return False
        self._stop_here(message_id)
        self._pubsub.publish(STOP, str(message_id))
        return True

    # Process lifecycle

    async def heartbeat(self) -> None:
        """Record that this process is alive, stop the calls that should stop, and finish abandoned messages.

        Partial answers are saved so that they survive this process. Abandoned messages are those of dead processes, and
        our own whose commit succeeded although its reply was lost.
        """
        for message_id in await runs.heartbeat(self._database, self.instance_id):
            self._stop_here(message_id)
        parts = [part for run in self._running.values() if (part := run.part()) is not None]
        if parts:
            await runs.keep_parts(self._database, parts)
        # After a database outage the other processes could not send heartbeats either: give them time to.
        was_away = self._clock.monotonic_s() - self._beaten_s > DEAD_AFTER_S / 2
        self._beaten_s = self._clock.monotonic_s()
        if was_away:
            return
        for exchange in await runs.orphans(self._database, own_id=self.instance_id, dead_after_s=DEAD_AFTER_S):
            if exchange.message_id not in self._running and exchange.message_id not in self._slots:
                self._log_failure(exchange, Interrupted())
                said = exchange.response if exchange.response_seq is None else ""
                await self._outcomes.finalize(exchange, abandoned(exchange, said, exchange.response_id))

    async def prune_dead(self) -> None:
        """Delete the records of processes that have been dead for a day."""
        await runs.prune_instances(self._database)

    async def drain(self, *, timeout_s: float) -> None:
        """Stop accepting messages and let running calls finish; mark the rest as interrupted when time is up."""
        self.is_draining = self._outcomes.is_draining = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while self._slots and loop.time() < deadline:
            # A message that is just being stored already has its slot, and will run.
            tasks = self._tasks() or [loop.create_task(asyncio.sleep(STORING_S))]
            await asyncio.wait(tasks, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED)
        late = self._tasks()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._outcomes.close()

    def _tasks(self) -> list["asyncio.Task[None]"]:
        return [run.task for run in self._running.values() if run.task is not None]

    async def tell_typing(self) -> None:
        """Publish typing events for bots that take a while; one loop for all of them instead of a timer each."""
        now_s = asyncio.get_running_loop().time()
        for run in self._running.values():
            if run.asked_s is not None and not run.is_typing_sent and now_s - run.asked_s > TYPING_SENT_AFTER_S:
                run.is_typing_sent = True
                self._feeds.publish_live(run.typing(True, is_lasting=True))

    @property
    def running_count(self) -> int:
        """How many messages are being answered or queued in this process."""
        return len(self._running)

    # One run

    async def _answer(self, run: Run) -> None:
        try:
            run.begin()
            async with self._queues.turn(run.slot.queue_key):
                if run.exchange.user_id in self._shared_users:
                    await self._wait_for_others(run)
                run.outcome = await self._called(run)
                await self._finish(run, run.outcome)
        except asyncio.CancelledError:
            run.outcome = run.outcome or run.cancelled()
            await asyncio.shield(self._finish(run, run.outcome))
            if not run.is_stopped:
                raise
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("answer_failed", user_id=run.exchange.user_id, bot_name=run.exchange.bot_name)
            run.outcome = run.outcome or run.cancelled()
            await self._finish(run, run.outcome)

    async def _called(self, run: Run) -> Outcome:
        """Ask the bot."""
        exchange = run.exchange
        self._begin_typing(run)

        def on_piece(piece: str) -> None:
            if run.add_piece(piece):
                asyncio.get_running_loop().call_later(DELTA_EVERY_S, self._tell_news, run)

        try:
            answer = await self._identities.send(
                exchange.bot_name,
                user_id=run.bot_user.user_id,
                message=exchange.content,
                user_name=run.bot_user.name,
                on_delta=on_piece,
            )
            return run.answered(answer)
        except AppError as error:
            self._log_failure(exchange, error)
            return run.failed(error)
        finally:
            self._end_typing(run)

    async def _wait_for_others(self, run: Run) -> None:
        """Wait for earlier messages of the same user and bot that another process stored."""
        exchange = run.exchange
        is_ahead = True
        while is_ahead:
            with contextlib.suppress(DatabaseUnavailable):  # not knowing, it waits
                is_ahead, is_any = await writes.others_pending(
                    self._database,
                    exchange.user_id,
                    exchange.bot_name,
                    run_seq=exchange.run_seq,
                    instance_id=self.instance_id,
                )
                if not is_any:
                    self._shared_users.discard(exchange.user_id)
            if is_ahead:
                await asyncio.sleep(OTHERS_EVERY_S)

    async def _finish(self, run: Run, outcome: Outcome) -> None:
        """Store an outcome and hand it to the waiters. Raises: DatabaseUnavailable, NotFound."""
        finished = await self._outcomes.finalize(run.exchange, outcome)
        if outcome.kind is EventKind.ANSWER and is_logged(logging.INFO):
            log.info(
                "message_answered",
                user_id=finished.user_id,
                bot_name=finished.bot_name,
                message_length=len(finished.content),
                processing_time=round(outcome.processing_time_s or 0.0, 4),
                success=True,
            )
        if not run.done.done():
            run.done.set_result(finished)

    def _finished_run(self, run: Run, task: "asyncio.Task[None]") -> None:
        if self._running.get(run.exchange.message_id) is run:
            del self._running[run.exchange.message_id]
        self.release(run.slot)
        if not run.done.done():  # waiters must not wait forever
            error = None if task.cancelled() else task.exception()
            kind = ShuttingDown if self.is_draining else Interrupted
            run.done.set_exception(error or kind(extra={"message_id": str(run.exchange.message_id)}))
        if not run.done.cancelled():
            run.done.exception()  # nobody may have waited for it
        if not task.cancelled() and task.exception() is not None:
            # Its outcome could not be stored: the next sweep, ours or another process's, marks it interrupted.
            log.error(
                "answer_not_stored", message_id=str(run.exchange.message_id), error=type(task.exception()).__name__
            )

    def _stop_here(self, message_id: UUID) -> None:
        run = self._running.get(message_id)
        if run is not None:
            run.stop()

    def _on_stop(self, payload: Any) -> None:
        self._stop_here(UUID(payload))

    # What is seen meanwhile

    def _tell_news(self, run: Run) -> None:
        """Publish what was streamed in the meantime, unless the complete answer is already on its way."""
        news = run.news() if run.outcome is None else None
        if news is not None:
            self._feeds.publish_live(news)

    def _begin_typing(self, run: Run) -> None:
        run.asked_s = asyncio.get_running_loop().time()
        if self._feeds.is_followed(run.exchange.user_id):
            self._feeds.publish_live(run.typing(True), is_for_others=False)

    def _end_typing(self, run: Run) -> None:
        run.asked_s = None
        if run.is_typing_sent or self._feeds.is_followed(run.exchange.user_id):
            self._feeds.publish_live(run.typing(False), is_for_others=run.is_typing_sent)

    def _log_failure(self, exchange: Exchange, error: AppError) -> None:
        log.warning(
            "message_failed",
            user_id=exchange.user_id,
            bot_name=exchange.bot_name,
            code=error.code,
            detail=error.detail,
            success=False,
        )
