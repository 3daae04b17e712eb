"""Tabs of a page, each with an address: by pointer, arrow keys, and the browser's back and forward."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from nicegui import ui
from nicegui.events import GenericEventArguments

MAX_KEY_CHARS: Final = 40
_CLICKED: Final = """(event) => {
  const tab = event.target.closest("[role=tab]");
  if (!tab || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (tab.ariaSelected === "true") return;
  history.pushState(null, "", tab.href);
  emit(tab.dataset.key);
}"""
_KEY: Final = """(event) => {
  const tabs = [...event.currentTarget.querySelectorAll("[role=tab]")];
  const at = tabs.indexOf(event.target.closest("[role=tab]"));
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = tabs[to % tabs.length];
  tab.focus();
  tab.click();
}"""
# Dispatched by assets/console.js when somebody goes back or forward.
_RETURNED: Final = """(event) => {
  const tabs = [...event.currentTarget.querySelectorAll("[role=tab]")];
  const tab = tabs.find((one) => one.href === location.href) ?? tabs[0];
  if (tab.ariaSelected !== "true") emit(tab.dataset.key);
}"""


class Tabs:
    """Tabs over the element with the id ``controls``: ``titles`` by key, the first at the page's own address."""

    def __init__(
        self,
        titles: Mapping[str, str],
        shown: str,
        *,
        path: str,
        label: str,
        controls: str,
        on_tab: Callable[[str], Awaitable[None]],
    ) -> None:
        self._tabs: dict[str, ui.html] = {}

        async def turned(event: GenericEventArguments) -> None:
            key = str(event.args)[:MAX_KEY_CHARS]
            if key in self._tabs:
                self._select(key)
                await on_tab(key)

        with ui.element("div").classes("we-tabs").props(f'role=tablist aria-label="{label}" data-tabs') as self._list:
            for key, title in titles.items():
                self._tabs[key] = ui.html(title, sanitize=False, tag="a")
                self._tabs[key].props(
                    f'role=tab id=tab-{key} aria-controls={controls} data-key={key} data-testid="tab-{key}"'
                )
                self._tabs[key].props["href"] = path if len(self._tabs) == 1 else f"{path}?tab={key}"
        self._list.on("click", turned, js_handler=_CLICKED)
        self._list.on("keydown", turned, js_handler=_KEY)
        self._list.on("returned", turned, js_handler=_RETURNED)
        self._list.set_visibility(len(titles) > 1)
        self._select(shown)

    def _select(self, key: str) -> None:
        for one, tab in self._tabs.items():
            tab.props(f"aria-selected={'true' if one == key else 'false'} tabindex={0 if one == key else -1}")
        # Tabs may be wider than the screen.
        found = f'document.getElementById("tab-{key}")'
        self._list.client.run_javascript(
            f'setTimeout(() => {found}?.scrollIntoView({{block: "nearest", inline: "center"}}))'
        )
