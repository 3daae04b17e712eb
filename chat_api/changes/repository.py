"""Configurations of bots as they are stored: two recorders at once store each of them once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.changes.schemas import (
    Baseline,
    ChangeEntry,
    ChangeKind,
    ChangesQuery,
    ChangeType,
    Configuration,
    ConfigurationView,
    Group,
    LastChange,
    RecordedStart,
    Snapshot,
)
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none
from models import WebBotConfiguration

_NEWEST = text("""
SELECT * FROM web_bot_configurations WHERE bot_name = :bot_name ORDER BY number DESC LIMIT 1 FOR UPDATE
""")
_BEFORE = text("SELECT * FROM web_bot_configurations WHERE bot_name = :bot_name AND number = :number - 1")
_CURRENT = text("SELECT DISTINCT ON (bot_name) * FROM web_bot_configurations ORDER BY bot_name DESC, number DESC")
_RECORDED = text("""
SELECT DISTINCT ON (bot_name) bot_name, start_key, coalesce(facts ->> 'key', '') AS key_id,
  facts ? 'environment' AS has_environment
FROM web_bot_configurations ORDER BY bot_name DESC, number DESC
""")
_FIND = text("""
SELECT c.* FROM web_bot_configurations c
WHERE (CAST(:bot_name AS text) IS NULL OR c.bot_name = :bot_name)
  AND (CAST(:since AS timestamptz) IS NULL OR c.started_at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR c.started_at < :until)
  AND (CAST(:kind AS jsonb) IS NULL OR c.changes @> CAST(:kind AS jsonb))
  AND (CAST(:before AS uuid) IS NULL
    OR (c.started_at, c.id) < (SELECT b.started_at, b.id FROM web_bot_configurations b WHERE b.id = :before))
ORDER BY c.started_at DESC, c.id DESC LIMIT :limit
""")
# A time in which it was online for long is preferred: a bot that comes up and falls again was not healthy.
_BASELINES = text("""
SELECT asked.bot_name, healthy.at AS healthy_at, known.starts, base.facts AS healthy, latest.facts AS latest,
  changed.started_at AS changed_at, changed.is_start AS changed_is_start, changed.changes AS changed
FROM unnest(CAST(:names AS text[]), CAST(:untils AS timestamptz[]), CAST(:failed AS timestamptz[]))
  AS asked (bot_name, until, failed_at)
LEFT JOIN LATERAL (
  SELECT least(i.until_at, asked.failed_at) AS at FROM web_status_intervals i
  WHERE i.subject = 'bot:' || asked.bot_name AND i.status = 'online' AND i.started_at < asked.failed_at
  ORDER BY least(i.until_at, asked.failed_at) - i.started_at >= CAST(:steady AS interval) DESC, i.started_at DESC
  LIMIT 1) AS healthy ON true
LEFT JOIN LATERAL (
  SELECT coalesce(sum(c.starts), 0)::int AS starts FROM web_bot_configurations c
  WHERE c.bot_name = asked.bot_name AND c.started_at <= asked.until) AS known ON true
LEFT JOIN LATERAL (
  SELECT c.facts FROM web_bot_configurations c WHERE c.bot_name = asked.bot_name
  ORDER BY c.started_at <= healthy.at DESC NULLS LAST,
    CASE WHEN c.started_at <= healthy.at THEN -c.number ELSE c.number END LIMIT 1) AS base ON true
LEFT JOIN LATERAL (
  SELECT c.facts FROM web_bot_configurations c
  WHERE c.bot_name = asked.bot_name AND c.started_at <= asked.until ORDER BY c.number DESC LIMIT 1) AS latest ON true
LEFT JOIN LATERAL (
  SELECT c.started_at, c.is_start, c.changes FROM web_bot_configurations c
  WHERE c.bot_name = asked.bot_name AND c.started_at <= asked.until AND c.changes <> '[]'
  ORDER BY c.number DESC LIMIT 1) AS changed ON true
""")
# Of a bot whose model or flags never stay the same the newest are kept.
_PRUNE = text("""
DELETE FROM web_bot_configurations c USING (
  SELECT id, last_started_at, row_number() OVER (PARTITION BY bot_name ORDER BY number DESC) AS age
  FROM web_bot_configurations) AS ranked
WHERE ranked.id = c.id AND ranked.age > 1 AND (ranked.age > :keep OR ranked.last_started_at < :before)
""")


async def newest(connection: AsyncConnection, bot_name: str) -> Configuration | None:
    """The last one of a bot; nobody else changes it until the transaction ends."""
    row = await one_or_none(connection, _NEWEST, {"bot_name": bot_name})
    return _configuration(row) if row else None


async def before(connection: AsyncConnection, configuration: Configuration) -> Configuration | None:
    """The one that a bot had before this one."""
    values = {"bot_name": configuration.bot_name, "number": configuration.number}
    row = await one_or_none(connection, _BEFORE, values)
    return _configuration(row) if row else None


async def current(connection: AsyncConnection) -> tuple[Configuration, ...]:
    """The last one of every bot, by name."""
    return ODD_ROWS.readable("bot configurations", await many(connection, _CURRENT), _configuration)


async def recorded(connection: AsyncConnection) -> tuple[RecordedStart, ...]:
    """The last start of every bot, without all that is known of it."""
    return tuple(RecordedStart(**row) for row in await many(connection, _RECORDED))


async def find(connection: AsyncConnection, query: ChangesQuery) -> tuple[ConfigurationView, ...]:
    """Those that fit, newest first."""
    values = {
        "bot_name": query.bot_name,
        "since": query.since,
        "until": query.until,
        "before": query.before,
        "kind": f'[{{"kind": "{query.kind}"}}]' if query.kind else None,
        "limit": query.limit,
    }
    return ODD_ROWS.readable("bot configurations", await many(connection, _FIND, values), _view)


async def baselines(
    connection: AsyncConnection, failed: Mapping[str, tuple[datetime, datetime]], *, steady: timedelta
) -> tuple[Baseline, ...]:
    """How bots were when they were last healthy; ``failed``: when each began to fail, and until when to look.

    ``steady`` is how long a healthy time has to be.
    """
    values = {
        "names": list(failed),
        "failed": [began for began, _ in failed.values()],
        "untils": [until for _, until in failed.values()],
        "steady": steady,
    }
    return tuple(_baseline(row) for row in await many(connection, _BASELINES, values))


async def add(connection: AsyncConnection, configuration: Configuration) -> bool:
    """Store one; False when another recorder was first."""
    statement = upsert(WebBotConfiguration).values(**_row(configuration)).on_conflict_do_nothing()
    return await affected(connection, statement) == 1


async def put(connection: AsyncConnection, configuration: Configuration) -> None:
    """Store one that is there already as it is now."""
    row = _row(configuration)
    changed = {name: row[name] for name in row.keys() - {"id", "bot_name", "number"}}
    statement = upsert(WebBotConfiguration).values(**row).on_conflict_do_update(index_elements=["id"], set_=changed)
    await connection.execute(statement)


async def prune(connection: AsyncConnection, *, keep: int, before: datetime) -> None:
    """Drop what is older; of each bot at most ``keep`` stay, and always the last one."""
    await connection.execute(_PRUNE, {"keep": keep, "before": before})


def _row(configuration: Configuration) -> dict[str, Any]:
    return {
        "id": configuration.configuration_id,
        "bot_name": configuration.bot_name,
        "number": configuration.number,
        "start_key": configuration.start_key,
        "started_at": configuration.started_at,
        "last_started_at": configuration.last_started_at,
        "starts": configuration.starts,
        "is_start": configuration.is_start,
        "told_at": configuration.told_at,
        "facts": {"key": configuration.snapshot.key_id}
        | {str(k): dict(v) for k, v in configuration.snapshot.facts.items()},
        "changes": [_entry_row(entry) for entry in configuration.changes],
    }


def _entry_row(entry: ChangeEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "change": entry.change,
        "before": entry.before,
        "after": entry.after,
        "is_hidden": entry.is_hidden,
    }


def _configuration(row: RowMapping) -> Configuration:
    return Configuration(
        configuration_id=row["id"],
        bot_name=row["bot_name"],
        number=row["number"],
        start_key=row["start_key"],
        started_at=row["started_at"],
        last_started_at=row["last_started_at"],
        starts=row["starts"],
        is_start=row["is_start"],
        told_at=row["told_at"],
        snapshot=_snapshot(row["facts"]),
        changes=_entries(row["changes"]),
    )


def _view(row: RowMapping) -> ConfigurationView:
    return ConfigurationView(
        configuration_id=row["id"],
        bot_name=row["bot_name"],
        is_first=row["number"] == 1,
        is_start=row["is_start"],
        started_at=row["started_at"],
        last_started_at=row["last_started_at"],
        starts=row["starts"],
        changes=_entries(row["changes"]),
    )


def _baseline(row: RowMapping) -> Baseline:
    last = None
    if row["changed_at"] is not None:
        last = LastChange(at=row["changed_at"], is_start=row["changed_is_start"], changes=_entries(row["changed"]))
    return Baseline(
        bot_name=row["bot_name"],
        healthy_at=row["healthy_at"],
        healthy=_snapshot(row["healthy"]) if row["healthy"] else None,
        latest=_snapshot(row["latest"]) if row["latest"] else None,
        starts=row["starts"],
        last_change=last,
    )


def _snapshot(facts: Mapping[str, Any]) -> Snapshot:
    """A group that another version knows is left out."""
    known = {Group(name): dict(named) for name, named in facts.items() if name in set(Group)}
    return Snapshot(key_id=str(facts.get("key", "")), facts=known)


def _entries(rows: Sequence[Mapping[str, Any]]) -> tuple[ChangeEntry, ...]:
    return tuple(
        ChangeEntry(**dict(row) | {"kind": ChangeKind(row["kind"]), "change": ChangeType(row["change"])})
        for row in rows
    )
