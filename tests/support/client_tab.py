"""One tab that is the API's own client: what it tells its program is checked as strictly as the wire."""

import asyncio
import contextlib
from collections.abc import Callable

from tests.support.v2_tab import Seen
from whisperengine_client import (
    AnswerEvent,
    ChatClient,
    ChatError,
    DurableEvent,
    Event,
    Failed,
    MessageEvent,
    Refused,
    Resynced,
    RetryPolicy,
    Stream,
)

PATIENCE = RetryPolicy(first_s=0.05, most_s=1.0, total_s=60.0)


class ClientTab:
    """The same as :class:`tests.support.v2_tab.Tab`, with :class:`whisperengine_client.Stream` instead of the wire."""

    def __init__(
        self,
        name: str,
        *,
        on_event: Callable[[Seen], None],
        on_stored: Callable[[str, str], None],
        on_resync: Callable[[int, int], None],
        note: Callable[[str], None],
    ) -> None:
        self.name = name
        self.first_seq = self.seq = 0
        self.resync_count = 0
        self.violations: list[str] = []
        self.is_live = asyncio.Event()
        self._on_event, self._on_stored, self._on_resync, self._note = on_event, on_stored, on_resync, note
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._resynced_to = 0

    @property
    def connection_count(self) -> int:
        """How often it was connected."""
        return 0 if self._stream is None else self._stream.reconnect_count + 1

    async def run(self, url: str, token: str) -> None:
        """Take what comes until closed."""
        self._task = asyncio.create_task(self._follow(url, token))
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def close(self) -> None:
        """Leave, and do not come back."""
        if self._task is not None:
            self._task.cancel()

    async def send(self, key: str, bot_name: str, *, timeout_s: float) -> bool:
        """Have a message stored under ``key``; returns whether it was in time."""
        assert self._stream is not None
        try:
            sent = await self._stream.send(bot_name, key, client_msg_id=key, timeout_s=timeout_s)
        except Refused as error:
            self._violated(f"refused {key} for good: {error!r}")
            return False
        except ChatError as error:
            self._note(f"not sent {key}: {error!r}")
            return False
        self._on_stored(sent.client_msg_id, sent.message_id)
        return True

    async def _follow(self, url: str, token: str) -> None:
        try:
            async with (
                ChatClient(url, token=token, retry_policy=PATIENCE, trust_env=False) as client,
                client.stream(client_id=self.name) as self._stream,
            ):
                self.first_seq = self.seq = self._stream.position.seq
                self.is_live.set()
                async for event in self._stream:
                    self._take(event)
        except ChatError as error:
            self._violated(f"ended with {error!r}")

    def _take(self, event: Event) -> None:
        if isinstance(event, Resynced):
            self.resync_count += 1
            self._note(f"resync from {self.seq} to {event.seq}")
            self._on_resync(self.seq, event.seq)
            self._resynced_to = event.seq
        elif (seq := getattr(event, "seq", None)) is not None:
            if seq != self.seq + 1 and not self.seq < seq <= self._resynced_to:
                if self.seq < self._resynced_to == seq - 1:
                    self.seq = self._resynced_to
                else:
                    self._violated(f"{seq} came after {self.seq}")
            self.seq = max(self.seq, seq)
            seen = seen_of_event(event)
            self._note(f"{seen.seq} {seen.kind} {seen.message_id}")
            self._on_event(seen)

    def _violated(self, what: str) -> None:
        self._note(f"VIOLATION {what}")
        self.violations.append(f"{self.name}: {what}")


def seen_of_event(event: Event) -> Seen:
    """A durable event of the client, as the wire tells it."""
    match event:
        case MessageEvent():
            return Seen(seq=event.seq, kind="message", message_id=event.message_id, text=event.content)
        case AnswerEvent():
            return Seen(seq=event.seq, kind="answer", message_id=event.reply_to, text=event.content)
        case Failed(seq=int(seq)):
            return Seen(seq=seq, kind="failed", message_id=event.message_id, text=event.code)
        case DurableEvent():
            kind = type(event).__name__.lower()
            return Seen(seq=event.seq, kind=kind, message_id=getattr(event, "message_id", None))
        case _:
            raise ValueError(event)
