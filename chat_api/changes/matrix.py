"""All bots side by side, and which of them is unlike the others: pure functions.

Bots are compared with those of their own generation: the two are set up differently. A bot stands out in a column
where more than half of at least three bots have one value and it has another, or none. Where every bot has a value of
its own, as a token or a port, nobody stands out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chat_api.changes.schemas import ChangeKind, Configuration, Group, Matrix, MatrixColumn, MatrixRow, Snapshot
from chat_api.changes.values import kind_of, plain

LEAST_BOTS = 3
MAX_COLUMNS = 1_000
DIGEST_SHOWN = 7
# A character is every bot's own.
_ORDER = (Group.MODEL, Group.FLAG, Group.VERSION, Group.IMAGE, Group.LIMITS, Group.ENVIRONMENT)
# Models and flags first: what is looked for.
_KINDS = (ChangeKind.MODEL, ChangeKind.FLAG, ChangeKind.IMAGE, ChangeKind.SETTING, ChangeKind.ENVIRONMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedBot:
    """A bot as the matrix has it; without a configuration nothing is known of it."""

    bot_name: str
    display_name: str
    generation: str | None
    configuration: Configuration | None


def matrix_of(bots: Sequence[ComparedBot], *, key_id: str) -> Matrix:
    """The matrix of these bots; digests by another key than ``key_id`` compare with none and are left out."""
    known = [_readable(bot.configuration.snapshot, key_id) if bot.configuration else {} for bot in bots]
    keys = list(_columns(known))[:MAX_COLUMNS]
    odd: list[set[int]] = [set() for _ in bots]
    columns = []
    for position, (group, name) in enumerate(keys):
        values = [facts[group].get(name) if group in facts else "" for facts in known]
        common, out = _compared(bots, values)
        for number in out:
            odd[number].add(position)
        shown = shown_value(common) if common else None
        is_hidden = any(value and plain(value) is None for value in values)
        kind = kind_of(group, name)
        columns.append(MatrixColumn(kind=kind, name=name, common=shown, odd=len(out), is_hidden=is_hidden))
    rows = tuple(
        MatrixRow(
            bot_name=bot.bot_name,
            display_name=bot.display_name,
            generation=bot.generation,
            values=tuple(shown_value(facts.get(group, {}).get(name)) for group, name in keys),
            odd=tuple(sorted(positions)),
        )
        for bot, facts, positions in zip(bots, known, odd, strict=True)
    )
    return Matrix(columns=tuple(columns), bots=rows)


def shown_value(value: str | None) -> str | None:
    """A stored value as it is shown: of one that is kept back the beginning of its digest, to tell it from others."""
    if value is None:
        return None
    shown = plain(value)
    return shown if shown is not None else value[:DIGEST_SHOWN]


def _readable(snapshot: Snapshot, key_id: str) -> Mapping[Group, Mapping[str, str]]:
    if snapshot.key_id == key_id:
        return snapshot.facts
    return {
        group: named
        for group, named in snapshot.facts.items()
        if all(plain(value) is not None for value in named.values())
    }


def _columns(known: Iterable[Mapping[Group, Mapping[str, str]]]) -> Iterable[tuple[Group, str]]:
    names: dict[Group, set[str]] = defaultdict(set)
    for facts in known:
        for group, named in facts.items():
            names[group].update(named)
    found = [(group, name) for group in _ORDER for name in sorted(names[group])]
    yield from sorted(found, key=lambda column: _KINDS.index(kind_of(*column)))


def _compared(bots: Sequence[ComparedBot], values: Sequence[str | None]) -> tuple[str | None, list[int]]:
    """What most bots have, and the positions of those that have something else; an empty text is not known."""
    by_generation: dict[str | None, list[int]] = defaultdict(list)
    for number, (bot, value) in enumerate(zip(bots, values, strict=True)):
        if value != "":
            by_generation[bot.generation].append(number)
    largest: tuple[int, str | None] = (0, None)
    out: list[int] = []
    for numbers in by_generation.values():
        value, count = Counter(values[number] for number in numbers).most_common(1)[0]
        if len(numbers) < LEAST_BOTS or 2 * count <= len(numbers):
            continue
        largest = max(largest, (count, value), key=lambda found: found[0])
        out += [number for number in numbers if values[number] != value]
    return largest[1], out
