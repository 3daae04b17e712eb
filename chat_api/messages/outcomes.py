"""How calls of bots ended: committed in groups, then published, and retried during an outage.

A bot's answer can't be requested twice, so while PostgreSQL is away the outcome is kept and retried.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import DatabaseUnavailable, NotFound
from chat_api.core.group_commit import GroupCommit
from chat_api.messages import repository as conversations
from chat_api.messages import writes_repository as writes
from chat_api.messages.feeds import Feeds
from chat_api.messages.schemas import EventKind, Exchange, Outcome, StreamEvent

RETRY_FOR_S = 120.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0


class Outcomes:
    """Stores outcomes. ``is_draining``: the process is ending and no longer waits for an outage to pass."""

    def __init__(self, database: Database, feeds: Feeds, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._feeds = feeds
        self._clock = clock
        self._commits: GroupCommit[tuple[Exchange, Outcome], Exchange | None] = GroupCommit(
            self._store, name="outcomes"
        )
        self.is_draining = False

    async def finalize(self, exchange: Exchange, outcome: Outcome) -> Exchange:
        """Store an outcome; returns the exchange as stored, which another process may have finished differently.

        Safe to repeat: an exchange is finished once. Raises: DatabaseUnavailable, NotFound.
        """
        deadline = self._clock.monotonic_s() + RETRY_FOR_S
        wait_s = FIRST_WAIT_S
        while True:
            try:
                finished = await self._commits.submit((exchange, outcome))
                return finished or await self._finished_before(exchange)
            except DatabaseUnavailable:
                if self.is_draining or self._clock.monotonic_s() > deadline:
                    raise
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def close(self) -> None:
        """Wait until everything submitted has been stored or refused."""
        await self._commits.close()

    async def _store(self, batch: Sequence[tuple[Exchange, Outcome]]) -> list[Exchange | None]:
        """Commit outcomes together, then publish them; ``None`` for an exchange that was already finished."""
        positions = await writes.finish(self._database, [outcome for _, outcome in batch])
        finished = [
            _finished(exchange, outcome, *position) if position else None
            for (exchange, outcome), position in zip(batch, positions, strict=True)
        ]
        self._feeds.publish(
            StreamEvent(
                user_id=exchange.user_id,
                seq=position[0],
                kind=outcome.kind,
                exchange=exchange,
                payload={"code": outcome.error_code} if outcome.kind is EventKind.FAILED else {},
            )
            for exchange, (_, outcome), position in zip(finished, batch, positions, strict=True)
            if exchange is not None and position is not None
        )
        return finished

    async def _finished_before(self, exchange: Exchange) -> Exchange:
        """Finished by another process, or by our own commit whose reply was lost: then it is not published yet."""
        stored = await conversations.get(self._database, exchange.user_id, exchange.message_id)
        if stored is None:
            raise NotFound("Unknown message.")
        self._feeds.remind(exchange.user_id, seq=stored.response_seq or exchange.run_seq + 1)
        return stored


def _finished(exchange: Exchange, outcome: Outcome, seq: int, at: datetime) -> Exchange:
    """The exchange with its outcome. ``dataclasses.replace`` would cost three times as much for every message."""
    return Exchange(
        message_id=exchange.message_id,
        user_id=exchange.user_id,
        bot_name=exchange.bot_name,
        content=exchange.content,
        message_type=exchange.message_type,
        status=outcome.status,
        seq=exchange.seq,
        run_seq=exchange.run_seq,
        timestamp=exchange.timestamp,
        client_msg_id=exchange.client_msg_id,
        response=outcome.response,
        response_id=outcome.response_id,
        response_seq=seq if outcome.kind is EventKind.ANSWER else None,
        answered_at=at,
        processing_time=outcome.processing_time_s,
        error_code=outcome.error_code,
        finish_reason=outcome.finish_reason,
        version=exchange.version,
        edited_at=exchange.edited_at,
    )
