"""Writes down what bots run with: each step is one transaction, and doing one twice changes nothing.

A start with which nothing changed is counted at the configuration before it: a bot that crashes again and again has one
row. What a bot tells of itself comes some seconds after its start, and belongs to that start when it comes first;
what it tells differently later changed while it ran.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from chat_api.changes import repository as configurations
from chat_api.changes.differences import differences, merged
from chat_api.changes.schemas import Configuration, Facts, RecordedStart, Snapshot, Start
from chat_api.changes.values import Values
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger

log = get_logger(__name__)

# As long as incidents and the times in which bots were healthy.
KEEP = timedelta(days=400)
KEEP_PER_BOT = 200
# How exactly a bot's own uptime says when it was started.
UPTIME_TOLERANCE = timedelta(seconds=15)


class ConfigurationJournal:
    """Records starts, and what bots say of themselves."""

    def __init__(self, database: Database, values: Values, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self.values = values
        self._clock = clock

    async def recorded(self) -> tuple[RecordedStart, ...]:
        """The last start of every bot. Raises: DatabaseUnavailable."""
        async with self._database.read() as connection:
            return await configurations.recorded(connection)

    async def started(self, bot_name: str, start: Start, facts: Facts, *, told_at: datetime | None = None) -> None:
        """Record a start; ``facts`` is what is known of it so far, the rest is taken to be as before.

        ``told_at``: when the bot told its own part of them. Raises: DatabaseUnavailable.
        """
        async with self._database.write() as connection:
            last = await configurations.newest(connection, bot_name)
            if last is not None and _is_known(last, start):
                return
            await self._begin(connection, bot_name, last, start, facts, told_at=told_at)

    async def told(self, bot_name: str, facts: Facts, *, at: datetime) -> None:
        """Record what a bot, whose start is recorded, says of itself. Raises: DatabaseUnavailable."""
        async with self._database.write() as connection:
            last = await configurations.newest(connection, bot_name)
            if last is None:
                return
            now = merged(last.snapshot, facts, key_id=self.values.key_id)
            if not differences(last.snapshot, now):
                await configurations.put(connection, replace(last, snapshot=now, told_at=last.told_at or at))
            elif last.told_at is None:
                await self._amend(connection, last, now, at=at)
            else:
                await self._add(connection, last, now, started_at=at, is_start=False, told_at=at)

    async def prune(self) -> None:
        """Drop what nobody will look for any more."""
        async with self._database.write() as connection:
            await configurations.prune(connection, keep=KEEP_PER_BOT, before=self._clock.now() - KEEP)

    async def _begin(
        self,
        connection: Connection,
        bot_name: str,
        last: Configuration | None,
        start: Start,
        facts: Facts,
        *,
        told_at: datetime | None,
    ) -> None:
        now = merged(last.snapshot if last else Snapshot(), facts, key_id=self.values.key_id)
        if last is None:
            first = Configuration(
                configuration_id=new_id(),
                bot_name=bot_name,
                number=1,
                start_key=start.key,
                started_at=start.at,
                last_started_at=start.at,
                starts=1,
                is_start=True,
                told_at=told_at,
                snapshot=now,
            )
            await configurations.add(connection, first)
            return
        begun = replace(last, start_key=start.key, last_started_at=start.at)
        if differences(last.snapshot, now):
            await self._add(connection, begun, now, started_at=start.at, is_start=True, told_at=told_at)
        else:
            counted = replace(begun, starts=last.starts + 1, told_at=told_at, snapshot=now)
            await configurations.put(connection, counted)

    async def _amend(self, connection: Connection, last: Configuration, now: Snapshot, *, at: datetime) -> None:
        """What a bot tells first after its start was so from the start on."""
        if last.is_start and last.starts == 1:
            older = await configurations.before(connection, last)
            changes = differences(older.snapshot, now) if older else ()
            await configurations.put(connection, replace(last, snapshot=now, changes=changes, told_at=at))
            return
        # The start was counted with those before it; now it turns out to have been another configuration.
        await configurations.put(connection, replace(last, starts=max(0, last.starts - 1)))
        await self._add(connection, last, now, started_at=last.last_started_at, is_start=True, told_at=at)

    async def _add(
        self,
        connection: Connection,
        last: Configuration,
        now: Snapshot,
        *,
        started_at: datetime,
        is_start: bool,
        told_at: datetime | None,
    ) -> None:
        changes = differences(last.snapshot, now)
        following = replace(
            last,
            configuration_id=new_id(),
            number=last.number + 1,
            started_at=started_at,
            starts=int(is_start),
            is_start=is_start,
            told_at=told_at,
            snapshot=now,
            changes=changes,
        )
        if await configurations.add(connection, following):
            log.info("bot_configuration_changed", bot_name=last.bot_name, changes=len(changes), is_start=is_start)


def is_same_start(one: Start, other: Start) -> bool:
    """Whether two accounts are of one start."""
    if one.key == other.key or one.source == other.source == "seen":
        return True
    return one.source == other.source == "uptime" and abs(one.at - other.at) <= UPTIME_TOLERANCE


def _is_known(last: Configuration, start: Start) -> bool:
    """Whether a start is recorded, or is an older one that somebody reports late."""
    recorded = Start(key=last.start_key, at=last.last_started_at)
    is_older = recorded.source == start.source and start.at <= recorded.at
    return is_older or is_same_start(recorded, start)
