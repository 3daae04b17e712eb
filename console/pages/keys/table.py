"""The table of API keys, and what its buttons do."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.keys.schemas import KeyState, KeyView
from console.actions import run_action
from console.context import services
from console.labels import Mark
from console.pages.keys.forms import SHORT_SCOPES, key_form, rotate_form
from console.widgets.action_table import ActionTable, action
from console.widgets.chart import Line, TimeChart
from console.widgets.dialogs import button
from console.widgets.forms import confirm
from console.widgets.quantities import whole
from console.widgets.records import column

USAGE_DAYS = 30
STATES = {
    KeyState.ACTIVE: Mark(N_("Active"), "ok", "online"),
    KeyState.EXPIRED: Mark(N_("Expired"), "warn", "paused"),
    KeyState.REVOKED: Mark(N_("Revoked"), "idle", "stop"),
}
NAME = column("name", N_("Name"))
OWNER = column("owner", N_("Owner"))
COLUMNS = (
    column("state", N_("State"), kind="status"),
    column("ends", N_("Key")),
    column("scopes", N_("Allows")),
    column("today", N_("Messages today"), kind="number"),
    column("used", N_("Last used"), kind="time"),
    column("expires", N_("Expires")),
)


class KeysTable:
    """Everybody's keys for who may manage them, else those of whoever looks."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._is_everybodys = principal.may(Permission.MANAGE_KEYS)
        self._keys: dict[str, KeyView] = {}

    async def read(self, who: Principal) -> tuple[KeyView, ...]:
        """What is to be shown. Raises: PermissionDenied."""
        keys = services().keys
        return await (keys.everybodys(who) if self._is_everybodys else keys.own(who))

    def build(self, keys: Sequence[KeyView]) -> None:
        """Put the table here."""
        self._table = ActionTable(
            (NAME, OWNER, *COLUMNS) if self._is_everybodys else (NAME, *COLUMNS),
            self._rows(keys),
            empty=_("No API keys yet."),
            on_action=self._act,
            lead=lambda: button(_("New API key"), self._create, kind="we-primary", testid="new"),
        )

    def _rows(self, keys: Sequence[KeyView]) -> list[dict[str, Any]]:
        self._keys = {str(key.key_id): key for key in keys}
        return [_row(key) for key in keys]

    async def _refresh(self) -> None:
        keys = await run_action(self._principal, self.read)
        if keys is not None:
            self._table.show(self._rows(keys))

    def _create(self) -> None:
        key_form(self._principal, None, done=self._refresh)

    async def _act(self, what: str, key_id: str) -> None:
        key = self._keys.get(key_id)
        if key is None:
            return
        match what:
            case "edit":
                key_form(self._principal, key, done=self._refresh)
            case "rotate":
                rotate_form(self._principal, key, done=self._refresh)
            case "usage":
                await self._show_usage(key)
            case "revoke":
                confirm(
                    self._principal,
                    _("Revoke {name}?", name=key.name),
                    _("Programs that use it stop working at once. This can't be undone."),
                    save=lambda person: services().keys.revoke(person, UUID(key_id)),
                    done=self._refresh,
                    button=_("Revoke"),
                )

    async def _show_usage(self, key: KeyView) -> None:
        days = await run_action(
            self._principal, lambda person: services().keys.usage(person, key.key_id, days=USAGE_DAYS)
        )
        if days is None:
            return
        at = [datetime.combine(day.day, time(), UTC) for day in days]
        with ui.dialog() as dialog, ui.element("div").classes("we-form-dialog").props('data-testid="usage"'):
            dialog.props["aria-label"] = _("Usage of {name}", name=key.name)
            ui.label(_("Usage of {name}", name=key.name)).classes("we-form-title").props("role=heading aria-level=2")
            TimeChart(
                _("Per day"),
                [
                    Line(
                        name=_("Requests"), tone="idle", points=list(zip(at, [d.requests for d in days], strict=True))
                    ),
                    Line(
                        name=_("Messages"),
                        kind="bar",
                        tone="ok",
                        points=list(zip(at, [d.messages for d in days], strict=True)),
                    ),
                    Line(
                        name=_("Refused"),
                        kind="bar",
                        tone="bad",
                        points=list(zip(at, [d.refused for d in days], strict=True)),
                    ),
                ],
                unit=_("last {count} days", count=USAGE_DAYS),
                is_count=True,
            )
            total = _(
                "Messages: {messages} · Requests: {requests} · Refused by a limit: {refused}",
                messages=whole(sum(day.messages for day in days)),
                requests=whole(sum(day.requests for day in days)),
                refused=whole(sum(day.refused for day in days)),
            )
            ui.label(total).classes("we-muted").props('data-testid="usage-total"')
            with ui.element("div").classes("we-dialog-actions"):
                button(_("Close"), dialog.close)
        dialog.on("hide", dialog.delete)
        dialog.open()


def _row(key: KeyView) -> dict[str, Any]:
    mark = STATES[key.state]
    is_over = key.state is KeyState.REVOKED
    changes = (
        [] if is_over else [action("edit", _("Edit")), action("rotate", _("Rotate")), action("revoke", _("Revoke"))]
    )
    bots = ", ".join(key.bots)
    allows = ", ".join(_(SHORT_SCOPES[scope]) for scope in key.scopes)
    return {
        "key": str(key.key_id),
        "called": key.name,
        "name": key.name,
        "owner": key.owner_name,
        "state": _(mark.label),
        "tone": mark.tone,
        "symbol": mark.icon,
        "ends": f"…{key.last_four}",
        "scopes": f"{allows} ({bots})" if bots else allows,
        "today": f"{whole(key.messages_today)} / {whole(key.messages_per_day)}"
        if key.messages_per_day
        else whole(key.messages_today),
        "used": key.last_used_at.isoformat() if key.last_used_at else "",
        "expires": f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "",
        "actions": [action("usage", _("Usage")), *changes],
    }
