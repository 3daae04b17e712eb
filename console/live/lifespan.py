"""Follows the open pages, and what they are told, for as long as the services are open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from chat_api.background.supervisor import Supervisor, every
from console.live.fleet import FleetFeed
from console.live.incidents import IncidentFeed
from console.live.notices import notices_feed
from console.live.open_pages import OpenPages
from console.live.system import SystemFeed

SESSION_CHECK_S: Final = 2.0


@asynccontextmanager
async def following(host: FastAPI) -> AsyncIterator[None]:
    """Follow open pages and the fleet while the services are open."""
    services = host.state.services
    notices_feed(services.feature_flags)
    host.state.open_pages = pages = OpenPages(services.auth)
    host.state.fleet_feed = feed = FleetFeed(services.fleet, pages)
    host.state.system_feed = system_feed = SystemFeed(services.system, pages)
    host.state.incident_feed = incident_feed = IncidentFeed(services.incidents, pages)
    supervisor = Supervisor(
        {
            "console_sessions": lambda: every(SESSION_CHECK_S, pages.check_sessions),
            "console_fleet": feed.run,
            "console_system": system_feed.run,
            "console_incidents": incident_feed.run,
        },
        book=services.system.book,
    )
    supervisor.start()
    try:
        with feed.listening(), incident_feed.listening():
            yield
    finally:
        await supervisor.stop()
