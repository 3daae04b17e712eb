"""The upper half of the Settings page: the announcement, the maintenance mode, and the features, live.

What is typed is the browser's until it is sent: what others change meanwhile is shown around it and leaves it alone.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from nicegui import ui
from nicegui.events import GenericEventArguments

from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _
from chat_api.settings.feature_flags import MAX_ANNOUNCEMENT_CHARS
from chat_api.settings.schemas import Announcement, Feature, FeatureView, MaintenanceView, Tone
from console.labels import Mark
from console.widgets.fact_words import moment
from console.widgets.marks import status_mark

MAX_TEXT_CHARS: Final = 2_000  # above every limit, so that the service says what is wrong
TONES: Final = {Tone.INFO: N_("Information"), Tone.SUCCESS: N_("Good news"), Tone.WARNING: N_("Warning")}
OFF: Final = Mark(N_("off"), "idle", "paused")
FEATURES: Final[Mapping[str, str]] = {
    Feature.NEW_USERS: N_("New users"),
    Feature.GUESTS: N_("Guests"),
    Feature.EDITING: N_("Editing"),
    Feature.REACTIONS: N_("Reactions"),
    Feature.API_KEYS: N_("API keys"),
}
# The fields of a form by name; moments in Unix seconds.
SENT: Final = """(event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target));
  for (const name of ["starts_at", "ends_at"]) {
    fields[name] = fields[name] ? new Date(fields[name]).getTime() / 1000 : null;
  }
  emit(fields);
}"""
# There is nothing to announce without a text.
ABLE: Final = """(event) => {
  const form = event.target.closest("form");
  setTimeout(() => (form.querySelector("[type=submit]").disabled = !form.elements.text.value.trim()));
}"""

Fields = Mapping[str, Any]
OnFields = Callable[[Fields], Awaitable[None]]


def html(tag: str, content: str = "") -> ui.html:
    """An element with trusted markup in it."""
    return ui.html(content, sanitize=False, tag=tag)


def fields_of(event: GenericEventArguments) -> Fields:
    """What the browser says, which may be anything: bounded here, and decided on by the services."""
    asked = event.args if isinstance(event.args, dict) else {}
    return {
        str(key)[:40]: value[:MAX_TEXT_CHARS] if isinstance(value, str) else value
        for key, value in list(asked.items())[:10]
        if value is None or isinstance(value, (str, int, float, bool))
    }


class AnnouncementPanel:
    """What everybody is told, and from when until when."""

    def __init__(self, *, may_manage: bool, on_send: OnFields, on_remove: Callable[[], Awaitable[None]]) -> None:
        self._shown: Announcement | None = None
        self._may_manage = may_manage
        with _panel(_("Announcement"), testid="announcement-state") as self._state:
            html("p", _("Plain text at the top of every page, including the sign-in page.")).classes("we-muted")
            self._form = ui.element("form").classes("we-form")
            self._form.on("submit", lambda event: on_send(fields_of(event)), js_handler=SENT)
            for name in ("input", "reset"):
                self._form.on(name, js_handler=ABLE)
            with self._form:
                self._text = _textarea(_("Text"), "text", _("What should everyone know?"), testid="announcement-text")
                with ui.element("div").classes("we-row"):
                    self._tone = _labelled(_("Type"), html("select").props("name=tone"))
                    self._starts = _moment(_("From"), "starts_at")
                    self._ends = _moment(_("Until"), "ends_at")
                self.error = html("p").classes("we-form-error").props("role=alert")
                with ui.element("div").classes("we-form-actions") as actions:
                    self._announce = html("button", _("Publish")).classes("we-button we-primary")
                    self._announce.props('type=submit data-testid="announce"')
                    self._remove = html("button", _("Remove")).classes("we-button")
                    self._remove.props('type=button data-testid="take-back"')
                    self._remove.on("click", on_remove, throttle=0.5)
                actions.set_visibility(may_manage)
        for field in (self._text, self._tone, *self._moments()):
            field.props(remove="disabled") if may_manage else field.props("disabled")

    def show(self, said: Announcement | None, now: datetime) -> None:
        """Show what is announced; the fields follow only when that has changed."""
        self._state.set_content(status_mark(announcement_mark(said, now)))
        self._remove.set_visibility(said is not None)
        current = said or Announcement(text="")
        if current == self._shown:
            return
        is_first, self._shown = self._shown is None, current
        self._text.props["defaultValue"] = current.text
        self._tone.set_content(_options(current.tone))
        for field, at in ((self._starts, current.starts_at), (self._ends, current.ends_at)):
            field.props["at"] = str(at.timestamp()) if at else ""
            field.update()
        self._text.update()
        self._announce.props("" if current.text else "disabled", remove="disabled")
        if not is_first:
            self._form.run_method("reset")

    def _moments(self) -> Iterator[ui.element]:
        for field in (self._starts, self._ends):
            yield field.default_slot.children[0]


class MaintenancePanel:
    """Whether the chat takes messages, and what it says when it does not."""

    def __init__(self, *, may_manage: bool, on_begin: OnFields, on_end: Callable[[], Awaitable[None]]) -> None:
        self._may_manage = may_manage
        with _panel(_("Maintenance mode"), testid="maintenance-state") as self._state:
            said = _(
                "The chat accepts no new messages and shows why. People can still read everything, and the console "
                "keeps working."
            )
            html("p", said).classes("we-muted")
            with ui.element("form").classes("we-form") as form:
                placeholder = _("Optional. A default message is used.")
                self._text = _textarea(_("Message to users"), "text", placeholder, testid="maintenance-text")
                self.error = html("p").classes("we-form-error").props("role=alert")
                self._since = html("p").classes("we-muted")
                with ui.element("div").classes("we-form-actions") as actions:
                    self._end = html("button", _("End maintenance")).classes("we-button we-primary")
                    self._end.props('type=button data-testid="end-maintenance"').on("click", on_end, throttle=0.5)
                    self._begin = html("button", _("Start maintenance…")).classes("we-button we-danger")
                    self._begin.props('type=submit data-testid="begin-maintenance"')
                actions.set_visibility(may_manage)
            form.on("submit", lambda event: on_begin(fields_of(event)), js_handler=SENT)

    def show(self, view: MaintenanceView) -> None:
        """Show whether it is on."""
        mark = Mark(N_("on"), "violet", "maintenance") if view.is_on else Mark(N_("off"), "ok", "online")
        self._state.set_content(status_mark(mark))
        self._text.props["defaultValue"] = view.text
        self._text.props(remove="disabled")
        if view.is_on or not self._may_manage:
            self._text.props("disabled")
        self._since.set_visibility(view.is_on)
        if view.is_on and view.changed_at is not None:
            when, name = moment(view.changed_at), escape(view.changed_by or "")
            self._since.set_content(_("Started {when} by {name}.", when=when, name=name))
        self._end.set_visibility(view.is_on)
        self._begin.set_visibility(not view.is_on)


class FeaturesPanel:
    """One switch a feature."""

    def __init__(
        self, features: tuple[FeatureView, ...], *, may_manage: bool, on_switch: Callable[[str, bool], Awaitable[None]]
    ) -> None:
        self._rows: dict[str, tuple[ui.element, ui.html, ui.html]] = {}
        with ui.element("section").classes("we-panel we-wide"):
            html("h2", _("Features"))
            with ui.element("ul").classes("we-switches"):
                for view in features:
                    self._rows[view.feature] = self._row(view, may_manage, on_switch)
        self.show(features)

    def _row(
        self, view: FeatureView, may_manage: bool, on_switch: Callable[[str, bool], Awaitable[None]]
    ) -> tuple[ui.element, ui.html, ui.html]:
        async def switched(event: GenericEventArguments) -> None:
            await on_switch(view.feature, event.args is True)

        with ui.element("li"):
            with ui.element("label").classes("we-switch"):
                box = ui.element("input").props(f'type=checkbox role=switch data-testid="feature-{view.feature}"')
                if not may_manage:
                    box.props("disabled")
                box.on("change", switched, js_handler="(event) => emit(event.target.checked)")
                html("span", escape(_(FEATURES[view.feature]))).classes("we-strong")
                state = html("span")
            about = html("p").classes("we-muted")
        return box, state, about

    def show(self, features: tuple[FeatureView, ...]) -> None:
        """Show them as they are."""
        for view in features:
            box, state, about = self._rows[view.feature]
            box.props["checked"] = view.is_on
            box.update()
            state.classes(replace=f"we-status we-status-{'ok' if view.is_on else 'warn'}")
            state.set_content(_("on") if view.is_on else _("off"))
            about.set_content(_about(view))

    def put_back(self, name: str) -> None:
        """A switch that somebody moved was refused. Nothing has changed for the page, so nothing else moves it back."""
        if name in self._rows:
            box = self._rows[name][0]
            is_on = json.dumps(box.props["checked"])
            box.client.run_javascript(f"document.getElementById({json.dumps(box.html_id)}).checked = {is_on}")


def announcement_mark(said: Announcement | None, now: datetime) -> Mark:
    """Whether it is its time."""
    if said is None or not said.text:
        return OFF
    if said.is_shown(now):
        return Mark(N_("live"), "ok", "online")
    is_over = said.ends_at is not None and said.ends_at <= now
    return Mark(N_("ended"), "idle", "paused") if is_over else Mark(N_("scheduled"), "busy", "starting")


def moment_of(said: object) -> datetime | None:
    """A field's Unix seconds as a moment, ``None`` when it is empty. Raises: InvalidInput."""
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(said, UTC)
    except (OverflowError, OSError) as error:
        raise InvalidInput(_("Enter a valid date and time.")) from error


def _about(view: FeatureView) -> str:
    meaning = escape(_(view.meaning))
    if not view.changed_by or not view.changed_at:
        return meaning
    by = _("Last changed by {name}, {when}.", name=escape(view.changed_by), when=moment(view.changed_at))
    return f"{meaning} {by}"


def _options(tone: Tone) -> str:
    return "".join(
        f'<option value="{value}"{" selected" if value == tone else ""}>{_(label)}</option>'
        for value, label in TONES.items()
    )


@contextmanager
def _panel(title: str, *, testid: str) -> Iterator[ui.html]:
    """A panel whose title has a state beside it."""
    with ui.element("section").classes("we-panel"):
        with ui.element("h2"):
            html("span", title)
            state = html("span").props(f'data-testid="{testid}"')
        yield state


def _labelled(label: str, field: Any) -> Any:
    box = ui.element("label").classes("we-field")
    with box:
        html("span", label)
    field.move(box)
    return field


def _textarea(label: str, name: str, placeholder: str, *, testid: str) -> ui.element:
    field = ui.element("textarea").props(
        f'name={name} rows=2 maxlength={MAX_ANNOUNCEMENT_CHARS} data-testid="{testid}"'
    )
    field.props["placeholder"] = placeholder
    _labelled(label, field)
    return field


def _moment(label: str, name: str) -> ui.element:
    """A moment in the reader's time zone, which ``we-local`` knows."""
    field = ui.element("we-local")
    with field:
        ui.element("input").props(f"type=datetime-local name={name}")
    _labelled(f'{label} <small class="we-muted">{_("optional")}</small>', field)
    return field
