"""The one helper that all waiting in the tests rests on."""

import asyncio

import pytest

from tests.support.eventually import eventually


async def test_returns_the_first_truthy_value() -> None:
    """Plain and async checks alike; an exception on the way is "not yet"."""
    answers = iter([0, "", 7])

    async def later() -> int:
        if not started:
            started.append(True)
            raise LookupError
        return 5

    started: list[bool] = []
    assert await eventually(lambda: next(answers), interval_s=0) == 7
    assert await eventually(later, interval_s=0) == 5


@pytest.mark.parametrize("outcome", [None, LookupError("lost")])
async def test_tells_the_last_outcome_when_time_is_up(outcome: Exception | None) -> None:
    """Whoever reads the failure sees what there was instead."""

    def check() -> None:
        if outcome is not None:
            raise outcome

    with pytest.raises(AssertionError, match="lost" if outcome else "None") as failed:
        await eventually(check, deadline_s=0.05, interval_s=0.01)
    assert failed.value.__cause__ is outcome


async def test_a_check_that_hangs_is_cut_off() -> None:
    """The deadline holds whatever the check does."""
    with pytest.raises(AssertionError, match="TimeoutError"):
        await eventually(asyncio.Event().wait, deadline_s=0.05)
