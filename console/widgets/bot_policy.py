"""What an operator decides for one bot: maintenance, healing, canary, quarantine, notes."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from chat_api.schemas.fleet import BotPolicy
from chat_api.schemas.policies import PolicyChange
from chat_api.schemas.principals import Permission, Principal
from chat_api.services.policies import MAX_NOTES_CHARS, MAX_REASON_CHARS
from console.actions import run_action
from console.context import services
from console.widgets.bot_actions import button

SPANS = {0: "until somebody ends it", 30: "for 30 minutes", 60: "for 1 hour", 240: "for 4 hours", 1440: "for 1 day"}
FAILURES = (2, 3, 5, 10, 20)


async def bot_policy(principal: Principal, bot_name: str) -> None:
    """The panel of a bot's policy; who may not change it sees it. Raises: NotFound, PermissionDenied."""
    policy = await services().policies.policy(principal, bot_name)
    with ui.element("section").classes("we-panel").props('aria-label="Policy" data-testid="bot-policy"'):
        ui.label("Policy").props("role=heading aria-level=2").classes("we-strong")
        body = ui.element("div").classes("we-policy")

    async def change(change: PolicyChange, done: str) -> None:
        show(await run_action(principal, lambda who: services().policies.change(who, bot_name, change), done=done))

    async def release() -> None:
        done = "Released from quarantine"
        show(await run_action(principal, lambda who: services().policies.release(who, bot_name), done=done))

    def show(seen: BotPolicy | None) -> None:
        if seen is None:
            return
        body.clear()
        with body:
            _form(seen, change, release, may_change=principal.may(Permission.MANAGE_BOT))

    show(policy)


Change = Callable[[PolicyChange, str], Awaitable[None]]


def _form(policy: BotPolicy, change: Change, release: Callable[[], Awaitable[None]], *, may_change: bool) -> None:
    if policy.quarantined_at is not None:
        with ui.element("div").classes("we-banner we-tone-warn").props('data-testid="quarantine"'):
            ui.label(f"In quarantine: {policy.quarantine_reason}")
            if may_change:
                button("Release", "start", release, testid="release")
    _maintenance(policy, change, may_change=may_change)
    _healing(policy, change, may_change=may_change)

    async def canary(event: Any) -> None:
        word = "tried with a message regularly" if event.value else "not tried with messages any more"
        await change(PolicyChange(is_canary_on=bool(event.value)), f"The bot is {word}")

    _switch("Try it with a short message regularly", policy.is_canary_on, canary, is_enabled=may_change, name="canary")
    _notes(policy, change, may_change=may_change)
    if policy.changed_by:
        ui.label(f"Last changed by {policy.changed_by}").classes("we-muted")


def _maintenance(policy: BotPolicy, change: Change, *, may_change: bool) -> None:
    if policy.is_in_maintenance(datetime.now(UTC)):

        async def end() -> None:
            await change(PolicyChange(is_in_maintenance=False), "Maintenance has ended")

        until = f" until {policy.maintenance_until:%d %b %H:%M} UTC" if policy.maintenance_until else ""
        why = f": {policy.maintenance_reason}" if policy.maintenance_reason else ""
        with ui.element("div").classes("we-banner we-tone-idle").props('data-testid="maintenance"'):
            ui.label(f"In maintenance{until}{why}")
            if may_change:
                button("End maintenance", "done", end, testid="end-maintenance")
        return
    if not may_change:
        ui.label("Not in maintenance").classes("we-muted")
        return
    with ui.element("div").classes("we-toolbar"):
        reason = ui.input("Reason for maintenance").props(f"outlined dense maxlength={MAX_REASON_CHARS}")
        length = ui.select(SPANS, value=0, label="How long").props("outlined dense")

        async def begin() -> None:
            until = datetime.now(UTC) + timedelta(minutes=length.value) if length.value else None
            wanted = PolicyChange(
                is_in_maintenance=True, maintenance_reason=reason.value or "", maintenance_until=until
            )
            await change(wanted, "The bot is in maintenance: no alarms, no healing")

        button("Begin maintenance", "maintenance", begin, testid="begin-maintenance")


def _healing(policy: BotPolicy, change: Change, *, may_change: bool) -> None:
    async def switched(event: Any) -> None:
        word = "restarted by itself when it stays down" if event.value else "not restarted by itself"
        await change(PolicyChange(is_auto_healed=bool(event.value)), f"The bot is {word}")

    async def counted(event: Any) -> None:
        await change(PolicyChange(heal_after_failures=int(event.value)), f"Restarted after {event.value} failed checks")

    with ui.element("div").classes("we-toolbar"):
        label = "Restart it by itself when it stays down"
        _switch(label, policy.is_auto_healed, switched, is_enabled=may_change, name="auto-heal")
        choices = sorted({*FAILURES, policy.heal_after_failures})
        failures = ui.select(
            {count: f"{count} failed checks" for count in choices}, value=policy.heal_after_failures, label="After"
        ).props("outlined dense")
        failures.set_enabled(may_change)
        failures.on_value_change(counted)
    ui.label("At most three times an hour, ever more slowly, then it is put in quarantine.").classes("we-muted")


def _notes(policy: BotPolicy, change: Change, *, may_change: bool) -> None:
    notes = ui.textarea("Notes", value=policy.notes).props(f"outlined dense autogrow maxlength={MAX_NOTES_CHARS}")
    notes.set_enabled(may_change)

    async def save() -> None:
        await change(PolicyChange(notes=notes.value or ""), "Notes saved")

    if may_change:
        button("Save notes", "done", save, testid="save-notes")


def _switch(label: str, is_on: bool, changed: Callable[[Any], Awaitable[None]], *, is_enabled: bool, name: str) -> None:
    switch = ui.switch(label, value=is_on).props(f'data-testid="switch-{name}"')
    switch.set_enabled(is_enabled)
    switch.on_value_change(changed)
