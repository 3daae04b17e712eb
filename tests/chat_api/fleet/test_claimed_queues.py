"""Queues that only grow, by a bot's own account."""

from datetime import UTC, datetime, timedelta

from chat_api.fleet.claimed_queues import GROWING_FOR, STALE_AFTER, ClaimedQueues, followed, growing

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTES = round(GROWING_FOR.total_seconds() / 60)


def after(*depths: object, every: timedelta = timedelta(minutes=1)) -> tuple[ClaimedQueues, datetime]:
    """What is known when a bot said this, a minute apart; and when that was."""
    queues: ClaimedQueues = {}
    at = AT
    for depth in depths:
        at += every
        queues = followed(queues, {} if depth is None else {"queue_depths": {"cognition": depth, "action": 3}}, at=at)
    return queues, at


def words(*depths: object, every: timedelta = timedelta(minutes=1)) -> str | None:
    """What is said then."""
    queues, at = after(*depths, every=every)
    queue = growing(queues, now=at)
    return queue.words if queue else None


def test_ten_minutes_without_a_step_back() -> None:
    """Named with its depth and as the bot's claim; also a heap that nobody works on; not a minute sooner."""
    grown = range(0, 5 * (MINUTES + 1), 5)
    assert words(*grown) == 'its queue "cognition" has only grown for 10 min, to 50 (the bot says)'
    assert words(*list(grown)[:-1]) is None
    assert words(0, *[700] * MINUTES) is not None


def test_what_is_worked_on() -> None:
    """It shrinks at times, is empty at times, or hardly grows."""
    assert words(*[10, 20, 30, 25] * 10) is None
    assert words(*[0, 20, 40, 0] * 10) is None
    assert words(*[7] * 30) is None
    assert words(*[1, 2, 2, 3, 3] + [3] * 20) is None


def test_what_was_not_said() -> None:
    """Without its own Redis a bot says nothing of them; after a long silence it begins anew; nonsense is nothing."""
    assert words(*range(0, 30, 5), None, None, *range(30, 60, 5)) is not None
    assert words(*range(0, 100, 5), every=STALE_AFTER + timedelta(seconds=1)) is None
    assert words(*["many", -1, True, 2.5] * 10) is None
    queues, at = after(*range(0, 100, 5))
    assert growing(queues, now=at + STALE_AFTER + timedelta(seconds=1)) is None
