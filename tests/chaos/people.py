"""Users who write without pause, each in several tabs, and remember what they were promised."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.client_tab import ClientTab
from tests.support.v2_tab import Frame, Seen, Tab

ACK_S = 4.0
REST_S = 12.0
BURST_S = 60.0
BOTS = ("elena", "marcus", "ryan")
# What a call may be answered while things break; 500 is in none of it.
TROUBLED = {409, 429, 502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where the servers are, each of them and any of them (``front_url``), and where what happens is noted."""

    urls: tuple[str, ...]
    front_url: str
    http: aiohttp.ClientSession
    note: Callable[[str, str], None]


@dataclass(slots=True, eq=False)
class Promises:
    """What one user did and was told.

    ``tried`` are the keys in the order of writing, ``bots`` to whom, ``acknowledged`` message ids by key; ``told`` is
    the stream as any tab saw it first.
    """

    tried: list[str] = field(default_factory=list)
    bots: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    told: dict[int, Seen] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    reactions: set[tuple[str, str]] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)


class Person:
    """One user: every message is sent again until it is acknowledged, and the next one only then.

    The last of the tabs is the API's own client, the others are raw. Now and then several messages are written at once,
    by the client, which keeps their order.
    """

    def __init__(self, name: str, *, tab_count: int, pause_s: float, doors: Doors, seed: int) -> None:
        self.name = name
        self.promises = Promises()
        self.user_id = ""
        self._token = ""
        self._doors = doors
        self._pause_s = pause_s
        self._chance = random.Random(seed)
        self._waiting: dict[str, asyncio.Event] = {}
        self._refused: dict[str, float] = {}
        self._failed: list[str] = []
        self._answered: list[Seen] = []
        self._raw_tabs = [self._tab(number) for number in range(tab_count - 1)]
        self._client_tab = self._new_client_tab()
        self.tabs: list[Tab | ClientTab] = [*self._raw_tabs, self._client_tab]

    # Life

    async def arrive(self) -> None:
        """Sign in."""
        async with self._doors.http.post(f"{self._doors.urls[0]}/api/login", json={"username": self.name}) as answer:
            body = await answer.json()
            assert answer.status == 200, body
        self.user_id, self._token = body["user_id"], body["session_token"]

    async def watch(self) -> None:
        """Keep all tabs open until they are closed."""
        await asyncio.gather(
            *(tab.run() for tab in self._raw_tabs), self._client_tab.run(self._doors.front_url, self._token)
        )

    async def write(self, stop: asyncio.Event) -> None:
        """Send one message after the other, and do now and then what else users do."""
        while not stop.is_set():
            bot_name = self._chance.choice(BOTS)
            if self._chance.random() < 0.15:
                await self._burst([self._new_key(bot_name) for _ in range(3)], bot_name)
            else:
                await self._send(self._new_key(bot_name), bot_name)
            if self._chance.random() < 0.3:
                await self._fidget()
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * self._pause_s)

    def _tab(self, number: int) -> Tab:
        name = f"{self.name}/{number}"
        return Tab(
            name,
            choose_url=lambda: f"{self._door().replace('http', 'ws', 1)}/ws/{self._token}",
            chance=random.Random(self._chance.random()),
            on_event=self._hear,
            on_frame=self._hear_frame,
            on_resync=self._skip,
            note=lambda what: self._doors.note(name, what),
        )

    def _new_client_tab(self) -> ClientTab:
        name = f"{self.name}/client"
        return ClientTab(
            name,
            on_event=self._hear,
            on_stored=self._acknowledged,
            on_resync=self._skip,
            note=lambda what: self._doors.note(name, what),
        )

    # Sending

    def _new_key(self, bot_name: str) -> str:
        key = f"{self.name}-{len(self.promises.tried) + 1}"
        self.promises.tried.append(key)
        self.promises.bots[key] = bot_name
        return key

    async def _burst(self, keys: list[str], bot_name: str) -> None:
        await asyncio.gather(*(self._client_tab.send(key, bot_name, timeout_s=BURST_S) for key in keys))
        for key in keys:
            if key not in self.promises.acknowledged:
                await self._send(key, bot_name)

    async def _send(self, key: str, bot_name: str) -> None:
        self._waiting[key] = asyncio.Event()
        while key not in self.promises.acknowledged:
            self._refused.pop(key, None)
            dice = self._chance.random()
            if dice < 0.25:
                await self._ask(key, bot_name)
            elif dice < 0.35:  # a double click that comes by two ways
                await asyncio.gather(self._ask(key, bot_name), self._post(key, bot_name))
            else:
                await self._post(key, bot_name)
            await asyncio.sleep(self._refused.get(key, 0.02))
        del self._waiting[key]

    async def _post(self, key: str, bot_name: str) -> None:
        if self._chance.randrange(len(self.tabs)) == 0:
            await self._client_tab.send(key, bot_name, timeout_s=2 * ACK_S)
            return
        tab = self._chance.choice(self._raw_tabs)
        data = {"content": key, "bot_name": bot_name, "client_msg_id": key}
        if not await tab.post({"type": "message", "data": data}):
            return
        self._doors.note(tab.name, f"sent {key}")
        try:
            async with asyncio.timeout(ACK_S):
                await self._waiting[key].wait()
        except TimeoutError:
            self._doors.note(tab.name, f"no ack of {key}")
        self._waiting[key].clear()

    async def _ask(self, key: str, bot_name: str) -> None:
        body = {"content": key, "bot_name": bot_name}
        status, answer = await self._call("POST", "/api/chat", json=body, headers={"Idempotency-Key": key})
        if status == 200:
            self._acknowledged(key, answer["message_id"])
        elif status is not None and (message_id := answer.get("error", {}).get("message_id")):
            self._acknowledged(key, message_id)

    async def _call(self, method: str, path: str, *, headers: Any = (), **options: Any) -> tuple[int | None, Any]:
        headers = {"Authorization": f"Bearer {self._token}", **dict(headers)}
        try:
            async with (
                asyncio.timeout(REST_S),
                self._doors.http.request(method, self._door() + path, headers=headers, **options) as answer,
            ):
                body = await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._doors.note(self.name, f"{method} {path} {type(error).__name__}")
            return None, {}
        self._doors.note(self.name, f"{method} {path} {answer.status} {body.get('error', {}).get('code', '')}")
        if answer.status != 200 and answer.status not in TROUBLED:
            self._violated(f"{method} {path}: {answer.status} {body}")
        return answer.status, body

    # What else users do

    async def _fidget(self) -> None:
        deed = self._chance.choice((self._retry, self._react, self._mark_read, self._stop))
        await deed()

    async def _retry(self) -> None:
        if self._failed:
            message_id = self._failed.pop()
            self._failed = [one for one in self._failed if one != message_id]
            await self._call("POST", f"/api/chat/{message_id}/retry")

    async def _react(self) -> None:
        if self._answered:
            answer = self._chance.choice(self._answered)
            emoji = self._chance.choice("👍❤🎉")
            status, _ = await self._call("PUT", f"/api/messages/{answer.message_id}/reactions/{emoji}")
            if status == 200 and answer.message_id:
                self.promises.reactions.add((answer.message_id, emoji))

    async def _mark_read(self) -> None:
        body = {"seq": max(self.promises.told, default=0)}
        await self._call("PUT", f"/api/conversations/{self._chance.choice(BOTS)}/read", json=body)

    async def _stop(self) -> None:
        if self.promises.acknowledged:
            message_id = list(self.promises.acknowledged.values())[-1]
            await self._call("POST", f"/api/chat/{message_id}/stop")

    # Hearing

    def _hear(self, seen: Seen) -> None:
        known = self.promises.told.setdefault(seen.seq, seen)
        is_same = (known.kind, known.message_id) == (seen.kind, seen.message_id)
        if not is_same or (None not in {known.text, seen.text} and known.text != seen.text):
            self._violated(f"two tabs were told different things: {known} and {seen}")
        if known is not seen:
            if known.text is None:  # an acknowledgement tells no text
                self.promises.told[seen.seq] = seen
            return
        if seen.kind == "failed" and seen.message_id:
            self._failed.append(seen.message_id)
        elif seen.kind == "answer":
            self._answered = [*self._answered[-20:], seen]

    def _hear_frame(self, frame: Frame) -> None:
        key = frame.get("client_msg_id")
        if frame["type"] == "message" and frame["data"]["role"] == "user":
            self._acknowledged(frame["data"]["client_msg_id"], frame["data"]["message_id"])
        elif frame["type"] == "ack":
            self._acknowledged(key, frame["message_id"])
        elif frame["type"] == "error":
            self._doors.note(self.name, f"error {frame['code']} {key}")
            if not frame["retryable"]:
                self._violated(f"refused for good: {frame}")
            elif key in self._waiting:
                self._refused[key] = min(frame.get("retry_after", 0.3), 1.0)
                self._waiting[key].set()

    def _skip(self, after: int, up_to: int) -> None:
        """These events are not told, but what they came to is in the histories."""
        self.promises.skipped.update(range(after + 1, up_to + 1))

    def _acknowledged(self, key: str | None, message_id: str) -> None:
        if key is None:
            self._violated(f"{message_id} was told without its key")
            return
        if self.promises.acknowledged.setdefault(key, message_id) != message_id:
            self._violated(f"{key} is both {self.promises.acknowledged[key]} and {message_id}")
        if key in self._waiting:
            self._waiting[key].set()

    def _violated(self, what: str) -> None:
        self._doors.note(self.name, f"VIOLATION {what}")
        self.promises.violations.append(f"{self.name}: {what}")

    def _door(self) -> str:
        return self._chance.choice(self._doors.urls)
