"""Reads something again when the fleet changes, and not more often than it is worth: no page has a timer of its own."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from nicegui import background_tasks, ui

from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.fleet.schemas import FleetView
from console.context import services
from console.live.open_pages import open_pages
from console.widgets.lifetime import while_shown

log = get_logger(__name__)

AT_MOST_EVERY_S: Final = 15.0


def on_fleet_pulse(read_again: Callable[[], Awaitable[None]], *, at_most_every_s: float = AT_MOST_EVERY_S) -> None:
    """Call ``read_again`` in the context of the page that is being built, while it is open and its session lasts."""
    client, changes = ui.context.client, services().fleet.changes
    read_at_s = time.monotonic()
    is_reading = False

    async def read() -> None:
        nonlocal is_reading, read_at_s
        try:
            with open_pages().entered(client):
                await read_again()
        except AppError as error:
            log.debug("page_not_refreshed", code=error.code)  # what it shows stays until the next change
        finally:
            read_at_s = time.monotonic()
            is_reading = False

    def changed(_: FleetView) -> None:
        nonlocal is_reading
        is_due = time.monotonic() - read_at_s >= at_most_every_s
        if is_due and not is_reading and client in open_pages() and client.has_socket_connection:
            is_reading = True
            background_tasks.create(read(), name="fleet_pulse")

    changes.listen(changed)
    while_shown(lambda: changes.forget(changed))
