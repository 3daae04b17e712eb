"""What pages reach for: the services of this process, and its open pages.

A process has one NiceGUI application, so the application it is mounted into is kept on NiceGUI's own state.
"""

from typing import TYPE_CHECKING, cast

from fastapi import FastAPI
from nicegui import app

from chat_api.core.settings import Settings

if TYPE_CHECKING:
    from chat_api.core.tally import Tally
    from chat_api.services.container import Services
    from console.incident_feed import IncidentFeed
    from console.live import FleetFeed, OpenPages
    from console.system_feed import SystemFeed


def bind(host: FastAPI) -> None:
    """Make ``host`` the application that pages belong to."""
    app.state.host = host


def services() -> "Services":
    """The services, which the lifespan opened before the first request."""
    return cast("Services", app.state.host.state.services)


def settings() -> Settings:
    """The settings that are in effect now."""
    return services().configuration.current


def pages_by_address() -> "Tally":
    """How many pages are open at each address."""
    return cast("Tally", app.state.host.state.pages_by_address)


def open_pages() -> "OpenPages":
    """The pages that are open in browsers now."""
    return cast("OpenPages", app.state.host.state.open_pages)


def fleet_feed() -> "FleetFeed":
    """The one stream of fleet changes to all pages that show the fleet."""
    return cast("FleetFeed", app.state.host.state.fleet_feed)


def incident_feed() -> "IncidentFeed":
    """The one stream of changed incidents to all pages that show them."""
    return cast("IncidentFeed", app.state.host.state.incident_feed)


def system_feed() -> "SystemFeed":
    """The one stream of this service's own figures to all pages that show them."""
    return cast("SystemFeed", app.state.host.state.system_feed)
