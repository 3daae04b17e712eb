"""The Settings page: what is set, where that comes from, and what can be changed while the service runs."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from html import escape

from nicegui import background_tasks, ui

from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Permission, Principal
from chat_api.settings.schemas import Tone
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.labels import Mark
from console.live.open_pages import open_pages
from console.pages.settings.all_settings import AllSettings
from console.pages.settings.panels import (
    AnnouncementPanel,
    FeaturesPanel,
    Fields,
    MaintenancePanel,
    html,
    moment_of,
)
from console.widgets import dialogs
from console.widgets.lifetime import while_shown
from console.widgets.marks import status_mark

IGNORED = N_(
    "This version can't use these database rows, so they have no effect. Set the values again, or delete the rows."
)


def register() -> None:
    """Put the page at ``/admin/settings``."""
    page("/admin/settings", title=N_("Settings"))(_settings)


class _Page:
    """One open page: what it shows, and what is asked for on it."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        may_manage = principal.may(Permission.MANAGE_SETTINGS)
        with ui.element("div").classes("we-board we-settings").props('data-testid="settings"'):
            self._ignored = html("section").classes("we-panel").props('data-testid="ignored"')
            with ui.element("div").classes("we-panels"):
                self._announcement = AnnouncementPanel(
                    may_manage=may_manage, on_send=self._announce, on_remove=self._take_back
                )
                self._maintenance = MaintenancePanel(
                    may_manage=may_manage, on_begin=self._ask_maintenance, on_end=self._end_maintenance
                )
                features = services().feature_flags.features(principal)
                self._features = FeaturesPanel(features, may_manage=may_manage, on_switch=self._switch)
            views = services().configuration.views(principal)
            self._all = AllSettings(views, may_manage=may_manage, on_change=self._change)
        self.show()

    def show(self) -> None:
        """Show all as it is now."""
        feature_flags, configuration = services().feature_flags, services().configuration
        ignored = configuration.ignored(self._principal)
        self._ignored.set_visibility(bool(ignored))
        self._ignored.set_content(ignored_part(ignored))
        self._announcement.show(feature_flags.announcement(self._principal), datetime.now(UTC))
        self._maintenance.show(feature_flags.maintenance(self._principal))
        self._features.show(feature_flags.features(self._principal))
        self._all.show(configuration.views(self._principal))

    async def _run(self, act: Callable[[Principal], Awaitable[object]], say: Callable[[str], object]) -> object:
        """Do it; ``say`` gets what the service says of a wrong value, or nothing."""

        async def guarded(person: Principal) -> object:
            try:
                done = await act(person)
            except InvalidInput as error:  # shown at its field
                say(error.message)
                return None
            say("")
            return done

        return await run_action(self._principal, guarded)

    async def _announce(self, fields: Fields) -> None:
        async def announce(person: Principal) -> None:
            tone = fields.get("tone")
            await services().feature_flags.announce(
                person,
                str(fields.get("text") or ""),
                tone=Tone(tone) if tone in set(Tone) else Tone.INFO,
                starts_at=moment_of(fields.get("starts_at")),
                ends_at=moment_of(fields.get("ends_at")),
            )

        if str(fields.get("text") or "").strip():
            await self._run(announce, self._announcement.error.set_content)

    async def _take_back(self) -> None:
        await self._run(
            lambda person: services().feature_flags.announce(person, ""), self._announcement.error.set_content
        )

    async def _ask_maintenance(self, fields: Fields) -> None:
        """Ask once, with how many people it would meet."""
        affected = await run_action(self._principal, services().feature_flags.affected_users)
        if affected is None:
            return
        text = str(fields.get("text") or "")

        async def begin(_answer: str) -> None:
            await self._maintain(is_on=True, text=text)

        title, action = _("Start maintenance of the chat?"), _("Start maintenance")
        dialogs.ask(title, affected_text(affected), action=action, is_dangerous=True, on_answer=begin)

    async def _end_maintenance(self) -> None:
        await self._maintain(is_on=False)

    async def _maintain(self, *, is_on: bool, text: str = "") -> None:
        feature_flags = services().feature_flags
        await self._run(
            lambda person: feature_flags.maintain(person, is_on=is_on, text=text), self._maintenance.error.set_content
        )

    async def _switch(self, name: str, is_on: bool) -> None:
        switched = await run_action(
            self._principal, lambda person: services().feature_flags.set_feature(person, name, is_on=is_on)
        )
        if switched is None:
            self._features.put_back(name)

    async def _change(self, fields: Fields) -> None:
        name, configuration = str(fields["name"]), services().configuration
        if fields["what"] == "reset":
            await self._run(lambda person: configuration.reset(person, name), lambda _error: None)
        else:
            value = str(fields["value"])
            await self._run(
                lambda person: configuration.set(person, name, value), lambda error: self._all.answer(name, error)
            )


async def _settings(principal: Principal) -> None:
    client = ui.context.client
    with frame(principal, title=_("Settings"), path="/admin/settings"):
        opened = _Page(principal)

    async def show() -> None:
        if client in open_pages():
            with open_pages().entered(client):
                opened.show()

    def changed(_change: object) -> None:
        background_tasks.create(show(), name="settings")

    for topic in (services().configuration.stored, services().feature_flags.notices):
        topic.listen(changed)
        while_shown(partial(topic.forget, changed))


def affected_text(affected: int) -> str:
    """Whom a maintenance would meet."""
    if not affected:
        return _("No one has written in the last five minutes.")
    return ngettext(
        "{count} person has written in the last five minutes. Their next message is rejected until maintenance ends.",
        "{count} people have written in the last five minutes. Their next message is rejected until maintenance ends.",
        affected,
    )


def ignored_part(rows: tuple[str, ...]) -> str:
    """Stored settings that have no effect."""
    mark = status_mark(Mark(str(len(rows)), "warn", "alert"))
    listed = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return f'<h2>{_("Ignored")} {mark}</h2><p class="we-muted">{_(IGNORED)}</p><ul class="we-ignored">{listed}</ul>'
