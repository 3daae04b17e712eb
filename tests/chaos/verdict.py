"""Everything is read back and compared: stored = acknowledged = delivered, in order, once, in every tab."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.connections import connect
from tests.chaos.people import Person
from tests.chaos.world import World
from tests.support.v2_tab import Seen

OUTCOMES = {"answer", "failed"}
_EXCHANGES = "SELECT * FROM web_conversations ORDER BY user_id, seq"
_EVENTS = """
SELECT e.user_id, e.seq, e.kind, e.conversation_id, e.payload ->> 'code' AS code, c.user_message, c.bot_response
FROM web_events e LEFT JOIN web_conversations c ON c.id = e.conversation_id ORDER BY e.user_id, e.seq"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came out: counts for people, and every promise that was broken."""

    counts: dict[str, int]
    violations: tuple[str, ...]


async def judge(world: World, people: Sequence[Person]) -> Verdict:
    """Compare what is stored with what everybody was told."""
    for bot in world.bots.values():
        await world.remember_calls(bot)
    connection = await connect(world.database_url)
    try:
        exchanges = await connection.fetch(_EXCHANGES)
        events = await connection.fetch(_EVENTS)
        last_seqs = dict(await connection.fetch("SELECT user_id, last_seq FROM web_streams"))
        reactions = {(str(r["message_id"]), r["emoji"]) for r in await connection.fetch("SELECT * FROM web_reactions")}
    finally:
        await connection.close()
    by_user: dict[str, list[Any]] = defaultdict(list)
    events_by_user: dict[str, list[Any]] = defaultdict(list)
    for row in exchanges:
        by_user[row["user_id"]].append(row)
    for row in events:
        events_by_user[row["user_id"]].append(row)
    violations: list[str] = []
    for person in people:
        stored, stream = by_user[person.user_id], events_by_user[person.user_id]
        violations += person.promises.violations
        violations += [what for tab in person.tabs for what in tab.violations]
        violations += _messages(person, stored)
        violations += _stream(person, stream, last_seqs.get(person.user_id, 0))
        violations += _outcomes(stored, stream)
        violations += (f"{person.name}: lost reaction {one}" for one in person.promises.reactions - reactions)
        violations += _calls(world, person, stored, stream)
    return Verdict(counts=_counts(people, exchanges, events, world), violations=tuple(violations))


def _messages(person: Person, stored: Sequence[Any]) -> Iterator[str]:
    """Each message that was tried is acknowledged and stored, once, in the order of writing, and has ended."""
    keys = [row["client_msg_id"] for row in stored]
    if keys != person.promises.tried:
        doubled = [key for key, count in Counter(keys).items() if count > 1]
        missing = sorted(set(person.promises.tried) - set(keys))
        yield f"{person.name}: stored is not what was written: doubled {doubled}, missing {missing}, or out of order"
    for bot_name in sorted(set(person.promises.bots.values())):
        written = [key for key in person.promises.tried if person.promises.bots[key] == bot_name]
        kept = [row["client_msg_id"] for row in stored if row["bot_name"] == bot_name]
        if kept != written:
            first = next((pair for pair in zip(written, kept, strict=False) if pair[0] != pair[1]), None)
            yield f"{person.name} to {bot_name}: stored in another order than written, or elsewhere, from {first} on"
    ids = {row["client_msg_id"]: str(row["id"]) for row in stored}
    for key in person.promises.tried:
        if (acknowledged := person.promises.acknowledged.get(key)) != ids.get(key):
            yield f"{person.name}: {key} was acknowledged as {acknowledged} and is stored as {ids.get(key)}"
    for row in stored:
        if row["status"] == "pending":
            yield f"{person.name}: {row['client_msg_id']} ({row['id']}) is still pending"


def _stream(person: Person, stream: Sequence[Any], last_seq: int) -> Iterator[str]:
    """The stream has no gaps, and every tab was told all of it."""
    if [row["seq"] for row in stream] != list(range(1, last_seq + 1)):
        yield f"{person.name}: the stored stream has gaps"
    for tab in person.tabs:
        if (tab.first_seq, tab.seq) != (0, last_seq):
            yield f"{tab.name}: was told {tab.first_seq} to {tab.seq} of {last_seq} events"
    for row in stream:
        told = person.promises.told.get(row["seq"])
        if told is None and row["seq"] not in person.promises.skipped:
            yield f"{person.name}: event {row['seq']} ({row['kind']} {row['conversation_id']}) was told to nobody"
        elif told is not None and told != _as_told(row, told):
            yield f"{person.name}: told {told}, stored {_as_told(row, told)}"


def _as_told(row: Any, told: Seen) -> Seen:
    text = {"message": row["user_message"], "answer": row["bot_response"], "failed": row["code"]}.get(row["kind"])
    message_id = str(row["conversation_id"]) if row["conversation_id"] else None
    return Seen(seq=row["seq"], kind=row["kind"], message_id=message_id, text=None if told.text is None else text)


def _outcomes(stored: Sequence[Any], stream: Sequence[Any]) -> Iterator[str]:
    """Each run of a message ended exactly once."""
    begun: Counter[object] = Counter()
    ended: Counter[object] = Counter()
    for row in stream:
        begun[row["conversation_id"]] += row["kind"] in {"message", "retried"}
        ended[row["conversation_id"]] += row["kind"] in OUTCOMES
    for row in stored:
        if row["status"] != "pending" and begun[row["id"]] != ended[row["id"]]:
            yield f"{row['client_msg_id']} began {begun[row['id']]} times and ended {ended[row['id']]} times"


def _calls(world: World, person: Person, stored: Sequence[Any], stream: Sequence[Any]) -> Iterator[str]:
    """No bot was asked twice for one run; and each was asked in the order of the messages."""
    retried = Counter(row["conversation_id"] for row in stream if row["kind"] == "retried")
    seqs = {row["user_message"]: row["seq"] for row in stored}
    allowed = {row["user_message"]: 1 + retried[row["id"]] for row in stored}
    for bot_name, calls in world.calls.items():
        asked = [call.message for call in calls if call.user_id == person.user_id]
        for message, count in Counter(asked).items():
            if count > allowed.get(message, 0):
                yield f"{bot_name} was asked {message} {count} times, for {allowed.get(message, 0)} runs"
        once = [seqs[message] for message in asked if allowed.get(message) == 1]
        if once != sorted(once):
            yield f"{bot_name} was asked by {person.name} out of order: {once}"


def _counts(people: Sequence[Person], exchanges: Sequence[Any], events: Sequence[Any], world: World) -> dict[str, int]:
    tabs = [tab for person in people for tab in person.tabs]
    statuses = Counter(f"{row['status']}" for row in exchanges)
    return {
        "written": sum(len(person.promises.tried) for person in people),
        "acknowledged": sum(len(person.promises.acknowledged) for person in people),
        "stored": len(exchanges),
        **dict(sorted(statuses.items())),
        "events": len(events),
        "told": sum(tab.seq - tab.first_seq for tab in tabs),
        "connections": sum(tab.connection_count for tab in tabs),
        "resyncs": sum(tab.resync_count for tab in tabs),
        "retried": sum(row["kind"] == "retried" for row in events),
        "bot_calls": sum(len(calls) for calls in world.calls.values()),
    }
