"""The registry of open pages: the end of a session closes its pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from nicegui import Client, core

from chat_api.core.errors import DatabaseUnavailable
from chat_api.core.language import language, speaking
from chat_api.core.principals import Principal
from chat_api.people.auth import AuthService
from console.context import kept
from console.live.sockets import sockets_of

SESSION_ENDED: Final = "sessionEnded()"  # in assets/console.js


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """A page in a browser, and for whom it was built."""

    client: Client
    principal: Principal
    language: str


class OpenPages:
    """The registry of open pages; a page leaves it when NiceGUI deletes its client."""

    def __init__(self, auth: AuthService) -> None:
        self._auth = auth
        self._pages: dict[str, OpenPage] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, client: Client) -> bool:
        return client.id in self._pages

    @contextmanager
    def entered(self, client: Client) -> Iterator[None]:
        """What is made in this block belongs to a page, and speaks its language."""
        page = self._pages.get(client.id)
        with client, speaking(page.language if page else language()):
            yield

    def add(self, client: Client, principal: Principal) -> None:
        """Follow a page until it is closed or its session ends."""
        self._pages[client.id] = OpenPage(client=client, principal=principal, language=language())
        client.on_delete(lambda: self._evict(client.id))

    async def principal(self, principal: Principal) -> Principal | None:
        """Who this session is at this moment (its role may have changed), or ``None`` when it has ended."""
        now = (await self._auth.living([principal.session_id])).get(principal.session_id)
        return replace(now, address=principal.address) if now is not None else None

    async def check_sessions(self) -> None:
        """Close the pages of sessions that ended, and rebuild those whose role changed."""
        asked = tuple(self._pages.values())  # a page that is opened while we ask was not asked for
        if not asked:
            return
        try:
            living = await self._auth.living({page.principal.session_id for page in asked})
        except DatabaseUnavailable:
            return  # an operator needs the page most now; what it asks for is checked again by the services
        for page in asked:
            now = living.get(page.principal.session_id)
            if now is None:
                await self.end(page.client)
            elif now.role is not page.principal.role and page.client in self:
                page.client.run_javascript("window.location.reload()")

    async def end(self, client: Client) -> None:
        """Let a page ask anew who may see it, which leads to where one signs in, and push nothing to it any more.

        The browser knows the address that it is at, with its filters or its bot; the page was built for an earlier one.
        """
        if self._pages.pop(client.id, None) is None:
            return
        for sid in sockets_of(client.id):
            for room in core.sio.rooms(sid):
                if room not in {sid, client.id}:  # what is said to many; it still has to hear where to go
                    await core.sio.leave_room(sid, room)
        client.run_javascript(SESSION_ENDED)

    def _evict(self, client_id: str) -> None:
        self._pages.pop(client_id, None)


def open_pages() -> OpenPages:
    """The pages that are open in browsers now."""
    return kept("open_pages", OpenPages)
