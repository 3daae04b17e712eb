"""A raw WebSocket client of protocol v2 that trusts nothing: it resumes by itself, and notes every broken promise."""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

Frame = dict[str, Any]

OPEN_S = 8.0
SILENCE_S = 8.0
PING_S = 2.5
FIRST_FINAL_CODE = 4400
REPLACED = 4000
BASE_TYPES = {"message", "bot_typing", "error", "pong"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A durable event as it was told. ``message_id`` is the exchange's, ``text`` what was said, where it was told."""

    seq: int
    kind: str
    message_id: str | None
    text: str | None = None


class Tab:
    """One tab: on whichever server ``choose_url`` names, again and again, until :meth:`close`.

    ``on_event`` hears each durable event, ``on_frame`` every frame, ``on_resync`` the places between which histories
    have to be asked. ``violations`` are promises that were broken towards this tab.
    """

    def __init__(
        self,
        name: str,
        *,
        choose_url: Callable[[], str],
        chance: random.Random,
        on_event: Callable[[Seen], None] = lambda _: None,
        on_frame: Callable[[Frame], None] = lambda _: None,
        on_resync: Callable[[int, int], None] = lambda _after, _up_to: None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.epoch: str | None = None
        self.first_seq = self.seq = 0
        self.connection_count = self.resync_count = 0
        self.violations: list[str] = []
        self._choose_url = choose_url
        self._chance = chance
        self._on_event, self._on_frame, self._on_resync, self._note = on_event, on_frame, on_resync, note
        self._socket: ClientConnection | None = None
        self._is_closing = False
        self.is_live = asyncio.Event()

    async def run(self) -> None:
        """Stay connected until closed."""
        while not self._is_closing:
            try:
                await self._connect()
            except (OSError, WebSocketException, TimeoutError) as error:
                self._note(f"lost {type(error).__name__} {error}"[:160])
            self.is_live.clear()
            await asyncio.sleep(self._chance.uniform(0.02, 0.3))

    def close(self) -> None:
        """Leave, and do not come back."""
        self._is_closing = True
        self.drop()

    def drop(self) -> None:
        """Lose the connection as by a broken network."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def post(self, frame: Frame) -> bool:
        """Send a frame; returns whether it left."""
        if self._socket is None or not self.is_live.is_set():
            return False
        try:
            async with asyncio.timeout(OPEN_S):
                await self._socket.send(json.dumps(frame))
        except (ConnectionClosed, OSError, TimeoutError):
            return False
        return True

    async def _connect(self) -> None:
        url = self._choose_url()
        options: dict[str, Any] = {"proxy": None, "compression": None, "ping_interval": None, "max_size": None}
        async with connect(url, open_timeout=OPEN_S, close_timeout=1, **options) as socket:
            self._socket = socket
            self.connection_count += 1
            pinging = asyncio.create_task(self._ping(socket))
            try:
                await self._talk(socket, url)
            except ConnectionClosed as end:
                code = end.rcvd.code if end.rcvd else None
                self._note(f"closed {code}")
                if code is not None and (code == REPLACED or code >= FIRST_FINAL_CODE):
                    self._violated(f"closed for good: {code}")
            finally:
                self._socket = None
                pinging.cancel()
                socket.transport.abort()

    async def _ping(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            while True:
                await asyncio.sleep(PING_S)
                await socket.send('{"type":"ping"}')

    async def _talk(self, socket: ClientConnection, url: str) -> None:
        hello: Frame = {"type": "hello", "v": 2, "client_id": self.name}
        if self.epoch is not None:
            hello["since"] = {"epoch": self.epoch, "seq": self.seq}
        await socket.send(json.dumps(hello))
        # Until it has heard our hello, the server takes us for a base client.
        while (welcome := await self._receive(socket))["type"] != "welcome":
            if welcome["type"] == "error" and "seq" not in welcome:
                raise ConnectionRefusedError(welcome["code"])
            if welcome["type"] not in BASE_TYPES:
                self._violated(f"greeted with {welcome}")
        self._note(f"welcomed by {url.split('/')[2]} at {welcome['seq']}, was at {self.seq}")
        if self.epoch is None:
            self.epoch, self.first_seq, self.seq = welcome["epoch"], welcome["seq"], welcome["seq"]
            self.is_live.set()
        while True:
            await self._take(await self._receive(socket), socket)

    async def _receive(self, socket: ClientConnection) -> Frame:
        async with asyncio.timeout(SILENCE_S):
            frame: Frame = json.loads(await socket.recv())
        return frame

    async def _take(self, frame: Frame, socket: ClientConnection) -> None:
        match frame["type"]:
            case "ping":
                await socket.send('{"type":"pong"}')
            case "resumed":
                if frame["seq"] != self.seq:
                    self._violated(f"resumed at {frame['seq']}, not {self.seq}")
                self.is_live.set()
            case "resync":
                self._resync(frame)
            case _:
                if (seen := seen_of(frame)) is not None:
                    self._follow(seen)
        self._on_frame(frame)

    def _resync(self, frame: Frame) -> None:
        self.resync_count += 1
        if frame["epoch"] == self.epoch and frame["seq"] < self.seq:
            self._violated(f"sent back from {self.seq} to {frame['seq']}")
        self._note(f"resync from {self.seq} to {frame['seq']}")
        self._on_resync(self.seq, frame["seq"])
        self.epoch, self.seq = frame["epoch"], frame["seq"]
        self.is_live.set()

    def _follow(self, seen: Seen) -> None:
        if seen.seq != self.seq + 1:
            self._violated(f"{seen} came after {self.seq}")
        self.seq = max(self.seq, seen.seq)
        self._note(f"{seen.seq} {seen.kind} {seen.message_id}")
        self._on_event(seen)

    def _violated(self, what: str) -> None:
        self._note(f"VIOLATION {what}")
        self.violations.append(f"{self.name}: {what}")


def seen_of(frame: Frame) -> Seen | None:
    """The durable event that a frame tells, if it tells one."""
    kind, data = frame["type"], frame.get("data", {})
    if kind == "ack":
        if frame["status"] != "stored":
            return None
        return Seen(seq=frame["seq"], kind="message", message_id=frame["message_id"])
    if "seq" not in frame:
        return None
    if kind == "message" and data["role"] == "bot":
        return Seen(seq=frame["seq"], kind="answer", message_id=data["reply_to"], text=data["content"])
    if kind == "message":
        return Seen(seq=frame["seq"], kind="message", message_id=data["message_id"], text=data["content"])
    return Seen(seq=frame["seq"], kind=kind, message_id=frame.get("message_id"), text=frame.get("code"))
