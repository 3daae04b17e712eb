"""A circuit breaker: after several failures in a row a bot is left alone for a while, then tried with one call.

::

    closed ──5 failures in a row──▶ open ──delay──▶ half_open ──the trial succeeds──▶ closed
                                     ▲                  │
                                     └──the trial fails─┘   (the delay doubles, up to 60 s)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import BotFailed, BotTimeout, BotUnavailable, Upstream

FAILURES_TO_OPEN = 5
FIRST_DELAY_S = 5.0
MAX_DELAY_S = 60.0
PROBE_RETRY_AFTER_S = 1.0


class BreakerState(StrEnum):
    """Whether calls pass, are refused, or one of them is let through to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BotServerError(BotFailed):
    """A server error with nothing to show; unlike its parent it counts against the bot."""


class CallsPaused(BotUnavailable):
    """The breaker is open: the bot was not asked, which says nothing about whether it can be reached."""


class Breaker:
    """The breaker of one bot. Not thread-safe: it lives on the event loop."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._failures = 0
        self._openings = 0
        self._retry_at_s: float | None = None
        self._is_probing = False
        self._is_unreachable = False
        # Calls that began before the state changed must not decide about the state after it.
        self._generation = 0

    @property
    def state(self) -> BreakerState:
        """The state now; an open breaker becomes half-open by the passing of time alone."""
        if self._retry_at_s is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock.monotonic_s() < self._retry_at_s else BreakerState.HALF_OPEN

    def check(self) -> None:
        """Refuse a call that would not be let through now.

        Raises: CallsPaused with the seconds until the next trial.
        """
        if self._retry_at_s is None:
            return
        wait_s = self._retry_at_s - self._clock.monotonic_s()
        if wait_s > 0 or self._is_probing:
            raise CallsPaused(
                detail="the breaker is open after repeated failures",
                retry_after_s=max(wait_s, PROBE_RETRY_AFTER_S),
                extra={"connect_failed": True},
            )

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let one call through and learn from how it ends; a cancelled call teaches nothing.

        Raises: CallsPaused when the breaker is open or its trial call is already running.
        """
        self.check()
        self._is_probing = self._retry_at_s is not None
        generation = self._generation
        try:
            yield
        except (BotTimeout, BotUnavailable, BotServerError) as error:
            if generation == self._generation:
                self._fail(error)
            raise
        except Upstream:
            if generation == self._generation:
                self._close()  # it answered, if only nonsense: hammering it is not what makes it fail
            raise
        except BaseException:
            if generation == self._generation:
                self._is_probing = False
            raise
        if generation == self._generation:
            self._close()

    def wake(self) -> None:
        """Allow the trial at once: the bot was unreachable and its health endpoint has just answered.

        A bot that hangs while it looks healthy keeps its delay.
        """
        if self._retry_at_s is not None and self._is_unreachable:
            self._retry_at_s = min(self._retry_at_s, self._clock.monotonic_s())

    def _fail(self, error: Upstream) -> None:
        self._failures += 1
        self._is_unreachable = isinstance(error, BotUnavailable)
        if self._retry_at_s is None and self._failures < FAILURES_TO_OPEN:
            return
        delay_s = min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** min(self._openings, 10))
        self._openings += 1
        self._retry_at_s = self._clock.monotonic_s() + delay_s
        self._is_probing = False
        self._generation += 1

    def _close(self) -> None:
        if self._retry_at_s is not None:
            self._generation += 1
        self._failures = self._openings = 0
        self._retry_at_s = None
        self._is_probing = False
