"""Tells open pages about incidents: one reading for each change, however many pages show it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from nicegui import Client

from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from chat_api.incidents.schemas import IncidentDetails, IncidentNumbers, IncidentView
from chat_api.incidents.service import IncidentsService
from console.context import kept
from console.live.open_pages import OpenPages

log = get_logger(__name__)

# Changes so close together are shown as one.
DEBOUNCE_S: Final = 0.3
NEWEST: Final = 500

ShowList = Callable[[tuple[IncidentView, ...], IncidentNumbers], None]
ShowOne = Callable[[IncidentDetails], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    client: Client
    principal: Principal
    show_list: ShowList | None = None
    incident_id: UUID | None = None
    show_one: ShowOne | None = None


class IncidentFeed:
    """The pages that show incidents; each leaves when NiceGUI deletes its client."""

    def __init__(self, incidents: IncidentsService, pages: OpenPages) -> None:
        self._incidents = incidents
        self._pages = pages
        self._viewers: dict[str, _Page] = {}
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()

    def on_list(self, client: Client, principal: Principal, show: ShowList) -> None:
        """Call ``show`` in the page's context with the newest incidents whenever one changes."""
        self._add(_Page(client=client, principal=principal, show_list=show))

    def on_one(self, client: Client, principal: Principal, incident_id: UUID, show: ShowOne) -> None:
        """Call ``show`` in the page's context whenever this incident changes."""
        self._add(_Page(client=client, principal=principal, incident_id=incident_id, show_one=show))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of changes while the block runs."""
        with self._incidents.changed.listening(self._take):
            yield

    async def run(self) -> None:
        """Show what changed, as it changes."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(DEBOUNCE_S)
            self._wake.clear()
            changed, self._changed = self._changed, set()
            viewers = [page for page in self._viewers.values() if page.client in self._pages]
            try:
                await self._show_list([page for page in viewers if page.show_list])
                for incident_id in changed:
                    await self._show_one(incident_id, [page for page in viewers if page.incident_id == incident_id])
            except AppError as error:
                log.warning("incidents_not_shown", code=error.code, detail=error.detail)

    async def _show_list(self, viewers: list[_Page]) -> None:
        if not viewers:
            return
        # Whoever may look at all sees the same: each page asked for itself when it was opened.
        principal = viewers[0].principal
        found = await self._incidents.newest(principal, limit=NEWEST)
        numbers = await self._incidents.numbers(principal)
        for page in viewers:
            if page.show_list is not None and page.client in self._pages:
                with self._pages.entered(page.client):
                    page.show_list(found, numbers)

    async def _show_one(self, incident_id: UUID, viewers: list[_Page]) -> None:
        if not viewers:
            return
        details = await self._incidents.details(viewers[0].principal, incident_id)
        for page in viewers:
            if page.show_one is not None and page.client in self._pages:
                with self._pages.entered(page.client):
                    page.show_one(details)

    def _add(self, page: _Page) -> None:
        self._viewers[page.client.id] = page
        page.client.on_delete(lambda: self._viewers.pop(page.client.id, None))

    def _take(self, incident_id: UUID) -> None:
        self._changed.add(incident_id)
        self._wake.set()


def incident_feed() -> IncidentFeed:
    """The one stream of changed incidents to all pages that show them."""
    return kept("incident_feed", IncidentFeed)
