"""The demo's bots and the rest of its fleet as a container engine would show them: child processes to stop and to read.

It lets everything that an operator does with containers be tried on a machine without a container engine. It is part of
``demo`` alone; a real fleet runs on Docker.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from datetime import datetime
from typing import TypeVar

from chat_api.core.clock import SYSTEM_CLOCK
from chat_api.core.errors import NotFound
from chat_api.core.language import N_
from chat_api.engine.adopted import AdoptedContainers
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.interface import STOP_GRACE_S
from chat_api.engine.log_schemas import RawLine
from chat_api.engine.schemas import ContainerEvent, ContainerSummary, ContainerUsage, ContainerView
from console.demo_bot import DemoProcess
from console.demo_views import facts_of, summary_of, view_of

PROCESSES = N_("Processes")
CONTAINERS = N_("Containers of the demo")
WATCH_S = 0.2
MAX_LINE_CHARS = 4000
MAX_WAITING_EVENTS = 1000
T = TypeVar("T")


class DemoEngine:
    """Runs sample bots and what else a demo's fleet has. Use as a context: they end with it.

    ``title`` is what an operator reads as its name.
    """

    def __init__(self, processes: Iterable[DemoProcess], *, title: str = PROCESSES) -> None:
        self.title = title
        self.adopted = AdoptedContainers()
        self._processes = {bot.name: bot for bot in processes}
        self._listeners: set[asyncio.Queue[ContainerEvent]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "DemoEngine":
        for bot in self._processes.values():
            bot.begin()
        self._watching = asyncio.create_task(self._watch(), name="demo-engine")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(bot.end(grace_s=5.0) for bot in self._processes.values()))

    async def ping(self) -> float:
        """They are ours: there is no way to go."""
        return 0.0

    async def list_bots(self) -> tuple[ContainerView, ...]:
        """See ``ContainerEngine``."""
        return tuple(
            view_of(self._processes[name], self.adopted)
            for name in sorted(self._processes)
            if self._processes[name].shown.is_bot
        )

    async def list_containers(self) -> tuple[ContainerSummary, ...]:
        """See ``ContainerEngine``."""
        summaries = (summary_of(one, self.adopted) for one in self._processes.values())
        return tuple(sorted(summaries, key=lambda summary: summary.name))

    async def inspect(self, bot_name: str) -> ContainerView | None:
        """See ``ContainerEngine``."""
        return view_of(self._processes[bot_name], self.adopted) if bot_name in self._processes else None

    async def restart(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """See ``ContainerEngine``."""
        bot = self._bot(view)
        async with bot.acting:
            await self._end(bot, grace_s=timeout_s)
            bot.restart_count += 1
            self._begin(bot)

    async def start(self, view: ContainerView) -> None:
        """See ``ContainerEngine``."""
        bot = self._bot(view)
        async with bot.acting:
            if not bot.is_running:
                self._begin(bot)

    async def stop(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """See ``ContainerEngine``."""
        bot = self._bot(view)
        async with bot.acting:
            await self._end(bot, grace_s=timeout_s)

    async def logs_tail(self, view: ContainerView, lines: int = 200) -> tuple[str, ...]:
        """See ``ContainerEngine``."""
        return tuple(line.text[:MAX_LINE_CHARS] for line in list(self._bot(view).lines)[-lines:])

    async def follow_logs(
        self, view: ContainerView, read: Callable[[RawLine], T | None], *, since_ns: int | None, tail: int | None = None
    ) -> AsyncGenerator[tuple[T, ...], None]:
        """See ``ContainerEngine``."""
        bot = self._bot(view)
        seen_ns = since_ns if since_ns is not None else _before_last(bot, tail or 0)
        while True:
            new = tuple(bot.lines_after(seen_ns))
            if new:
                seen_ns = new[-1].at_ns
                yield tuple(made for line in new if (made := read(line)) is not None)
            elif not bot.is_running:
                return
            await asyncio.sleep(WATCH_S)

    async def log_history(
        self,
        view: ContainerView,
        read: Callable[[RawLine], T | None],
        *,
        since_ns: int,
        until_ns: int,
        limit: int,
        newest: bool = True,
    ) -> tuple[list[T], bool]:
        """See ``ContainerEngine``."""
        span = [line for line in self._bot(view).lines if since_ns <= line.at_ns < until_ns]
        kept = [made for line in span if (made := read(line)) is not None]
        return (kept[-limit:] if newest else kept[:limit]), len(kept) > limit

    async def facts(self, view: ContainerView) -> ContainerFacts:
        """See ``ContainerEngine``."""
        return facts_of(self._bot(view), self.adopted)

    async def stats(self, view: ContainerView) -> ContainerUsage:
        """See ``ContainerEngine``."""
        return self._bot(view).usage()

    async def events(self, since: datetime | None = None) -> AsyncGenerator[ContainerEvent, None]:
        """See ``ContainerEngine``; what was before the call is in the list."""
        del since
        waiting: asyncio.Queue[ContainerEvent] = asyncio.Queue(MAX_WAITING_EVENTS)
        self._listeners.add(waiting)
        try:
            while True:
                yield await waiting.get()
        finally:
            self._listeners.discard(waiting)

    async def close(self) -> None:
        """The bots end with the context, not with who looks at them."""

    def _bot(self, view: ContainerView) -> DemoProcess:
        try:
            return self._processes[view.bot_name]
        except KeyError:
            raise NotFound("There is no such bot in the demo.") from None

    def _begin(self, bot: DemoProcess) -> None:
        bot.begin()
        self._tell(bot, "start")

    async def _end(self, bot: DemoProcess, *, grace_s: float) -> None:
        if bot.is_running:
            await bot.end(grace_s=grace_s)
            self._tell(bot, "die")

    async def _watch(self) -> None:
        """Read what the bots write, and notice those that end by themselves, as an engine does."""
        running = set(self._processes)
        while True:
            await asyncio.sleep(WATCH_S)
            for bot in self._processes.values():
                bot.read_log()
            now = {name for name, bot in self._processes.items() if bot.is_running}
            for name in running - now:
                if not self._processes[name].acting.locked():
                    self._tell(self._processes[name], "die")
            running = now

    def _tell(self, bot: DemoProcess, action: str) -> None:
        if not bot.shown.is_bot:
            return  # as an engine, whose list says it soon enough
        event = ContainerEvent(bot_name=bot.name, action=action, at=SYSTEM_CLOCK.now(), exit_code=bot.exit_code)
        for waiting in self._listeners:
            with contextlib.suppress(asyncio.QueueFull):  # who falls so far behind takes the list
                waiting.put_nowait(event)


def _before_last(bot: DemoProcess, count: int) -> int:
    """The moment just before the last ``count`` lines."""
    lines = list(bot.lines)
    if not count:
        return lines[-1].at_ns if lines else 0
    return lines[-count:][0].at_ns - 1 if lines else 0
