"""The alert settings of operators: rules, channels and maintenance windows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, time
from typing import Any, Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.alerts.schemas import Channel, ChannelDraft, QuietHours, RuleDraft, RuleView, WindowDraft, WindowView
from chat_api.core.errors import Conflict
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import many, one_or_none, unless_taken
from models import AlertChannel, AlertRule, MaintenanceWindow, NoData, RuleKind, Severity

DraftT = TypeVar("DraftT", RuleDraft, ChannelDraft, WindowDraft)
ViewT = TypeVar("ViewT", RuleView, Channel, WindowView)
_WINDOW = tuple(field.name for field in fields(WindowDraft))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions(Generic[DraftT, ViewT]):
    """One of the three tables: ``columns`` maps a draft to its columns, ``read`` a row to its view at a moment."""

    title: str
    table: Table
    columns: Callable[[DraftT], dict[str, Any]]
    read: Callable[[RowMapping, datetime], ViewT]

    async def all(self, connection: AsyncConnection, *, now: datetime) -> tuple[ViewT, ...]:
        """Every one that can be read, by name."""
        rows = await many(connection, select(self.table).order_by(self.table.c.name))
        return ODD_ROWS.readable(self.title, rows, lambda row: self.read(row, now))

    async def one(self, connection: AsyncConnection, row_id: UUID, *, now: datetime) -> ViewT | None:
        """One by its id; None when there is none, or it cannot be read."""
        rows = await many(connection, select(self.table).where(self.table.c.id == row_id))
        return next(iter(ODD_ROWS.readable(self.title, rows, lambda row: self.read(row, now))), None)

    async def add(
        self, connection: AsyncConnection, row_id: UUID, draft: DraftT, *, now: datetime, **others: object
    ) -> ViewT:
        """Store a new one. Raises: Conflict when its name is taken."""
        values = self._values(draft, now) | others | {"id": row_id}
        with unless_taken(Conflict("is already taken", field="name")):
            (row,) = await many(connection, insert(self.table).values(**values).returning(self.table))
        return self.read(row, now)

    async def change(self, connection: AsyncConnection, row_id: UUID, draft: DraftT, *, now: datetime) -> ViewT | None:
        """Replace one; None when there is none. Raises: Conflict when its name is taken."""
        statement = update(self.table).where(self.table.c.id == row_id).values(**self._values(draft, now))
        with unless_taken(Conflict("is already taken", field="name")):
            row = await one_or_none(connection, statement.returning(self.table))
        return self.read(row, now) if row else None

    async def remove(self, connection: AsyncConnection, row_id: UUID) -> str | None:
        """Delete one; gives its name, None when there was none."""
        name: str | None = (
            await connection.execute(delete(self.table).where(self.table.c.id == row_id).returning(self.table.c.name))
        ).scalar_one_or_none()
        return name

    def _values(self, draft: DraftT, now: datetime) -> dict[str, Any]:
        return self.columns(draft) | ({"updated_at": now} if "updated_at" in self.table.c else {})


def _rule_columns(rule: RuleDraft) -> dict[str, Any]:
    return {
        "name": rule.name,
        "kind": rule.kind.value,
        "threshold": rule.threshold,
        "bots": _list(rule.bots),
        "for_s": rule.for_s,
        "keep_firing_for_s": rule.keep_firing_for_s,
        "no_data": rule.no_data.value,
        "severity": rule.severity.value,
        "channels": [str(one) for one in rule.channels] if rule.channels is not None else None,
        "repeat_s": rule.repeat_s,
        "is_enabled": rule.is_enabled,
    }


def _rule(row: RowMapping, _: datetime) -> RuleView:
    return RuleView(
        rule_id=row["id"],
        name=row["name"],
        kind=RuleKind(row["kind"]),
        threshold=row["threshold"],
        bots=_tuple(row["bots"]),
        for_s=row["for_s"],
        keep_firing_for_s=row["keep_firing_for_s"],
        no_data=NoData(row["no_data"]),
        severity=Severity(row["severity"]),
        channels=tuple(UUID(one) for one in row["channels"]) if row["channels"] is not None else None,
        repeat_s=row["repeat_s"],
        is_enabled=row["is_enabled"],
    )


def _channel_columns(channel: ChannelDraft) -> dict[str, Any]:
    """The address only when there is one to store."""
    quiet = channel.quiet
    values = {
        "name": channel.name,
        "severities": [one.value for one in Severity if one in channel.severities],
        "quiet_from": quiet.starts if quiet else None,
        "quiet_to": quiet.ends if quiet else None,
        "time_zone": quiet.time_zone if quiet else "UTC",
        "does_critical_break_quiet": quiet.does_critical_break if quiet else True,
        "is_enabled": channel.is_enabled,
    }
    return values | ({"url": channel.url} if channel.url is not None else {})


def _channel(row: RowMapping, _: datetime) -> Channel:
    return Channel(
        channel_id=row["id"],
        name=row["name"],
        url=row["url"],
        # An unknown severity of another version must not disable the known ones.
        severities=tuple(one for one in Severity if one in row["severities"]),
        quiet=_quiet_hours(row),
        is_enabled=row["is_enabled"],
    )


def _quiet_hours(row: Mapping[Any, Any]) -> QuietHours | None:
    if row["quiet_from"] is None or row["quiet_to"] is None:
        return None
    for moment in (row["quiet_from"], row["quiet_to"]):
        time.fromisoformat(moment)
    ZoneInfo(row["time_zone"])
    return QuietHours(
        starts=row["quiet_from"],
        ends=row["quiet_to"],
        time_zone=row["time_zone"],
        does_critical_break=row["does_critical_break_quiet"],
    )


def _window_columns(window: WindowDraft) -> dict[str, Any]:
    return {name: getattr(window, name) for name in _WINDOW} | {"bots": _list(window.bots)}


def _window(row: RowMapping, now: datetime) -> WindowView:
    draft = WindowDraft(**{name: row[name] for name in _WINDOW} | {"bots": _tuple(row["bots"])})
    return WindowView(
        window_id=row["id"],
        created_by=row["created_by"],
        is_active=draft.is_active_at(now),
        **{name: getattr(draft, name) for name in _WINDOW},
    )


def _list(names: tuple[str, ...] | None) -> list[str] | None:
    return list(names) if names is not None else None


def _tuple(names: list[str] | None) -> tuple[str, ...] | None:
    return tuple(names) if names is not None else None


RULES: Decisions[RuleDraft, RuleView] = Decisions(
    title="alert rules",
    table=AlertRule.__table__,  # type: ignore[attr-defined]
    columns=_rule_columns,
    read=_rule,
)
CHANNELS: Decisions[ChannelDraft, Channel] = Decisions(
    title="alert channels",
    table=AlertChannel.__table__,  # type: ignore[attr-defined]
    columns=_channel_columns,
    read=_channel,
)
WINDOWS: Decisions[WindowDraft, WindowView] = Decisions(
    title="maintenance windows",
    table=MaintenanceWindow.__table__,  # type: ignore[attr-defined]
    columns=_window_columns,
    read=_window,
)
