"""The lower half of the Settings page: every setting, where its value comes from, and how it is changed."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Final

from nicegui import ui
from nicegui.events import GenericEventArguments

from chat_api.core.language import N_, _
from chat_api.settings.schemas import Effect, SettingView, Source
from console.labels import Mark
from console.pages.settings.panels import Fields, OnFields, fields_of, html
from console.widgets.fact_words import moment
from console.widgets.marks import status_mark
from console.widgets.records import export_links
from console.widgets.search_field import search_field

EXPORT: Final = "/api/admin/settings"
MAX_VALUE_CHARS: Final = 1000
_SOURCES: Final = {
    Source.HERE: Mark(N_("set here"), "busy", "edit"),
    Source.ENVIRONMENT: Mark(N_("environment"), "ok", "system"),
    Source.DEFAULT: Mark(N_("default"), "idle", "note"),
}
_EFFECTS: Final = {
    Effect.AT_ONCE: N_("applies immediately"),
    Effect.AFTER_RESTART: N_("applies after a restart"),
    Effect.ENVIRONMENT_ONLY: N_("environment only"),
}
CHOICES: Final[Mapping[str, tuple[str, Callable[[SettingView], bool]]]] = {
    "all": (N_("All"), lambda _view: True),
    "changeable": (N_("Editable here"), lambda view: view.effect is not Effect.ENVIRONMENT_ONLY),
    "here": (N_("Set here"), lambda view: view.source is Source.HERE),
    "environment": (N_("From the environment"), lambda view: view.source is Source.ENVIRONMENT),
    "waiting": (N_("Waiting for a restart"), lambda view: view.waiting is not None),
}
# One listener each for all of them: a listener costs every open page memory.
_PRESSED: Final = """(event) => {
  const button = event.target.closest("[data-do]");
  if (button) emit({ do: button.dataset.do, name: button.closest("article").dataset.name });
}"""
_SENT: Final = """(event) => {
  event.preventDefault();
  const name = event.target.closest("article").dataset.name;
  emit({ do: "set", name, value: event.target.elements.value.value });
}"""
_ESCAPED: Final = """(event) => {
  if (event.key === "Escape" && event.target.closest("form")) emit({ do: "cancel" });
}"""


class AllSettings:
    """The list, narrowed by text and by chips. ``on_change`` is asked to ``set`` or ``reset`` one by name."""

    def __init__(self, views: tuple[SettingView, ...], *, may_manage: bool, on_change: OnFields) -> None:
        self._views = {view.name: view for view in views}
        self._may_manage = may_manage
        self._on_change = on_change
        self._text = ""
        self._only = "all"
        self._editing: str | None = None
        self._typed = self._error = ""
        with ui.element("section").classes("we-all-settings") as section:
            section.props["aria-label"] = _("All settings")
            self._build_toolbar()
            self._build_list()
        self.show(views)

    def show(self, views: tuple[SettingView, ...]) -> None:
        """Show them as they are; a field that somebody types in stays as it is."""
        self._views = {view.name: view for view in views}
        for key, (label, test) in CHOICES.items():
            count = sum(test(view) for view in views)
            self._chips[key].set_content(f'{_(label)} <span class="we-number">{count}</span>')
        for name, view in self._views.items():
            if name != self._editing:
                self._articles[name].set_content(setting(view, may_manage=self._may_manage))
        self._narrow()

    def answer(self, name: str, error: str = "") -> None:
        """What came of a change: the field's own words, or nothing when it was made, which closes the field."""
        if self._editing != name:
            return
        if error:
            self._error = error
            self._draw(name)
            self._focus("setting-field")
        else:
            self._close()

    def find(self, text: str) -> None:
        """Show only settings with ``text``, in small letters, in their name or meaning."""
        self._text = text
        self._narrow()

    async def press(self, asked: Fields) -> None:
        """What somebody pressed: to ``edit``, ``set`` or ``reset`` the setting of a ``name``, or to ``cancel``."""
        name = str(asked.get("name", self._editing))
        if asked.get("do") == "cancel":
            self._close()
        elif self._may_manage and name in self._views:
            await self._do(name, asked)

    def _build_toolbar(self) -> None:
        self._chips: dict[str, ui.html] = {}
        with ui.element("div").classes("we-toolbar"):
            self._search = search_field(_("Find a setting"), self.find, testid="find-setting")
            with ui.element("div").classes("we-chips").props("role=group") as chips:
                chips.props["aria-label"] = _("Filter settings")
                for key in CHOICES:
                    chip = html("button").classes("we-chip").props(f'type=button data-testid="only-{key}"')
                    chip.on("click", self._chooser(key))
                    self._chips[key] = chip
            html("div", export_links(EXPORT)).classes("we-exports")

    def _build_list(self) -> None:
        with ui.element("p").classes("we-empty") as self._none:
            html("span", _("No settings match.") + " ")
            html("button", _("Show all")).classes("we-link").props("type=button").on("click", self._show_all)
        with ui.element("div").classes("we-setting-list") as self._list:
            self._articles = {name: html("article").classes("we-setting") for name in self._views}
        for name, article in self._articles.items():
            article.props(f'data-name={name} data-testid="setting-{name}"')

        async def pressed(event: GenericEventArguments) -> None:
            await self.press(fields_of(event))

        self._list.on("click", pressed, js_handler=_PRESSED)
        self._list.on("submit", pressed, js_handler=_SENT)
        self._list.on("keydown", pressed, js_handler=_ESCAPED)

    async def _do(self, name: str, asked: Fields) -> None:
        if asked.get("do") == "edit":
            self._close()
            view = self._views[name]
            self._editing, self._error = name, ""
            self._typed = next(one for one in (view.here, view.waiting, view.value) if one is not None)
            self._draw(name)
            self._focus("setting-field")
        elif asked.get("do") == "set" and name == self._editing:
            self._typed = str(asked.get("value"))[:MAX_VALUE_CHARS]
            await self._on_change({"what": "set", "name": name, "value": self._typed})
        elif asked.get("do") == "reset":
            await self._on_change({"what": "reset", "name": name})

    def _close(self) -> None:
        name, self._editing = self._editing, None
        if name is not None:
            self._draw(name)
            self._focus(f"edit-{name}")

    def _draw(self, name: str) -> None:
        typed = (self._typed, self._error) if name == self._editing else None
        self._articles[name].set_content(setting(self._views[name], may_manage=self._may_manage, editing=typed))

    def _focus(self, testid: str) -> None:
        """Once the browser has drawn it."""
        found = f"document.querySelector('[data-testid=\"{testid}\"]')"
        self._list.client.run_javascript(f"setTimeout(() => {{ {found}?.focus(); {found}?.select?.(); }})")

    def _chooser(self, key: str) -> Callable[[], None]:
        def choose() -> None:
            self._only = key
            self._narrow()

        return choose

    def _show_all(self) -> None:
        self._only, self._text = "all", ""
        self._search.client.run_javascript("document.querySelector('[data-testid=find-setting]').value = ''")
        self._narrow()

    def _narrow(self) -> None:
        test = CHOICES[self._only][1]
        shown = {name for name, view in self._views.items() if test(view) and is_found(view, self._text)}
        for name, article in self._articles.items():
            article.set_visibility(name in shown)
        for key, chip in self._chips.items():
            chip.props(f"aria-pressed={'true' if key == self._only else 'false'}")
        self._none.set_visibility(not shown)
        self._list.set_visibility(bool(shown))


def is_found(view: SettingView, text: str) -> bool:
    """Whether a setting's name or meaning has ``text``, in small letters, in it."""
    return text.replace(" ", "_") in view.name or text in _meaning(view).lower()


def setting(view: SettingView, *, may_manage: bool, editing: tuple[str, str] | None = None) -> str:
    """One setting as markup; while it is edited with ``(what is typed, the error)``."""
    meaning = escape(_meaning(view).replace("`", ""))
    told = f'<p class="we-muted">{meaning}</p>'
    if view.note:
        told += f'<p data-testid="note">{escape(view.note)}</p>'
    value = _field(view.name, *editing) if editing is not None else _value(view)
    return (
        f'<div class="we-setting-name"><h3><code>{view.name.upper()}</code></h3>{told}</div>'
        f'<div class="we-setting-value">{value}</div>'
        f'<div class="we-setting-source">{status_mark(_SOURCES[view.source], testid="source")}'
        f'<p class="we-muted">{_origin(view)}</p></div>'
        f'<div class="we-setting-actions"><span class="we-muted">{_(_EFFECTS[view.effect])}</span>'
        f"{_buttons(view) if may_manage and editing is None else ''}</div>"
    )


def _meaning(view: SettingView) -> str:
    return _(view.meaning) if view.meaning else ""


def _field(name: str, typed: str, error: str) -> str:
    return (
        f'<form class="we-edit"><input name="value" class="we-input" aria-label="{name}" autocomplete="off"'
        f' maxlength="{MAX_VALUE_CHARS}" value="{escape(typed)}" data-testid="setting-field">'
        f'<button type="submit" class="we-button we-primary" data-testid="save">{_("Save")}</button>'
        f'<button type="button" class="we-button" data-do="cancel">{_("Cancel")}</button>'
        f'<p class="we-form-error" role="alert" data-testid="setting-error">{escape(error)}</p></form>'
    )


def _value(view: SettingView) -> str:
    waiting = Mark(_("{value} after a restart", value=view.waiting), "warn", "paused")
    after = f"<p>{status_mark(waiting, testid='waiting')}</p>" if view.waiting is not None else ""
    return f'<strong class="we-setting-now" data-testid="value">{escape(view.value)}</strong>{after}'


def _origin(view: SettingView) -> str:
    default = _("default: {value}", value=escape(view.default))
    if view.source is Source.ENVIRONMENT:
        return default
    if view.source is not Source.HERE:
        return ""
    name = escape(view.changed_by or "")
    by = _("by {name}", name=name)
    if view.changed_at:
        by = _("by {name}, {when}", name=name, when=moment(view.changed_at))
    instead = default
    if view.environment is not None:
        instead = _("environment: {value}", value=escape(view.environment))
    return f"{by}; {instead}"


def _buttons(view: SettingView) -> str:
    if view.effect is Effect.ENVIRONMENT_ONLY:
        return ""
    actions = [("edit", _("Change"), _("Change {name}", name=view.name))]
    if view.source is Source.HERE:
        actions.append(("reset", _("Reset"), _("Reset {name}", name=view.name)))
    return "".join(
        f'<button type="button" class="we-button we-quiet" data-do="{action}" data-testid="{action}-{view.name}"'
        f' aria-label="{title}">{label}</button>'
        for action, label, title in actions
    )
