"""What pages reach for: the services of this process, and what else its application keeps.

A process has one NiceGUI application, so the application it is mounted into is kept on NiceGUI's own state.
"""

from typing import TYPE_CHECKING, TypeVar, cast

from fastapi import FastAPI
from nicegui import app

from chat_api.core.settings import Settings

if TYPE_CHECKING:
    from chat_api.core.tally import Tally
    from chat_api.service_registry import Services


T = TypeVar("T")


def bind(host: FastAPI) -> None:
    """Make ``host`` the application that pages belong to."""
    app.state.host = host


def kept(name: str, kind: type[T]) -> T:
    """What the application keeps under a name."""
    return cast("T", getattr(app.state.host.state, name))


def services() -> "Services":
    """The services, which the lifespan opened before the first request."""
    return cast("Services", app.state.host.state.services)


def settings() -> Settings:
    """The settings that are in effect now."""
    return services().configuration.current


def pages_by_address() -> "Tally":
    """How many pages are open at each address."""
    return cast("Tally", app.state.host.state.pages_by_address)
