"""What a v2 bot learns about people beside their words: trust, and facts that hang together in a small graph.

All bots of a real fleet share one graph; a sample bot has one of its own, gone with the process.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

MAX_USERS = 1000
MAX_FACTS = 50
_PATTERNS = (
    (re.compile(r"\bmy name is (\w[\w -]{0,40})", re.I), "HAS_NAME"),
    (re.compile(r"\bi live in (\w[\w -]{0,40})", re.I), "LIVES_IN"),
    (re.compile(r"\bi (?:like|love) (\w[\w -]{0,40})", re.I), "LIKES"),
    (re.compile(r"\bi work as (\w[\w -]{0,40})", re.I), "WORKS_AS"),
)
_LEVELS = ((80, "Close Friend"), (40, "Friend"), (10, "Acquaintance"), (0, "Stranger"))


class Erasure(StrEnum):
    """How the bot takes an order to forget: as told, not at all, or only in words."""

    OK = "ok"
    NOTHING = "nothing"  # success, and no part is cleared
    CLAIMS = "claims"  # success and every part, and all is as it was


@dataclass(slots=True, kw_only=True)
class Known:
    """What is known of one person."""

    trust_score: int = 0
    facts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def trust_level(self) -> str:
        """The name of the level that the score has reached."""
        return next(name for least, name in _LEVELS if self.trust_score >= least)


class Knowledge:
    """Of the people who spoke last; who spoke longest ago is forgotten first."""

    def __init__(self) -> None:
        self.is_graph_away = False
        self.erasure = Erasure.OK
        self._people: OrderedDict[str, Known] = OrderedDict()

    def of(self, user_id: str) -> Known:
        """What is known of somebody; nothing of a stranger."""
        return self._people.get(user_id) or Known()

    def learn(self, user_id: str, message: str) -> None:
        """Take from a message what it says of its author; every message earns some trust."""
        known = self._people.setdefault(user_id, Known())
        known.trust_score = min(100, known.trust_score + 2)
        known.facts += [fact for fact in _facts(message) if fact not in known.facts]
        del known.facts[:-MAX_FACTS]
        self._people.move_to_end(user_id)
        while len(self._people) > MAX_USERS:
            self._people.popitem(last=False)

    def reset_trust(self, user_id: str) -> None:
        """Be a stranger to somebody again."""
        if known := self._people.get(user_id):
            known.trust_score = 0

    def clear_facts(self, user_id: str) -> int:
        """Forget the facts about somebody; returns how many there were."""
        known = self._people.get(user_id)
        if known is None:
            return 0
        count = len(known.facts)
        known.facts.clear()
        return count


def _facts(message: str) -> Iterator[tuple[str, str]]:
    for pattern, predicate in _PATTERNS:
        for match in pattern.finditer(message):
            yield predicate, match[1].strip()
