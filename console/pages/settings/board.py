"""The whole Settings page as one component; what it asks for comes here, and goes to the services."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from chat_api.settings.schemas import Announcement, FeatureView, MaintenanceView, SettingView
from console import theme

MAX_TEXT_CHARS: Final = 2_000  # above every limit, so that the service says what is wrong
Asked = Mapping[str, Any]


class SettingsBoard(Element, component=theme.ASSETS / "settings_board.js", dependencies=[theme.ASSETS / "js" / "*.js"]):
    """Announcement, maintenance, features and settings."""

    def __init__(
        self, told: dict[str, Any], *, may_manage: bool, max_chars: int, on_change: Callable[[Asked], Awaitable[None]]
    ) -> None:
        super().__init__()
        # As text: NiceGUI would copy each value of a dictionary or list into one that it can watch.
        self._props["start"] = orjson.dumps(told).decode()
        self._props["may-manage"] = may_manage
        self._props["max-chars"] = max_chars
        self._props["icons"] = theme.asset("icons.svg")
        self.on("change", lambda event: on_change(_asked(event)))

    def show(self, told: dict[str, Any]) -> None:
        """Show all of it as it is now."""
        self.run_method("show", told)

    def answer(self, what: str, error: str = "") -> None:
        """Tell what came of a change: the field's own words, or nothing when it was made."""
        self.run_method("answered", what, error)

    def confirm_maintenance(self, affected: int) -> None:
        """Ask once, with how many people it would meet."""
        self.run_method("confirmMaintenance", affected)


def settings_data(
    settings: tuple[SettingView, ...],
    features: tuple[FeatureView, ...],
    announcement: Announcement | None,
    maintenance: MaintenanceView,
    ignored: tuple[str, ...],
) -> dict[str, Any]:
    """Everything as the component reads it; times are Unix seconds."""
    said = announcement or Announcement(text="")
    return {
        "settings": [_flat(view) for view in settings],
        "features": [_flat(view) for view in features],
        "announcement": _flat(said),
        "maintenance": _flat(maintenance),
        "ignored": list(ignored),
    }


def _flat(view: Any) -> dict[str, Any]:
    found = {name: getattr(view, name) for name in view.__dataclass_fields__}
    return {name: value.timestamp() if isinstance(value, datetime) else value for name, value in found.items()}


def _asked(event: GenericEventArguments) -> Asked:
    """What the browser says, which may be anything: bounded here, and decided on by the services."""
    asked = event.args if isinstance(event.args, dict) else {}
    return {
        str(key)[:40]: value[:MAX_TEXT_CHARS] if isinstance(value, str) else value
        for key, value in list(asked.items())[:10]
        if value is None or isinstance(value, (str, int, float, bool))
    }
