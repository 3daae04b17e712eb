"""Whoever makes many identities has one address: whatever guests ask for, it is counted for all of them together."""

import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from nicegui import Client
from websockets.asyncio.client import connect

from chat_api.core import rate_limits
from chat_api.core.cookies import SESSION_COOKIE
from chat_api.core.errors import BotFailed
from console.pages.chat.thread import ChatThread
from tests.support import console_page
from tests.support.api import MakeSettings
from tests.support.console_app import RunningConsole, running_console
from tests.support.console_page import OpenedPage, client_id_in
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot
from tests.support.v2_socket import frames_until, say

GUESTS = 3
SPARED = 100_000  # requests a minute


@dataclass(frozen=True, kw_only=True)
class Guest:
    """One of several at an address, with a message of their own."""

    console: RunningConsole
    token: str
    address: str
    message_id: str

    async def asks(self, method: str, path: str, body: object = None) -> bool:
        """Whether a request is served."""
        headers = {"X-Forwarded-For": self.address}
        async with self.console.client(cookies={SESSION_COOKIE: self.token}, headers=headers) as client:
            answer = await client.request(method, path.format(message=self.message_id), json=body)
        assert answer.status_code in {200, 429}, answer.text
        return answer.status_code == 200


Door = Callable[[Guest], Awaitable[bool]]


def request(method: str, path: str, body: object = None) -> Door:
    """A door of the API, or a page."""
    return lambda guest: guest.asks(method, path, body)


async def socket_message(guest: Guest) -> bool:
    """A message over a program's WebSocket."""
    url, headers = guest.console.ws_url + guest.token, {"X-Forwarded-For": guest.address}
    async with connect(url, proxy=None, additional_headers=headers) as socket:
        await say(socket, "Hello")
        told = (await frames_until(socket, "message", "error"))[-1]
    assert told.get("code") in {None, "rate_limited"}
    return bool(told["type"] == "message")


async def page_message(guest: Guest) -> bool:
    """A message from the chat's page, which was built before."""
    limits, headers = guest.console.services.limits, {"X-Forwarded-For": guest.address}
    limits.set_rate(SPARED)
    async with guest.console.client(cookies={SESSION_COOKIE: guest.token}, headers=headers) as client:
        client_id = client_id_in((await client.get("/")).text)
    limits.set_rate(1)
    async with console_page.socket() as sio:
        page, told = OpenedPage(client_id, sio), list[str]()
        sio.on("chat", lambda events: told.extend(event["kind"] for event in events))
        await console_page.connect(guest.console, sio, client_id, guest.token, cookie=SESSION_COOKIE)
        asked = {"what": "send", "bot": "elena", "text": "Hello", "client_id": "page"}
        await sio.emit("event", ask_event(Client.instances[client_id], asked))
        await eventually(lambda: "message" in told or any("refuse" in script for script in page.scripts))
    return "message" in told


def ask_event(client: Client, asked: object) -> dict[str, object]:
    """What the script of a chat page sends when it asks for something."""
    thread = next(element for element in client.elements.values() if isinstance(element, ChatThread))
    listener = next(one for one in thread._event_listeners.values() if one.type == "ask")
    return {"id": thread.id, "client_id": client.id, "listener_id": listener.id, "args": [json.dumps(asked)]}


DOORS: dict[str, Door] = {
    "a message": request("POST", "/api/chat", {"bot_name": "elena", "content": "Hello"}),
    "a message over a socket": socket_message,
    "a message from the page": page_message,
    "a retry": request("POST", "/api/chat/{message}/retry"),
    "an edit": request("PATCH", "/api/messages/{message}", {"content": "Hi", "version": 1}),
    "a reaction": request("PUT", "/api/messages/{message}/reactions/👍"),
    "a reaction back": request("DELETE", "/api/messages/{message}/reactions/👍"),
    "a deletion": request("DELETE", "/api/messages/{message}"),
    "a read mark": request("PUT", "/api/conversations/elena/read", {"seq": 1}),
    "conversations": request("GET", "/api/conversations"),
    "a history": request("GET", "/api/conversations/elena/messages"),
    "one message": request("GET", "/api/messages/{message}"),
    "a place in the stream": request("GET", "/api/stream"),
    "who one is": request("GET", "/api/me"),
    "a ticket": request("POST", "/api/ws-ticket"),
    "a page": request("GET", "/"),
}


async def test_guests_of_one_address_are_counted_together_at_every_door(
    make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may ask once a minute, and so may their address: whoever comes after the first is refused."""
    monkeypatch.setattr(rate_limits, "PEOPLE_AT_AN_ADDRESS", 1)
    async with running_console(make_settings(bots=(elena,), trusted_proxies="127.0.0.1")) as console:
        crowds = {}
        for door in DOORS:
            await elena.set_faults(mode="exception" if door == "a retry" else "ok")
            crowds[door] = [await guest_of(console, door, number) for number in range(GUESTS)]
        await elena.set_faults(mode="ok")
        console.services.limits.set_rate(1)
        served = {door: [await DOORS[door](guest) for guest in crowd] for door, crowd in crowds.items()}
    # Not how many of them: on a machine slow enough a minute has passed.
    assert {door for door, answers in served.items() if not any(answers)} == set(), "the first one was refused"
    assert {door for door, answers in served.items() if all(answers)} == set(), "nobody was refused"


async def guest_of(console: RunningConsole, door: str, number: int) -> Guest:
    """A guest at the address of those who come to this door."""
    place = list(DOORS).index(door)
    token = (await console.services.auth.login(f"guest {place} {number}")).token
    principal = await console.services.auth.authenticate(token)
    messages = console.services.messages
    sent = (await messages.submit(principal, bot_name="elena", content="Hello")).exchange
    with contextlib.suppress(BotFailed):
        await messages.result(sent)
    return Guest(console=console, token=token, address=f"203.0.113.{place}", message_id=str(sent.message_id))
