"""A chat page without a browser: what it is told over NiceGUI's socket, and what its script would ask for."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio  # type: ignore[import-untyped]
from nicegui import Client

from chat_api.core.cookies import SESSION_COOKIE
from console.pages.chat.thread import ChatThread
from tests.support.console_app import RunningConsole
from tests.support.console_page import client_id_in, connect, socket

_CALL = re.compile(r"return runMethod\(\d+, (\"\w+\"), (.*)\)", re.DOTALL)


class OpenedChat:
    """One open chat page. ``frames`` are the events that came together, ``calls`` are of the component's methods."""

    def __init__(self, client_id: str, sio: socketio.AsyncClient) -> None:
        self.client_id = client_id
        self.frames: list[list[dict[str, Any]]] = []
        self.calls: list[tuple[str, list[Any]]] = []
        self.scripts: list[str] = []
        self._sio = sio
        sio.on("chat", self.frames.append)
        sio.on("run_javascript", self._hear_call)
        sio.on("run_javascript", lambda message: self.scripts.append(message["code"]))

    @property
    def client(self) -> Client:
        """The server's side of the page."""
        return Client.instances[self.client_id]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All that the page was told, in order."""
        return [event for frame in self.frames for event in frame]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind."""
        return [event for event in self.events if event["kind"] == kind]

    def called(self, method: str) -> list[list[Any]]:
        """The arguments that one of the component's methods was called with."""
        return [arguments for name, arguments in self.calls if name == method]

    @property
    def start(self) -> dict[str, Any]:
        """What the page was built with."""
        start: dict[str, Any] = json.loads(self._thread.props["start"])
        return start

    async def ask(self, what: object, **about: object) -> None:
        """Ask for something, as the page's script does."""
        (listener,) = self._thread._event_listeners.values()
        message = {
            "id": self._thread.id,
            "client_id": self.client_id,
            "listener_id": listener.id,
            "args": [json.dumps({"what": what, **about})],
        }
        await self._sio.emit("event", message)

    @property
    def _thread(self) -> ChatThread:
        return next(element for element in self.client.elements.values() if isinstance(element, ChatThread))

    def _hear_call(self, message: dict[str, Any]) -> None:
        match = _CALL.fullmatch(message["code"])
        if match:
            self.calls.append((json.loads(match[1]), json.loads(match[2])))


@asynccontextmanager
async def opened_chat(console: RunningConsole, token: str, *, is_connected: bool = True) -> AsyncIterator[OpenedChat]:
    """Open a chat page for a session's token, and its socket unless that comes later, and close it afterwards."""
    async with console.client(cookies={SESSION_COOKIE: token}) as browser:
        answer = await browser.get("/")
    assert answer.status_code == 200, answer.text
    async with socket() as sio:
        page = OpenedChat(client_id_in(answer.text), sio)
        if is_connected:
            await connect_chat(console, page, token)
        yield page


async def connect_chat(console: RunningConsole, page: OpenedChat, token: str) -> None:
    """Shake hands for a page, for the first time or again."""
    await connect(console, page._sio, page.client_id, token, cookie=SESSION_COOKIE)
