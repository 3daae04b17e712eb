"""What operators decide about alerts: rules, channels and maintenance windows. Every change is audited."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.alerts import settings_repository as alert_settings
from chat_api.alerts.apprise_sender import AppriseSender
from chat_api.alerts.checks import checked_channel, checked_rule, checked_window
from chat_api.alerts.rows import (
    channel_values,
    channel_view,
    rule_values,
    rule_view,
    window_values,
    window_view,
)
from chat_api.alerts.schemas import ChannelDraft, ChannelView, RuleDraft, RuleView, WindowDraft, WindowView
from chat_api.alerts.settings_repository import CHANNELS, RULES, WINDOWS
from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import Conflict, NotFound
from chat_api.core.ids import new_id
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.principals import Permission, Principal
from chat_api.core.text import cleaned


class AlertSettingsService:
    """The same lines of code for the page's forms and for the API."""

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        sender: AppriseSender,
        *,
        known_bots: Callable[[], Collection[str]],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._audit = audit
        self._sender = sender
        self._known_bots = known_bots
        self._clock = clock

    # Rules

    async def rules(self, principal: Principal) -> tuple[RuleView, ...]:
        """All rules, by name. Raises: PermissionDenied, NotAuthenticated."""
        return ODD_ROWS.readable("alert rules", await self._all(principal, RULES), rule_view)

    async def create_rule(self, principal: Principal, draft: RuleDraft) -> RuleView:
        """Add a rule. Raises: InvalidInput, Conflict (its name is taken), PermissionDenied, NotAuthenticated."""
        return await self._put_rule(principal, None, draft)

    async def change_rule(self, principal: Principal, rule_id: UUID, draft: RuleDraft) -> RuleView:
        """Replace a rule. Raises: NotFound, and as :meth:`create_rule`."""
        return await self._put_rule(principal, rule_id, draft)

    async def delete_rule(self, principal: Principal, rule_id: UUID) -> None:
        """Delete a rule; what it fires is resolved. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        await self._delete(principal, Permission.MANAGE_ALERTS, "alert_rule.delete", RULES, rule_id)

    async def _put_rule(self, principal: Principal, rule_id: UUID | None, draft: RuleDraft) -> RuleView:
        await self._audit.require(principal, Permission.MANAGE_ALERTS, cleaned(draft.name, max_chars=100))
        async with self._database.read() as connection:
            channels = {row["id"] for row in await alert_settings.all_of(connection, CHANNELS)}
        rule = checked_rule(draft, bots=self._known_bots(), channels=channels)
        values = rule_values(rule)
        details = {name: value for name, value in values.items() if name != "name"}
        return rule_view(await self._put(principal, "alert_rule", RULES, rule_id, values, details))

    # Channels

    async def channels(self, principal: Principal) -> tuple[ChannelView, ...]:
        """All channels, by name, without their addresses. Raises: PermissionDenied, NotAuthenticated."""
        return ODD_ROWS.readable("alert channels", await self._all(principal, CHANNELS), channel_view)

    async def create_channel(self, principal: Principal, draft: ChannelDraft) -> ChannelView:
        """Add a channel. Raises: InvalidInput, Conflict (its name is taken), PermissionDenied, NotAuthenticated."""
        return await self._put_channel(principal, None, draft)

    async def change_channel(self, principal: Principal, channel_id: UUID, draft: ChannelDraft) -> ChannelView:
        """Replace a channel; without ``url`` it keeps its address. Raises: NotFound, as :meth:`create_channel`."""
        return await self._put_channel(principal, channel_id, draft)

    async def delete_channel(self, principal: Principal, channel_id: UUID) -> None:
        """Delete a channel; what waits to be sent there fails. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        await self._delete(principal, Permission.MANAGE_SETTINGS, "alert_channel.delete", CHANNELS, channel_id)

    async def _put_channel(self, principal: Principal, channel_id: UUID | None, draft: ChannelDraft) -> ChannelView:
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, cleaned(draft.name, max_chars=100))
        channel = checked_channel(draft, is_new=channel_id is None)
        if channel.url is not None:
            await self._sender.check(channel.url)
        values = channel_values(channel)
        details = {name: value for name, value in values.items() if name not in {"name", "url"}}
        details["is_url_changed"] = channel.url is not None
        return channel_view(await self._put(principal, "alert_channel", CHANNELS, channel_id, values, details))

    # Maintenance windows

    async def windows(self, principal: Principal) -> tuple[WindowView, ...]:
        """All maintenance windows, by name. Raises: PermissionDenied, NotAuthenticated."""
        now = self._clock.now()
        return ODD_ROWS.readable(
            "maintenance windows", await self._all(principal, WINDOWS), lambda row: window_view(row, now)
        )

    async def create_window(self, principal: Principal, draft: WindowDraft) -> WindowView:
        """Add a maintenance window. Raises: InvalidInput, PermissionDenied, NotAuthenticated."""
        return await self._put_window(principal, None, draft)

    async def change_window(self, principal: Principal, window_id: UUID, draft: WindowDraft) -> WindowView:
        """Replace a maintenance window. Raises: NotFound, and as :meth:`create_window`."""
        return await self._put_window(principal, window_id, draft)

    async def delete_window(self, principal: Principal, window_id: UUID) -> None:
        """Delete a maintenance window. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        await self._delete(principal, Permission.MANAGE_ALERTS, "maintenance_window.delete", WINDOWS, window_id)

    async def _put_window(self, principal: Principal, window_id: UUID | None, draft: WindowDraft) -> WindowView:
        await self._audit.require(principal, Permission.MANAGE_ALERTS, cleaned(draft.name, max_chars=100))
        values = window_values(checked_window(draft, bots=self._known_bots()))
        details = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in values.items() if k != "name"}
        if window_id is None:
            values = values | {"created_by": principal.username}
        row = await self._put(principal, "maintenance_window", WINDOWS, window_id, values, details)
        return window_view(row, self._clock.now())

    # Inside

    async def _all(self, principal: Principal, table: Table) -> list[RowMapping]:
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return list(await alert_settings.all_of(connection, table))

    async def _put(
        self,
        principal: Principal,
        noun: str,
        table: Table,
        row_id: UUID | None,
        values: Mapping[str, Any],
        details: Mapping[str, object],
    ) -> RowMapping:
        """Add or change one row, with its line in the audit trail."""
        action = f"{noun}.{'create' if row_id is None else 'change'}"
        try:
            async with self._database.write() as connection:
                row = await self._stored(connection, table, row_id, values)
                await self._audit.record(principal, action, row["name"], details=details, connection=connection)
        except IntegrityError:
            raise Conflict("is taken already", field="name") from None
        return row

    async def _stored(
        self, connection: AsyncConnection, table: Table, row_id: UUID | None, values: Mapping[str, Any]
    ) -> RowMapping:
        stamped = dict(values) | ({"updated_at": self._clock.now()} if "updated_at" in table.c else {})
        if row_id is None:
            return await alert_settings.add(connection, table, {"id": new_id()} | stamped)
        row = await alert_settings.change(connection, table, row_id, stamped)
        if row is None:
            raise NotFound
        return row

    async def _delete(
        self, principal: Principal, permission: Permission, action: str, table: Table, row_id: UUID
    ) -> None:
        await self._audit.require(principal, permission, str(row_id))
        async with self._database.write() as connection:
            row = await alert_settings.remove(connection, table, row_id)
            if row is None:
                raise NotFound
            await self._audit.record(principal, action, row["name"], connection=connection)
