"""What bots ran with, as it is stored and read again, over a real database."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from chat_api.changes import journal as journals
from chat_api.changes.journal import ConfigurationJournal
from chat_api.changes.schemas import ChangeKind, ChangesQuery, Facts, Group, Start
from chat_api.changes.service import ChangesService
from chat_api.changes.values import Values
from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.errors import NotAuthenticated
from tests.support.still_fleet import StillFleet, still_fleet, viewer

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
VALUES = Values(b"a key")
IMAGE: Facts = {Group.IMAGE: {"image": "=whisperengine:1"}}
NEW_IMAGE: Facts = {Group.IMAGE: {"image": "=whisperengine:2"}}
LLAMA: Facts = {Group.MODEL: {"main": "=llama3"}}
MISTRAL: Facts = {Group.MODEL: {"main": "=mistral"}}


def at(minutes: float) -> datetime:
    """A moment of the test."""
    return BEGIN + timedelta(minutes=minutes)


def start(minutes: float, container: str = "c1") -> Start:
    """A start that the engine knows of."""
    return Start(key=f"engine:{container}@{at(minutes).isoformat()}", at=at(minutes))


def journal_of(database: Database, *, now: datetime = BEGIN) -> ConfigurationJournal:
    """One process that records."""
    return ConfigurationJournal(database, VALUES, clock=Clock(now=lambda: now, monotonic_s=lambda: 0.0))


def service_of(database: Database, still: StillFleet) -> ChangesService:
    """What pages ask."""
    return ChangesService(database, still.registry, still.fleet, VALUES, clock=still.hands.clock)


async def rows(database: Database, bot_name: str = "elena") -> list[tuple[int, bool, list[str]]]:
    """Starts, whether it began with one, and what changed; oldest first."""
    async with database.read() as connection:
        statement = text(
            "SELECT starts, is_start, changes FROM web_bot_configurations WHERE bot_name = :name ORDER BY number"
        )
        found = (await connection.execute(statement, {"name": bot_name})).all()
    return [(row.starts, row.is_start, [entry["name"] for entry in row.changes]) for row in found]


async def test_a_bot_that_crashes_again_and_again_has_one_row(database: Database) -> None:
    """Hundreds of starts with nothing changed are counted; a start is counted once, whoever reports it how late."""
    journal, other = journal_of(database), journal_of(database)
    for number in range(100):
        await asyncio.gather(*(one.started("elena", start(number), IMAGE) for one in (journal, other)))
    await other.started("elena", start(50), IMAGE)
    assert await rows(database) == [(100, True, [])]
    await journal.started("elena", start(100, "c2"), NEW_IMAGE)
    await journal.started("elena", start(101, "c2"), {})
    assert await rows(database) == [(100, True, []), (2, True, ["image"])]


async def test_what_a_bot_tells_first_was_so_from_its_start(database: Database) -> None:
    """Seconds after a start it is that start's; later it changed while the bot ran."""
    journal = journal_of(database)
    await journal.started("elena", start(0), IMAGE)
    await journal.told("elena", LLAMA, at=at(0.1))
    assert await rows(database) == [(1, True, [])]  # the first that is known: there is nothing to compare
    await journal.started("elena", start(10), IMAGE)
    await journal.started("elena", start(20), IMAGE)
    await journal.told("elena", MISTRAL, at=at(20.1))
    assert await rows(database) == [(2, True, []), (1, True, ["main"])]
    await journal.told("elena", MISTRAL, at=at(25))
    await journal.told("elena", LLAMA, at=at(30))
    assert await rows(database) == [(2, True, []), (1, True, ["main"]), (0, False, ["main"])]
    await journal.started("elena", start(40, "c2"), NEW_IMAGE)
    await journal.told("elena", MISTRAL, at=at(40.1))
    assert (await rows(database))[-1] == (1, True, ["image", "main"])


async def test_a_bot_without_an_engine_says_when_it_started(database: Database) -> None:
    """By its uptime, which is a little different each time; one that does not say was started once."""
    journal = journal_of(database)
    for seconds in (0, 3, -4):
        moment = at(0) + timedelta(seconds=seconds)
        await journal.started("elena", Start(key=f"uptime:{moment}", at=moment), LLAMA, told_at=at(5))
    await journal.started("elena", Start(key="uptime:later", at=at(10)), LLAMA, told_at=at(11))
    assert await rows(database) == [(2, True, [])]
    for minutes in (0, 10):
        await journal.started("gabriel", Start(key="seen:", at=at(minutes)), LLAMA, told_at=at(minutes))
    assert await rows(database, "gabriel") == [(1, True, [])]


async def test_nothing_grows_without_end(database: Database) -> None:
    """Of a bot whose flags never stay the same the newest are kept; of one that is gone for long the last."""
    journal = journal_of(database)
    await journal.started("elena", start(0), IMAGE)
    await journal.told("elena", LLAMA, at=at(1))
    for number in range(journals.KEEP_PER_BOT + 20):
        facts: Facts = {Group.FLAG: {"voice": f"={number}"}}
        await journal.told("elena", facts, at=at(2 + number))
    await journal.started("gabriel", start(0), IMAGE)
    await journal.started("gabriel", start(1, "c2"), NEW_IMAGE)
    await journal.prune()
    assert len(await rows(database)) == journals.KEEP_PER_BOT
    assert len(await rows(database, "gabriel")) == 2
    await journal_of(database, now=BEGIN + timedelta(days=500)).prune()
    assert await rows(database, "gabriel") == [(1, True, ["image"])]


async def test_what_changed_since_it_was_last_healthy(database: Database, tmp_path: Path) -> None:
    """The net difference to when it was healthy for ten minutes, not for the moment before it fell again."""
    still = await still_fleet(tmp_path, "elena", "gabriel")
    journal, service = journal_of(database), service_of(database, still)
    await journal.started("elena", start(0), {**IMAGE, **LLAMA})
    await journal.started("elena", start(60, "c2"), {**NEW_IMAGE, **LLAMA})
    await journal.told("elena", MISTRAL, at=at(61))
    intervals = [("online", 0, 59), ("restarting", 59, 60), ("online", 60, 62), ("offline", 62, 90)]
    async with database.write() as connection:
        for status, began, ended in intervals:
            await connection.execute(
                text("INSERT INTO web_status_intervals VALUES ('bot:elena', :began, :status, :ended, '')"),
                {"began": at(began), "status": status, "ended": at(ended)},
            )
    (found,) = await service.since_failed(viewer(), {"elena": (at(62), None)})
    assert found.healthy_at == at(59)
    assert [(one.kind, one.before, one.after) for one in found.changes] == [
        (ChangeKind.IMAGE, "whisperengine:1", "whisperengine:2"),
        (ChangeKind.MODEL, "llama3", "mistral"),
    ]
    assert (found.starts, found.last_change and found.last_change.at) == (2, at(60))
    (before,) = await service.since_failed(viewer(), {"elena": (at(59), at(59.5))})
    assert (before.changes, before.starts, before.last_change) == ((), 1, None)
    unknown = await service.since_healthy(viewer(), "gabriel")
    assert (unknown.healthy_at, unknown.changes, unknown.starts) == (None, (), 0)


async def test_changes_are_found_by_bot_kind_and_time(database: Database, tmp_path: Path) -> None:
    """Newest first, a page after the other."""
    still = await still_fleet(tmp_path, "elena", "gabriel")
    journal, service = journal_of(database), service_of(database, still)
    for name in ("elena", "gabriel"):
        await journal.started(name, start(0), {**IMAGE, **LLAMA})
    await journal.started("elena", start(10, "c2"), NEW_IMAGE)
    await journal.told("gabriel", LLAMA, at=at(1))
    await journal.told("gabriel", MISTRAL, at=at(20))

    async def found(**query: object) -> list[tuple[str, int]]:
        listed = await service.find(viewer(), ChangesQuery(**query))  # type: ignore[arg-type]
        return [(one.bot_name, (one.started_at - BEGIN) // timedelta(minutes=1)) for one in listed]

    newest = await service.find(viewer(), ChangesQuery(limit=2))
    assert [(one.bot_name, one.is_first, one.is_start) for one in newest] == [
        ("gabriel", False, False),
        ("elena", False, True),
    ]
    assert len(await found(before=newest[-1].configuration_id)) == 2
    assert await found(kind=ChangeKind.MODEL) == [("gabriel", 20)]
    assert await found(bot_name="elena") == [("elena", 10), ("elena", 0)]
    assert await found(since=at(5), until=at(15)) == [("elena", 10)]


async def test_who_may_not_see_the_fleet_may_not_see_its_changes(database: Database, tmp_path: Path) -> None:
    """The service itself refuses a person of the chat, whatever door was used."""
    still = await still_fleet(tmp_path, "elena")
    service, person = service_of(database, still), replace(viewer(), role=None)
    asks = (
        service.find(person),
        service.matrix(person),
        service.since_healthy(person, "elena"),
        service.since_failed(person, {"elena": (at(0), None)}),
    )
    for asked in asks:
        with pytest.raises(NotAuthenticated):
            await asked
