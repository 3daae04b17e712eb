"""The Socket.IO connections of a page."""

from nicegui import core


def sockets_of(client_id: str) -> tuple[str, ...]:
    """The Socket.IO ids that shook hands for a page."""
    return tuple(core.sio.manager.rooms.get("/", {}).get(client_id, ()))
