"""What of NiceGUI we use beyond what it documents: which of it is gone, and that no other version gets in."""

import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import nicegui
from nicegui import Client, app, core, staticfiles
from nicegui.element import Element
from nicegui.testing import general
from packaging.requirements import Requirement
from starlette.routing import Mount

from console import guard, page_socket

PYPROJECT: Final = Path(__file__).parents[2] / "pyproject.toml"
SCRIPT: Final = (Path(nicegui.__file__).parent / "static" / "nicegui.js").read_text()


def _routes() -> list[str]:
    return [str(getattr(route, "path", "")) for route in app.routes]


def _is_served(name: str) -> bool:
    """Whether NiceGUI answers for a folder of its own under the address that the guard lets through."""
    return any(path.startswith(f"/_nicegui/{nicegui.__version__}/{name}") for path in _routes())


def _is_socket_there() -> bool:
    return any(isinstance(route, Mount) and f"{route.path}/" == guard.SOCKET_PATH for route in app.routes)


def _handled() -> set[str]:
    """The events of a page that NiceGUI answers to. "handshake" is for pages whose handshake is not implicit."""
    return set(core.sio.handlers["/"]) - {"connect", "disconnect", "handshake"}


def _has(kind: type[object], name: str) -> bool:
    """Whether an object has an attribute from its beginning."""
    return re.search(rf"\bself\.{name}\b[^=(]*=", inspect.getsource(kind)) is not None


def _parameters(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)


# Where it is used → what it is → whether it is as we use it. A dot in a name is an attribute of what stands before it.
USED: Final[dict[str, dict[str, Callable[[], object]]]] = {
    "console/guard.py": {
        "Client.instances": lambda: isinstance(Client.instances, dict),
        "Client(request=)": lambda: "request" in _parameters(Client.__init__),
        "the mount /_nicegui_ws/": _is_socket_there,
        **{
            f"the address /_nicegui/VERSION/{name}": lambda name=name: _is_served(name)  # type: ignore[misc]
            for name in ("static", "libraries", "components", "dynamic_resources", "resources", "esm")
        },
    },
    "console/page_socket.py": {
        "the events of a page's socket": lambda: _handled() == {*page_socket._SHAPES, *page_socket._IGNORED},
        **{
            f"window.socket.emit({event!r}) in nicegui.js": lambda event=event: f'emit("{event}"' in SCRIPT  # type: ignore[misc]
            for event in (*page_socket._SHAPES, *page_socket._IGNORED)
        },
        "implicit_handshake in nicegui.js": lambda: "options.query.implicit_handshake" in SCRIPT,
    },
    "console/live": {
        "core.sio.manager.rooms": lambda: core.sio.manager.rooms.get("/", {}) is not None,
        "core.sio.emit(room=)": lambda: "room" in _parameters(core.sio.emit),
        "core.sio.enter_room": lambda: _parameters(core.sio.enter_room) >= {"sid", "room"},
        "core.sio.leave_room": lambda: _parameters(core.sio.leave_room) >= {"sid", "room"},
        "core.sio.rooms": lambda: "sid" in _parameters(core.sio.rooms),
    },
    "console/frame.py": {
        "Client.content": lambda: _has(Client, "content"),
        "Client.page": lambda: _has(Client, "page"),
        "Client.status_code": lambda: _has(Client, "status_code"),
    },
    "console/main.py": {
        "staticfiles.CacheControlledStaticFiles": lambda: (
            "max_cache_age" in _parameters(staticfiles.CacheControlledStaticFiles)
        ),
        "app.config.socket_io_js_transports": lambda: (
            "core.app.config.socket_io_js_transports" in inspect.getsource(Client)
        ),
    },
    "console/context.py": {"app.state": lambda: app.state is not None},
    "the elements": {
        "Element._props": lambda: _has(Element, "_props"),
        "Element(component=, dependencies=)": lambda: (
            _parameters(Element.__init_subclass__) >= {"component", "dependencies"}
        ),
    },
    "assets/": {
        "window.socket in nicegui.js": lambda: re.search(r"window\.socket = io\(", SCRIPT),
        "runMethod in nicegui.js": lambda: "function runMethod(" in SCRIPT,
    },
    "tests/support": {
        "testing.general.nicegui_reset_globals": lambda: callable(general.nicegui_reset_globals),
        "Client.page_routes": lambda: isinstance(Client.page_routes, dict),
        "Element._event_listeners": lambda: _has(Element, "_event_listeners"),
    },
}


def test_what_we_use_of_nicegui_is_there() -> None:
    """After an update this says which symbol is gone, and who uses it."""
    broken = [
        f"{where}: {symbol}"
        for where, symbols in USED.items()
        for symbol, is_there in symbols.items()
        if not _holds(is_there)
    ]
    assert not broken, "\n".join([f"NiceGUI {nicegui.__version__} lacks what we use:", *broken])


def _holds(is_there: Callable[[], object]) -> bool:
    try:
        return bool(is_there())
    except Exception:  # an attribute of what is gone
        return False


def test_no_version_gets_in_that_the_tests_have_not_seen() -> None:
    """The requirement ends before the next minor version, and the installed one is within it."""
    dependencies = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    allowed = next(found for found in map(Requirement, dependencies) if found.name == "nicegui").specifier
    assert nicegui.__version__ in allowed
    major, minor, *_ = nicegui.__version__.split(".")
    assert f"{major}.{int(minor) + 1}.0" not in allowed
    assert f"{major}.{int(minor) - 1}.99" not in allowed
