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
from chat_api.settings.feature_flags import MAX_ANNOUNCEMENT_CHARS
from chat_api.settings.schemas import Announcement, FeatureView, MaintenanceView, Tone
from console.labels import Mark
from console.widgets.fact_words import moment
from console.widgets.marks import status_mark

MAX_TEXT_CHARS: Final = 2_000  # above every limit, so that the service says what is wrong
TONES: Final = {Tone.INFO: "Information", Tone.SUCCESS: "Good news", Tone.WARNING: "Warning"}
OFF: Final = Mark("off", "idle", "paused")
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
        with _panel("Announcement", testid="announcement-state") as self._state:
            html("p", "Plain text at the top of every page, including open ones and sign-in.").classes("we-muted")
            self._form = ui.element("form").classes("we-form")
            self._form.on("submit", lambda event: on_send(fields_of(event)), js_handler=SENT)
            for name in ("input", "reset"):
                self._form.on(name, js_handler=ABLE)
            with self._form:
                self._text = _textarea("Text", "text", "What should everyone know?", testid="announcement-text")
                with ui.element("div").classes("we-row"):
                    self._tone = _labelled("Tone", html("select").props("name=tone"))
                    self._starts = _moment("From", "starts_at")
                    self._ends = _moment("Until", "ends_at")
                self.error = html("p").classes("we-form-error").props("role=alert")
                with ui.element("div").classes("we-form-actions") as actions:
                    self._announce = html("button", "Announce").classes("we-button we-primary")
                    self._announce.props('type=submit data-testid="announce"')
                    self._remove = html("button", "Remove").classes("we-button")
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
        for place, at in ((self._starts, current.starts_at), (self._ends, current.ends_at)):
            place.props["at"] = str(at.timestamp()) if at else ""
            place.update()
        self._text.update()
        self._announce.props("" if current.text else "disabled", remove="disabled")
        if not is_first:
            self._form.run_method("reset")

    def _moments(self) -> Iterator[ui.element]:
        for place in (self._starts, self._ends):
            yield place.default_slot.children[0]


class MaintenancePanel:
    """Whether the chat takes messages, and what it says when it does not."""

    def __init__(self, *, may_manage: bool, on_begin: OnFields, on_end: Callable[[], Awaitable[None]]) -> None:
        self._may_manage = may_manage
        with _panel("Maintenance mode", testid="maintenance-state") as self._state:
            said = (
                "The chat accepts no new messages and says why."
                " People can still read everything, and the console keeps working."
            )
            html("p", said).classes("we-muted")
            with ui.element("form").classes("we-form") as form:
                placeholder = "Optional. A default message is used."
                self._text = _textarea("Message to people", "text", placeholder, testid="maintenance-text")
                self.error = html("p").classes("we-form-error").props("role=alert")
                self._since = html("p").classes("we-muted")
                with ui.element("div").classes("we-form-actions") as actions:
                    self._end = html("button", "End maintenance").classes("we-button we-primary")
                    self._end.props('type=button data-testid="end-maintenance"').on("click", on_end, throttle=0.5)
                    self._begin = html("button", "Begin maintenance…").classes("we-button we-danger")
                    self._begin.props('type=submit data-testid="begin-maintenance"')
                actions.set_visibility(may_manage)
            form.on("submit", lambda event: on_begin(fields_of(event)), js_handler=SENT)

    def show(self, view: MaintenanceView) -> None:
        """Show whether it is on."""
        mark = Mark("on", "violet", "maintenance") if view.is_on else Mark("off", "ok", "online")
        self._state.set_content(status_mark(mark))
        self._text.props["defaultValue"] = view.text
        self._text.props(remove="disabled")
        if view.is_on or not self._may_manage:
            self._text.props("disabled")
        self._since.set_visibility(view.is_on)
        if view.is_on and view.changed_at is not None:
            self._since.set_content(f"Since {moment(view.changed_at)}, by {escape(view.changed_by or '')}.")
        self._end.set_visibility(view.is_on)
        self._begin.set_visibility(not view.is_on)


class FeaturesPanel:
    """One switch a feature."""

    def __init__(
        self, features: tuple[FeatureView, ...], *, may_manage: bool, on_switch: Callable[[str, bool], Awaitable[None]]
    ) -> None:
        self._rows: dict[str, tuple[ui.element, ui.html, ui.html]] = {}
        with ui.element("section").classes("we-panel we-wide"):
            html("h2", "Features")
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
                html("span", escape(view.feature.replace("_", " "))).classes("we-strong")
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
            state.set_content("on" if view.is_on else "off")
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
        return Mark("shown now", "ok", "online")
    is_over = said.ends_at is not None and said.ends_at <= now
    return Mark("over", "idle", "paused") if is_over else Mark("not yet shown", "busy", "starting")


def moment_of(said: object) -> datetime | None:
    """A field's Unix seconds as a moment, ``None`` when it is empty. Raises: InvalidInput."""
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(said, UTC)
    except (OverflowError, OSError) as error:
        raise InvalidInput("The time is not one.") from error


def _about(view: FeatureView) -> str:
    by = f" Last switched by {escape(view.changed_by)}, " if view.changed_by else ""
    at = f"{moment(view.changed_at)}." if view.changed_by and view.changed_at else ""
    return f"{escape(view.meaning)}{by}{at}"


def _options(tone: Tone) -> str:
    return "".join(
        f'<option value="{value}"{" selected" if value == tone else ""}>{words}</option>'
        for value, words in TONES.items()
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
    place = ui.element("we-local")
    with place:
        ui.element("input").props(f"type=datetime-local name={name}")
    _labelled(f'{label} <small class="we-muted">optional</small>', place)
    return place
