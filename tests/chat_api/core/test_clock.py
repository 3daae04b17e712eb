"""Time that goes on without us."""

from datetime import timedelta

from chat_api.core.clock import PauseWatch
from tests.support.still_fleet import Hands


def test_a_pause_is_noticed_once() -> None:
    """The wall clock went on, the monotonic one did not; a clock that is set back is as good as a pause."""
    hands = Hands()
    watch = PauseWatch(hands.clock)
    hands.move(3600)
    assert not watch.noticed()
    hands.at += timedelta(minutes=10)
    assert watch.noticed()
    assert not watch.noticed()
    hands.at -= timedelta(minutes=10)
    assert watch.noticed()
