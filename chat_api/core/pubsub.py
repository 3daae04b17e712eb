"""Wake-ups between processes over Redis pub/sub. Never authoritative: what is lost here is found in PostgreSQL.

One connection publishes, one listens. What waits is published together, as ``[origin, number, [[topic, payload], …]]``;
``origin`` is the process, ``number`` counts what it sent *or had to drop*, so that a listener knows that it missed
something. Every half second a process publishes a canary and waits to hear it: a connection that looks well and hears
nothing is noticed, and made anew.
"""

import asyncio
import contextlib
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import Any
from uuid import uuid4

import orjson
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.logging import get_logger
from chat_api.core.pubsub_outbox import PubSubOutbox

log = get_logger(__name__)

CANARY_EVERY_S = 0.5
LIVE_S = 2.0
TIMEOUT_S = 2.0
FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 1.0
REFUSED_RETRY_S = 30.0
MAX_ORIGINS = 1_000
CANARY = "canary"
_FAILURES = (RedisError, OSError, TimeoutError)


class PubSubState(StrEnum):
    """The subscription in Redis. Stalled (in the API: deaf): Redis answers, and what we publish does not come back."""

    LIVE = "live"
    STALLED = "deaf"
    AWAY = "away"


class PubSub:
    """Publishes to the other processes of one deployment and hears them. Nothing here raises into its callers."""

    def __init__(self, redis_url: str, *, deployment_id: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self.origin = uuid4().hex
        self._channel = f"whisperengine:{deployment_id}:signals".encode()
        # No socket_timeout: with one the client writes through asyncio.wait_for, which in Python 3.11 loses a
        # cancellation that arrives as it finishes. What we wait for has our own time limits.
        self._pool = ConnectionPool.from_url(redis_url, retry=Retry(NoBackoff(), 0))
        self._clock = clock
        self._handlers: dict[str, list[Callable[[Any], None]]] = defaultdict(list)
        self._gap_handlers: list[Callable[[], None]] = []
        self._outbox = PubSubOutbox(self.origin)
        self._is_away = False
        # Nobody but us heard our last canary: the rest need not be said. Who comes later sees a gap in our numbers.
        self._is_alone = False
        self._numbers: OrderedDict[str, int] = OrderedDict()
        # Monotonic: when the newest canary that was heard was sent; when Redis last answered, returned; deafness began.
        self._received_s = self._answered_s = self._found_s = -math.inf
        self._stalled_since_s: float | None = None
        self._is_refused = False

    @property
    def is_live(self) -> bool:
        """Whether a canary sent in the last two seconds came back."""
        return self._clock.monotonic_s() - self._received_s < LIVE_S

    @property
    def state(self) -> PubSubState:
        """Live, stalled or away, at this moment."""
        if self.is_live:
            return PubSubState.LIVE
        if self._is_refused:
            return PubSubState.AWAY  # for us it is: what others would tell is looked for in the database
        is_answering = self._clock.monotonic_s() - self._answered_s < LIVE_S
        return PubSubState.STALLED if is_answering else PubSubState.AWAY

    @property
    def stalled_for_s(self) -> float:
        """For how many seconds the subscription has been stalled; 0 when it is not."""
        if self._stalled_since_s is None or self.state is not PubSubState.STALLED:
            return 0.0
        return self._clock.monotonic_s() - self._stalled_since_s

    def publish(self, topic: str, payload: Any) -> None:
        """Tell the other processes. Returns at once; dropped while Redis is away, or when too much waits."""
        try:
            message = orjson.dumps([topic, payload])
        except TypeError:
            log.exception("pubsub_message_not_json", topic=topic)
            return
        if self._is_away or (self._is_alone and topic != CANARY):
            self._outbox.drop()
        else:
            self._outbox.put(message)

    def subscribe(self, topic: str, handler: Callable[[Any], None]) -> None:
        """Call ``handler`` with each payload of another process; it must not block."""
        self._handlers[topic].append(handler)

    def on_gap(self, handler: Callable[[], None]) -> None:
        """Call ``handler`` whenever something may have been missed: look into the database then. It must not block."""
        self._gap_handlers.append(handler)

    async def run(self) -> None:
        """Publish and listen until cancelled."""
        redis = Redis(connection_pool=self._pool)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(redis), name="pubsub-write")
                tasks.create_task(self._listen(), name="pubsub-listen")
                tasks.create_task(self._send_canaries(), name="pubsub-canary")
        finally:
            self._received_s = self._answered_s = -math.inf
            with contextlib.suppress(*_FAILURES):
                async with asyncio.timeout(TIMEOUT_S):
                    await redis.aclose(close_connection_pool=True)

    # Publishing

    async def _write(self, redis: "Redis") -> None:
        while True:
            batch = await self._outbox.take()
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    self._is_alone = await redis.publish(self._channel, batch) <= 1
            except NoPermissionError as error:
                self._note_refusal(error)
                self._is_away = True
                self._outbox.clear()
                await asyncio.sleep(REFUSED_RETRY_S)
                self._is_away = False
            except _FAILURES as error:
                await self._wait_for_redis(redis, error)
            else:
                self._answered_s = self._clock.monotonic_s()

    def _note_refusal(self, error: NoPermissionError) -> None:
        """Redis keeps channels from our user: said once, and tried again now and then."""
        if not self._is_refused:
            log.error("pubsub_refused", reason=str(error)[:200], needed="&whisperengine:*")
        self._is_refused = True

    async def _wait_for_redis(self, redis: "Redis", error: Exception) -> None:
        """Drop what waits, and all that comes until Redis answers again."""
        self._is_away = True
        log.warning("pubsub_disconnected", error=type(error).__name__)
        self._outbox.clear()
        retry_s = FIRST_RETRY_S
        while self._is_away:
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)
            with contextlib.suppress(*_FAILURES):
                async with asyncio.timeout(TIMEOUT_S):
                    await redis.execute_command("PING")
                self._is_away = False
        self._answered_s = self._found_s = self._clock.monotonic_s()
        log.info("pubsub_connected")
        self._send_canary()

    def _send_canary(self) -> None:
        self.publish(CANARY, self._clock.monotonic_s())

    async def _send_canaries(self) -> None:
        while True:
            self._send_canary()
            if self.state is not PubSubState.STALLED:
                self._stalled_since_s = None
            elif self._stalled_since_s is None:
                self._stalled_since_s = self._clock.monotonic_s()
            await asyncio.sleep(CANARY_EVERY_S)

    # Listening

    async def _listen(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            begun_s = self._clock.monotonic_s()
            try:
                await self._listen_once()
            except NoPermissionError as error:
                self._note_refusal(error)
                await asyncio.sleep(REFUSED_RETRY_S)
            except _FAILURES:
                pass
            if self._clock.monotonic_s() - begun_s > 2 * LIVE_S:
                retry_s = FIRST_RETRY_S
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    async def _listen_once(self) -> None:
        """Read until the connection breaks or stalls."""
        # A connection outside of the pool: the client's own subscription object reconnects without telling.
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await connection.connect()
                await connection.send_command("SUBSCRIBE", self._channel)
            opened_s = self._clock.monotonic_s()
            while True:
                answer = await connection.read_response(timeout=CANARY_EVERY_S, disconnect_on_error=False)
                if answer is not None:
                    self._receive(answer)
                    await asyncio.sleep(0)  # a full socket buffer would otherwise keep the loop from everybody else
                silent_s = self._clock.monotonic_s() - max(opened_s, self._received_s, self._found_s)
                if silent_s > LIVE_S and not self._is_away:
                    log.warning("pubsub_stalled", silent_s=round(silent_s, 1))
                    return
        finally:
            await connection.disconnect(nowait=True)

    def _receive(self, answer: list[Any]) -> None:
        if answer[0] == b"subscribe":
            if self._is_refused:
                log.info("pubsub_connected")
            self._is_refused = False
            self._send_canary()
            self._tell_gap()  # From here on we hear everything; what was before may have passed us by.
            return
        try:
            origin, number, pubsub = orjson.loads(answer[2])
            pubsub = [(str(topic), payload) for topic, payload in pubsub]
        except (ValueError, TypeError):
            log.warning("pubsub_message_invalid", size_bytes=len(answer[2]))
            return
        if origin == self.origin:
            self._received_s = max([self._received_s, *(sent_s for topic, sent_s in pubsub if topic == CANARY)])
            return
        self._is_alone = False
        self._count(origin, number)
        for topic, payload in pubsub:
            for handler in self._handlers.get(topic, ()):
                _call(handler, payload, topic=topic)

    def _count(self, origin: str, number: int) -> None:
        """Notice what another process sent, or dropped, and we did not hear."""
        if number != self._numbers.get(origin, 0) + 1:
            self._tell_gap()
        self._numbers[origin] = number
        self._numbers.move_to_end(origin)
        if len(self._numbers) > MAX_ORIGINS:
            self._numbers.popitem(last=False)

    def _tell_gap(self) -> None:
        for handler in self._gap_handlers:
            _call(handler, topic="gap")


def _call(handler: Callable[..., None], *payload: Any, topic: str) -> None:
    try:
        handler(*payload)
    except Exception:
        log.exception("signal_handler_failed", topic=topic)
