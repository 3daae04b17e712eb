"""The breaker by itself, on a clock that a test moves."""

import asyncio

import pytest

from chat_api.bots.breaker import Breaker
from chat_api.core.errors import BotFailed, BotTimeout, BotUnavailable, Upstream
from tests.chat_api.bots.conftest import Ticking


def fail(breaker: Breaker, error: type[Upstream] = BotTimeout) -> None:
    """One call that ends with this error."""
    with pytest.raises(error), breaker.guard():
        raise error


def opened(ticking: Ticking, error: type[Upstream] = BotTimeout) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(clock=ticking.clock)
    for _ in range(5):
        fail(breaker, error)
    assert breaker.state == "open"
    return breaker


def test_only_failures_in_a_row_count(ticking: Ticking) -> None:
    """An answer between failures starts the count anew, an unusable answer too."""
    breaker = Breaker(clock=ticking.clock)
    for _ in range(3):
        for _ in range(4):
            fail(breaker)
        with breaker.guard():
            pass
    for _ in range(3):
        for _ in range(4):
            fail(breaker)
        fail(breaker, BotFailed)
    assert breaker.state == "closed"


def test_the_delay_doubles_up_to_a_minute(ticking: Ticking) -> None:
    """5, 10, 20, 40, 60, 60 seconds; a success starts over."""
    breaker = opened(ticking)
    for delay_s in (5, 10, 20, 40, 60, 60):
        with pytest.raises(BotUnavailable) as caught:
            breaker.check()
        assert caught.value.retry_after_s == pytest.approx(delay_s)
        ticking.now_s += delay_s
        assert breaker.state == "half_open"
        fail(breaker)
    ticking.now_s += 60
    with breaker.guard():
        pass
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "closed"


def test_one_trial_at_a_time(ticking: Ticking) -> None:
    """While the trial runs everybody else is refused; a cancelled trial leaves the place to the next."""
    breaker = opened(ticking)
    ticking.now_s += 5
    trial = breaker.guard()
    trial.__enter__()
    with pytest.raises(BotUnavailable):
        breaker.check()
    cancelled = asyncio.CancelledError()
    assert not trial.__exit__(type(cancelled), cancelled, None)
    assert breaker.state == "half_open"
    with breaker.guard():
        pass
    assert breaker.state == "closed"


def test_late_calls_decide_nothing(ticking: Ticking) -> None:
    """A call from before the opening neither closes the breaker nor ends the trial."""
    breaker = Breaker(clock=ticking.clock)
    with breaker.guard():
        for _ in range(5):
            fail(breaker)
    assert breaker.state == "open"


def test_a_healthy_probe_wakes_what_was_unreachable_only(ticking: Ticking) -> None:
    """A bot that was away may be tried at once; one that hangs behind a healthy face keeps its delay."""
    away, hung = opened(ticking, BotUnavailable), opened(ticking, BotTimeout)
    away.wake()
    hung.wake()
    assert (away.state, hung.state) == ("half_open", "open")
