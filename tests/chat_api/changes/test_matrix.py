"""Bots side by side: who stands out, and who does not."""

import time
from datetime import UTC, datetime

from chat_api.changes.matrix import ComparedBot, matrix_of
from chat_api.changes.schemas import Configuration, Facts, Group, Matrix, Snapshot
from chat_api.changes.values import Values
from chat_api.core.ids import new_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUES, OTHER = Values(b"a key"), Values(b"another key")


def bot(name: str, facts: Facts | None, *, generation: str = "v2", values: Values = VALUES) -> ComparedBot:
    """A bot that runs with these facts."""
    configuration = None
    if facts is not None:
        configuration = Configuration(
            configuration_id=new_id(),
            bot_name=name,
            number=1,
            start_key="engine:x",
            started_at=NOW,
            last_started_at=NOW,
            starts=1,
            is_start=True,
            told_at=NOW,
            snapshot=Snapshot(key_id=values.key_id, facts=facts),
        )
    return ComparedBot(bot_name=name, display_name=name.title(), generation=generation, configuration=configuration)


def odd_ones(matrix: Matrix) -> dict[str, list[str]]:
    """By column, the bots that stand out in it."""
    found: dict[str, list[str]] = {}
    for row in matrix.bots:
        for position in row.odd:
            found.setdefault(matrix.columns[position].name, []).append(row.bot_name)
    return found


def facts(model: str, token: str, **flags: str) -> Facts:
    """A model, flags, and a token of its own."""
    return {
        Group.MODEL: {"main": f"={model}"},
        Group.FLAG: {name: f"={value}" for name, value in flags.items()},
        Group.ENVIRONMENT: {"DISCORD_TOKEN": VALUES.hidden("DISCORD_TOKEN", token)},
    }


def test_the_odd_ones_are_those_unlike_most_of_their_generation() -> None:
    """Another model, a flag that is off or missing; not v1 among v2, not tokens, nor who tells nothing."""
    matrix = matrix_of(
        [
            bot("aria", facts("llama3", "a", voice="on")),
            bot("dotty", facts("llama3", "b", voice="on")),
            bot("elena", facts("mistral", "c", voice="on")),
            bot("jake", facts("llama3", "d")),
            bot("gabriel", facts("gpt-4", "e"), generation="v1"),
            bot("marcus", None),
            bot("ryan", {Group.IMAGE: {"image": "=x"}}),
        ],
        key_id=VALUES.key_id,
    )
    assert [(column.kind, column.name, column.common, column.odd) for column in matrix.columns] == [
        ("model", "main", "llama3", 1),
        ("flag", "voice", "on", 1),
        ("image", "image", None, 0),
        ("environment", "DISCORD_TOKEN", None, 0),
    ]
    assert odd_ones(matrix) == {"main": ["elena"], "voice": ["jake"]}
    assert matrix.bots[5].values == (None, None, None, None)
    assert matrix.bots[0].values[3] == VALUES.hidden("DISCORD_TOKEN", "a")[:7]


def test_two_bots_have_no_majority_and_another_key_no_digests() -> None:
    """Nobody stands out among two; what was stored before the server's key was replaced compares with nothing."""
    pair = [bot("aria", facts("llama3", "a")), bot("elena", facts("mistral", "a"))]
    assert odd_ones(matrix_of(pair, key_id=VALUES.key_id)) == {}
    shared = [bot(name, facts("llama3", "same")) for name in ("aria", "dotty")]
    old = {Group.ENVIRONMENT: {"DISCORD_TOKEN": OTHER.hidden("DISCORD_TOKEN", "same")}}
    matrix = matrix_of([*shared, bot("elena", old, values=OTHER)], key_id=VALUES.key_id)
    assert odd_ones(matrix) == {}
    assert matrix.bots[2].values == (None, None)


def test_five_hundred_bots_take_a_moment() -> None:
    """150 columns of 500 bots are compared well within a second."""
    many = {f"VARIABLE_{number}": "=1" for number in range(150)}
    bots = [bot(f"bot-{number}", {Group.ENVIRONMENT: many | {"ODD": f"={number == 7}"}}) for number in range(500)]
    began_s = time.process_time()
    matrix = matrix_of(bots, key_id=VALUES.key_id)
    assert time.process_time() - began_s < 1.0
    assert odd_ones(matrix) == {"ODD": ["bot-7"]}
