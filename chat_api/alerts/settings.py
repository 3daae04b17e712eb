"""The alert settings of operators: rules, channels and maintenance windows. Every change is audited."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from uuid import UUID

from chat_api.alerts.apprise_sender import AppriseSender, masked
from chat_api.alerts.checks import checked_channel, checked_rule, checked_window
from chat_api.alerts.schemas import Channel, ChannelDraft, ChannelView, RuleDraft, RuleView, WindowDraft, WindowView
from chat_api.alerts.settings_repository import CHANNELS, RULES, WINDOWS, Decisions, DraftT, ViewT
from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import NotFound
from chat_api.core.ids import new_id
from chat_api.core.principals import Permission, Principal
from chat_api.core.text import cleaned


class AlertSettingsService:
    """Shared by the page's forms and the API."""

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
        return await self._all(principal, RULES)

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
            channels = {one.channel_id for one in await CHANNELS.all(connection, now=self._clock.now())}
        rule = checked_rule(draft, bots=self._known_bots(), channels=channels)
        return await self._put(principal, "alert_rule", RULES, rule_id, rule)

    # Channels

    async def channels(self, principal: Principal) -> tuple[ChannelView, ...]:
        """All channels, by name, without their addresses. Raises: PermissionDenied, NotAuthenticated."""
        return tuple(map(_public, await self._all(principal, CHANNELS)))

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
        details = {"is_url_changed": channel.url is not None}
        return _public(await self._put(principal, "alert_channel", CHANNELS, channel_id, channel, details=details))

    # Maintenance windows

    async def windows(self, principal: Principal) -> tuple[WindowView, ...]:
        """All maintenance windows, by name. Raises: PermissionDenied, NotAuthenticated."""
        return await self._all(principal, WINDOWS)

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
        window = checked_window(draft, bots=self._known_bots())
        return await self._put(
            principal, "maintenance_window", WINDOWS, window_id, window, created_by=principal.username
        )

    # Inside

    async def _all(self, principal: Principal, decisions: Decisions[DraftT, ViewT]) -> tuple[ViewT, ...]:
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await decisions.all(connection, now=self._clock.now())

    async def _put(
        self,
        principal: Principal,
        noun: str,
        decisions: Decisions[DraftT, ViewT],
        row_id: UUID | None,
        draft: DraftT,
        *,
        details: Mapping[str, object] | None = None,
        **others: object,
    ) -> ViewT:
        """Add one (with ``others``) or replace it, with its line in the audit trail, which has no address."""
        now = self._clock.now()
        said = {name: _said(value) for name, value in decisions.columns(draft).items() if name not in {"name", "url"}}
        said |= details or {}
        async with self._database.write() as connection:
            if row_id is None:
                stored: ViewT | None = await decisions.add(connection, new_id(), draft, now=now, **others)
            else:
                stored = await decisions.change(connection, row_id, draft, now=now)
            if stored is None:
                raise NotFound
            action = f"{noun}.{'create' if row_id is None else 'change'}"
            await self._audit.record(principal, action, draft.name, details=said, connection=connection)
        return stored

    async def _delete(
        self,
        principal: Principal,
        permission: Permission,
        action: str,
        decisions: Decisions[DraftT, ViewT],
        row_id: UUID,
    ) -> None:
        await self._audit.require(principal, permission, str(row_id))
        async with self._database.write() as connection:
            name = await decisions.remove(connection, row_id)
            if name is None:
                raise NotFound
            await self._audit.record(principal, action, name, connection=connection)


def _said(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _public(channel: Channel) -> ChannelView:
    return ChannelView(
        channel_id=channel.channel_id,
        name=channel.name,
        masked_url=masked(channel.url),
        severities=channel.severities,
        quiet=channel.quiet,
        is_enabled=channel.is_enabled,
    )
