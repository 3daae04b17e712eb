"""The Settings page: what is set, where that comes from, and what can be changed while the service runs."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from nicegui import background_tasks, ui

from chat_api.core.errors import InvalidInput
from chat_api.core.principals import Permission, Principal
from chat_api.settings.feature_flags import MAX_ANNOUNCEMENT_CHARS
from chat_api.settings.schemas import Tone
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.live.open_pages import open_pages
from console.pages.settings.board import Asked, SettingsBoard, settings_data


def register() -> None:
    """Put the page at ``/admin/settings``."""
    page("/admin/settings", title="Settings")(_settings)


async def _settings(principal: Principal) -> None:
    client = ui.context.client

    async def change(asked: Asked) -> None:
        what = str(asked.get("what"))
        act = _ACTIONS.get(what)
        if act is None:
            return
        field = str(asked.get("name")) if what in {"set", "reset"} else what

        async def guarded(person: Principal) -> object:
            try:
                return await act(person, asked)
            except InvalidInput as error:  # shown at its field
                board.answer(field, error.message)
                return None

        answer = await run_action(principal, guarded)
        if what == "ask-maintenance" and isinstance(answer, int):
            board.confirm_maintenance(answer)
        elif answer is not None:
            board.answer(field)
        else:  # refused: a switch that was moved goes back
            board.show(_told(principal))

    with frame(principal, title="Settings", path="/admin/settings"):
        board = SettingsBoard(
            _told(principal),
            may_manage=principal.may(Permission.MANAGE_SETTINGS),
            max_chars=MAX_ANNOUNCEMENT_CHARS,
            on_change=change,
        )

    async def tell() -> None:
        if client in open_pages():
            with client:
                board.show(_told(principal))

    def changed(_: object) -> None:
        background_tasks.create(tell(), name="settings")

    changes = services().configuration.stored
    changes.listen(changed)
    client.on_delete(lambda: changes.forget(changed))


def _told(principal: Principal) -> dict[str, Any]:
    switches = services().switches
    return settings_data(
        services().configuration.views(principal),
        switches.features(principal),
        switches.announcement(principal),
        switches.maintenance(principal),
        services().configuration.ignored(principal),
    )


async def _set(person: Principal, asked: Asked) -> object:
    return await services().configuration.set(person, str(asked.get("name")), str(asked.get("value")))


async def _reset(person: Principal, asked: Asked) -> object:
    return await services().configuration.reset(person, str(asked.get("name")))


async def _switch(person: Principal, asked: Asked) -> object:
    return await services().switches.switch(person, str(asked.get("name")), is_on=asked.get("is_on") is True)


async def _announce(person: Principal, asked: Asked) -> object:
    tone = asked.get("tone")
    await services().switches.announce(
        person,
        str(asked.get("text") or ""),
        tone=Tone(tone) if tone in set(Tone) else Tone.INFO,
        starts_at=_time(asked.get("starts_at")),
        ends_at=_time(asked.get("ends_at")),
    )
    return True


async def _maintain(person: Principal, asked: Asked) -> object:
    text = str(asked.get("text") or "")
    return await services().switches.maintain(person, is_on=asked.get("is_on") is True, text=text)


async def _ask_maintenance(person: Principal, _: Asked) -> object:
    return await services().switches.affected_users(person)


def _time(told: object) -> datetime | None:
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(told, UTC)
    except (OverflowError, OSError, ValueError):
        raise InvalidInput("The time is not one.") from None


_ACTIONS: dict[str, Callable[[Principal, Asked], Awaitable[object]]] = {
    "set": _set,
    "reset": _reset,
    "switch": _switch,
    "announce": _announce,
    "maintain": _maintain,
    "ask-maintenance": _ask_maintenance,
}
