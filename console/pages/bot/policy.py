"""What an operator decides for one bot: maintenance, healing, synthetic checks, quarantine, notes."""

from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from nicegui import ui

from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.policies import MAX_NOTES_CHARS, MAX_REASON_CHARS
from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.fleet.schemas import BotPolicy, FleetView
from console.actions import run_action
from console.context import services
from console.live.open_pages import open_pages
from console.widgets.fact_words import clock
from console.widgets.icon_button import icon_button
from console.widgets.lifetime import while_shown

SPANS = {
    0: N_("until someone ends it"),
    30: N_("for 30 minutes"),
    60: N_("for 1 hour"),
    240: N_("for 4 hours"),
    1440: N_("for 1 day"),
}
FAILURES = (2, 3, 5, 10, 20)
LIMITS = N_("At most three restarts an hour, with growing delays. Then the bot is quarantined.")


async def bot_policy(principal: Principal, bot_name: str) -> None:
    """The panel of a bot's policy; who may not change it sees it. Raises: NotFound, PermissionDenied."""
    policy = await services().policies.policy(principal, bot_name)
    panel = _Panel(principal, policy)
    client, fleet = ui.context.client, services().fleet

    def changed(_: FleetView) -> None:
        newest = fleet.policy_of(policy.bot_name)
        if newest is not None and client in open_pages():
            with open_pages().entered(client):
                panel.show(newest)

    fleet.changes.listen(changed)
    while_shown(lambda: fleet.changes.forget(changed))


class _Panel:
    """One panel. Only what changed is built anew: what somebody is writing beside it stays."""

    def __init__(self, principal: Principal, policy: BotPolicy) -> None:
        self._principal = principal
        self._policy = policy
        self._may_change = principal.may(Permission.MANAGE_BOT)
        with ui.element("section").classes("we-panel").props('data-testid="bot-policy"') as panel:
            panel.props["aria-label"] = _("Policy")
            ui.label(_("Policy")).props("role=heading aria-level=2").classes("we-strong")
            self._quarantine = ui.element("div").classes("we-policy")
            self._maintenance = ui.element("div").classes("we-policy")
            self._healing()
            self._check = self._switch(
                _("Send a short test message when no one talks to it"),
                "is_synthetic_check_on",
                testid="synthetic-check",
            )
            self._notes()
            self._changed_by = ui.label().classes("we-muted")
        self._build_quarantine()
        self._build_maintenance()
        self._sign()

    def show(self, policy: BotPolicy) -> None:
        """Show the policy as it is now."""
        before, self._policy = self._policy, policy
        if policy == before:
            return
        if (policy.quarantined_at, policy.quarantine_reason) != (before.quarantined_at, before.quarantine_reason):
            self._build_quarantine()
        if _maintenance_of(policy) != _maintenance_of(before):
            self._build_maintenance()
        self._heals.set_value(policy.is_auto_healed)
        self._heals_silence.set_value(policy.is_healed_when_silent)
        self._check.set_value(policy.is_synthetic_check_on)
        self._failures.set_options(_choices(policy.heal_after_failures), value=policy.heal_after_failures)
        self._sign()

    async def _change(self, change: PolicyChange, done: str) -> None:
        name = self._policy.bot_name
        changed = await run_action(
            self._principal, lambda who: services().policies.change(who, name, change), done=done
        )
        if changed is not None:
            self.show(changed)

    async def _release(self) -> None:
        name, done = self._policy.bot_name, _("Released from quarantine")
        released = await run_action(self._principal, lambda who: services().policies.release(who, name), done=done)
        if released is not None:
            self.show(released)

    def _sign(self) -> None:
        name = self._policy.changed_by
        self._changed_by.set_text(_("Last changed by {name}", name=name) if name else "")

    def _build_quarantine(self) -> None:
        self._quarantine.clear()
        self._quarantine.set_visibility(self._policy.quarantined_at is not None)
        if self._policy.quarantined_at is None:
            return
        with self._quarantine, ui.element("div").classes("we-banner we-tone-warn") as banner:
            banner.props('data-testid="quarantine"')
            ui.label(_("Quarantined: {reason}", reason=self._policy.quarantine_reason))
            if self._may_change:
                icon_button(_("Release"), "start", self._release, testid="release")

    def _build_maintenance(self) -> None:
        self._maintenance.clear()
        with self._maintenance:
            if self._policy.is_in_maintenance(datetime.now(UTC)):
                self._in_maintenance()
            elif self._may_change:
                self._begin_maintenance()
            else:
                ui.label(_("Not in maintenance")).classes("we-muted")

    def _in_maintenance(self) -> None:
        async def end() -> None:
            await self._change(PolicyChange(is_in_maintenance=False), _("Maintenance ended"))

        with ui.element("div").classes("we-banner we-tone-idle").props('data-testid="maintenance"'):
            ui.html(_maintenance_html(self._policy), sanitize=False)
            if self._may_change:
                icon_button(_("End maintenance"), "done", end, testid="end-maintenance")

    def _begin_maintenance(self) -> None:
        with ui.element("div").classes("we-toolbar"):
            reason = ui.input(_("Reason for maintenance")).props(f"outlined dense maxlength={MAX_REASON_CHARS}")
            length = ui.select({key: _(text) for key, text in SPANS.items()}, value=0, label=_("Duration")).props(
                "outlined dense"
            )

            async def begin() -> None:
                until = datetime.now(UTC) + timedelta(minutes=length.value) if length.value else None
                wanted = PolicyChange(
                    is_in_maintenance=True, maintenance_reason=reason.value or "", maintenance_until=until
                )
                await self._change(wanted, _("Maintenance started: no alerts, no auto-heal"))

            icon_button(_("Start maintenance"), "maintenance", begin, testid="begin-maintenance")

    def _healing(self) -> None:
        chosen = self._policy.heal_after_failures

        async def counted(event: Any) -> None:
            if event.value != self._policy.heal_after_failures:
                wanted = PolicyChange(heal_after_failures=int(event.value))
                await self._change(wanted, _("Restarts after {count} failed checks", count=event.value))

        with ui.element("div").classes("we-toolbar"):
            label = _("Restart automatically when it stays down")
            self._heals = self._switch(label, "is_auto_healed", testid="auto-heal")
            self._failures = ui.select(_choices(chosen), value=chosen, label=_("After")).props("outlined dense")
            self._failures.set_enabled(self._may_change)
            self._failures.on_value_change(counted)
        label = _("Also when it's healthy but doesn't answer messages")
        self._heals_silence = self._switch(label, "is_healed_when_silent", testid="heal-silence")
        self._heals_silence.bind_enabled_from(self._heals, "value", lambda is_on: bool(is_on) and self._may_change)
        ui.label(_(LIMITS)).classes("we-muted")

    def _notes(self) -> None:
        notes = ui.textarea(_("Notes"), value=self._policy.notes)
        notes.props(f"outlined dense autogrow maxlength={MAX_NOTES_CHARS}")
        notes.set_enabled(self._may_change)

        async def save() -> None:
            await self._change(PolicyChange(notes=notes.value or ""), _("Notes saved"))

        if self._may_change:
            icon_button(_("Save notes"), "done", save, classes="we-button we-start", testid="save-notes")

    def _switch(self, label: str, field: str, *, testid: str) -> ui.switch:
        async def changed(event: Any) -> None:
            if bool(event.value) != getattr(self._policy, field):
                wanted = PolicyChange(**{field: bool(event.value)})  # type: ignore[arg-type]
                done = _("{setting}: on", setting=label) if event.value else _("{setting}: off", setting=label)
                await self._change(wanted, done)

        switch = ui.switch(label, value=getattr(self._policy, field)).props(f'data-testid="switch-{testid}"')
        switch.set_enabled(self._may_change)
        switch.on_value_change(changed)
        return switch


def _choices(chosen: int) -> dict[int, str]:
    counts = sorted({*FAILURES, chosen})
    return {count: ngettext("{count} failed check", "{count} failed checks", count) for count in counts}


def _maintenance_html(policy: BotPolicy) -> str:
    until = clock(policy.maintenance_until) if policy.maintenance_until else ""
    reason = escape(policy.maintenance_reason)
    if until and reason:
        return _("In maintenance until {time}: {reason}", time=until, reason=reason)
    if until:
        return _("In maintenance until {time}", time=until)
    return _("In maintenance: {reason}", reason=reason) if reason else _("In maintenance")


def _maintenance_of(policy: BotPolicy) -> tuple[datetime | None, datetime | None, str, bool]:
    is_on = policy.is_in_maintenance(datetime.now(UTC))
    return policy.maintenance_since, policy.maintenance_until, policy.maintenance_reason, is_on
