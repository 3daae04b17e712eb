"""What became of a part, from what the bot showed before, what it claims, and what it shows afterwards. Pure.

A bot's ``success`` is no evidence: v2 says it whatever happened, also when its stores are away.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from chat_api.memories.schemas import ReceiptPart
from models import ErasureOutcome

# From the best to the worst: a part under several ids is as well off as the worst of them.
_SEVERITY = (
    ErasureOutcome.NOTHING_THERE,
    ErasureOutcome.ERASED,
    ErasureOutcome.UNSUPPORTED,
    ErasureOutcome.STILL_THERE,
    ErasureOutcome.REFUSED,
    ErasureOutcome.NOT_REACHED,
)
# v2 shows trust from a cache of five minutes: the second look is after it.
_WAITS_S: dict[ErasureOutcome, tuple[float, ...]] = {
    ErasureOutcome.STILL_THERE: (60.0, 360.0, 1200.0),
    # A store of the bot may be away for a day.
    ErasureOutcome.REFUSED: (60.0, 360.0, 1200.0, 3600.0, 14_400.0, 43_200.0),
}
_MAX_REACH_AGAIN_S = 3600.0


def judged(*, was_there: bool, showed: bool, is_claimed: bool, shows: bool | None) -> ErasureOutcome:
    """What became of one part under one id. ``was_there``: it was seen in this or an earlier attempt.

    ``shows`` is what the bot shows now, ``None`` when that cannot be seen: then nothing is certain.
    """
    if shows is None:
        return ErasureOutcome.REFUSED
    if shows:
        return ErasureOutcome.STILL_THERE if is_claimed else ErasureOutcome.REFUSED
    if showed and not is_claimed:
        return ErasureOutcome.REFUSED  # it hides it, and says that it did not clear it
    return ErasureOutcome.ERASED if was_there else ErasureOutcome.NOTHING_THERE


def worst(outcomes: Iterable[ErasureOutcome]) -> ErasureOutcome:
    """The outcome of a part that a bot has under several ids."""
    return max(outcomes, key=_SEVERITY.index)


def tried(part: ReceiptPart, outcome: ErasureOutcome, *, was_there: bool, now: datetime) -> ReceiptPart:
    """A part after one more attempt, with the time of the next, if there is to be one."""
    attempts = part.attempts + 1
    wait_s = _wait_s(outcome, attempts)
    return replace(
        part,
        outcome=outcome,
        was_there=part.was_there or was_there,
        attempts=attempts,
        tried_at=now,
        next_try_at=now + timedelta(seconds=wait_s) if wait_s is not None else None,
    )


def _wait_s(outcome: ErasureOutcome, attempts: int) -> float | None:
    if outcome is ErasureOutcome.NOT_REACHED:
        return min(60.0 * 2.0 ** min(attempts, 10), _MAX_REACH_AGAIN_S)
    waits = _WAITS_S.get(outcome, ())
    return waits[attempts - 1] if attempts <= len(waits) else None
