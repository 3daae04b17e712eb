"""What bots remember, in words for people."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from chat_api.core.language import N_, _
from chat_api.memories.schemas import ReceiptState
from console.labels import Mark
from console.widgets.quantities import fixed, whole
from models import ErasureOutcome, MemoryPart

PARTS: Final[Mapping[MemoryPart, str]] = {
    MemoryPart.MEMORIES: N_("Memories of conversations"),
    MemoryPart.TRUST: N_("Trust"),
    MemoryPart.KNOWLEDGE: N_("Facts and relations"),
}
OUTCOMES: Final[Mapping[ErasureOutcome, Mark]] = {
    ErasureOutcome.ERASED: Mark(N_("Erased"), "ok", "online"),
    ErasureOutcome.NOTHING_THERE: Mark(N_("Nothing there"), "ok", "online"),
    ErasureOutcome.PENDING: Mark(N_("Waiting"), "busy", "starting"),
    ErasureOutcome.NOT_REACHED: Mark(
        N_("Not reached"), "warn", "degraded", title=N_("Tried again when the bot is back, for 30 days.")
    ),
    ErasureOutcome.STILL_THERE: Mark(
        N_("Still there"),
        "bad",
        "offline",
        title=N_("The bot reported success and still shows it. Some bots take a few minutes."),
    ),
    ErasureOutcome.REFUSED: Mark(
        N_("Not erased"), "bad", "offline", title=N_("The bot didn't erase it, or it can't be checked.")
    ),
    ErasureOutcome.UNSUPPORTED: Mark(
        N_("Not supported"), "idle", "unknown", title=N_("This bot can't show or erase what it remembers.")
    ),
}
STATES: Final[Mapping[ReceiptState, Mark]] = {
    ReceiptState.DONE: Mark(N_("Completed"), "ok", "online"),
    ReceiptState.OPEN: Mark(N_("Not finished"), "warn", "degraded"),
    ReceiptState.INCOMPLETE: Mark(N_("Could not be completed"), "bad", "offline"),
}
# Of a large fleet a sentence names so many bots.
MAX_NAMED = 12
# How v2 writes a fact: "User LIVES_IN Seattle".
_FACT = re.compile(r"^User ([A-Z][A-Z_]*) (.*)$", re.DOTALL)


def fact_words(fact: str) -> str:
    """A fact as a person reads it: "Lives in Seattle"."""
    match = _FACT.match(fact)
    return f"{kind_words(match[1]).capitalize()} {match[2]}" if match else fact


def kind_words(kind: str) -> str:
    """What a relation says: ``LIVES_IN`` is "lives in"."""
    return kind.replace("_", " ").lower() if kind.isupper() else kind


def listed(names: Sequence[str]) -> str:
    """The names of bots in a sentence, and how many more there are."""
    shown = ", ".join(names[:MAX_NAMED])
    return shown if len(names) <= MAX_NAMED else f"{shown} … +{len(names) - MAX_NAMED}"


def trust_words(score: float | None, level: str | None) -> str:
    """A bot's trust: its own level, and its score; empty where it tells neither."""
    number = "" if score is None else whole(int(score)) if score == int(score) else fixed(score, 1)
    if not (level and number):
        return level or number
    return _("{level} ({score})", level=level, score=number)
