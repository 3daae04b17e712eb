"""Keeps one current view of every bot's container, from the engine's events and from regular full lists."""

import asyncio
import contextlib
import dataclasses
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.engine.interface import ContainerEngine
from chat_api.engine.schemas import PART_PREFIX, ContainerState, ContainerView

log = get_logger(__name__)

LIST_INTERVAL_S = 15.0
DISCONNECTED_RETRY_S = 2.0
FIRST_RETRY_S = 0.2
Publish = Callable[[tuple[ContainerView, ...]], Awaitable[None]]


class DockerWatcher:
    """Publishes the views of all bots after the first look, and whenever one changes.

    An event only says *where* to look: the bot is then inspected, so that doubled, missing or reordered events cannot
    make a wrong view. The full list finds what no event told. A container that is gone stays as ``missing``; while
    the engine is away all are ``unknown``, each with the time it was last seen.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        publish: Publish,
        *,
        list_interval_s: float = LIST_INTERVAL_S,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._engine = engine
        self._publish = publish
        self._list_interval_s = list_interval_s
        self._clock = clock
        self._views: dict[str, ContainerView] = {}
        self._suspects: set[str] = set()
        self._asked_to_stop: set[str] = set()
        self._is_list_due = True
        self._is_disconnected = False
        self.has_listed = False
        self._wake = asyncio.Event()

    @property
    def views(self) -> tuple[ContainerView, ...]:
        """What is known now, by bot name."""
        return tuple(self._views[name] for name in sorted(self._views))

    def list_soon(self) -> None:
        """Make a full list now rather than when it is due."""
        self._is_list_due = True
        self._wake.set()

    def was_asked_to_stop(self, container: str) -> bool:
        """Whether somebody stopped this container, which is no bot, and nobody has started it since."""
        return f"{PART_PREFIX}{container}" in self._asked_to_stop

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._poll())

    async def _follow(self) -> None:
        since, retry_s = self._clock.now(), FIRST_RETRY_S
        while True:
            opened_s = self._clock.monotonic_s()
            try:
                async with contextlib.aclosing(self._engine.events(since)) as events:
                    async for event in events:
                        since = event.at
                        if event.action == "stop":
                            self._asked_to_stop.add(event.bot_name)
                        elif event.action in {"start", "destroy"}:
                            self._asked_to_stop.discard(event.bot_name)
                        if event.bot_name.startswith(PART_PREFIX):
                            continue  # these are looked at in the list
                        self._suspects.add(event.bot_name)
                        self._wake.set()
            except AppError as error:
                log.debug("docker_events_failed", code=error.code, detail=error.detail)
            if self._clock.monotonic_s() - opened_s > self._list_interval_s:
                retry_s = FIRST_RETRY_S
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, self._list_interval_s)
            self._is_list_due = True
            self._wake.set()

    async def _poll(self) -> None:
        while True:
            suspects, self._suspects = self._suspects, set()
            is_list_due, self._is_list_due = self._is_list_due, False
            self._wake.clear()
            try:
                if is_list_due:
                    await self._accept({view.bot_name: view for view in await self._engine.list_bots()}, self._views)
                else:
                    await self._accept(await self._inspect(suspects), suspects)
            except AppError as error:
                await self._lose(error)
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(
                min(self._list_interval_s, DISCONNECTED_RETRY_S if self._is_disconnected else math.inf)
            ):
                await self._wake.wait()
        except TimeoutError:
            self._is_list_due = True

    async def _inspect(self, names: set[str]) -> dict[str, ContainerView]:
        found = [view for name in sorted(names) if (view := await self._engine.inspect(name))]
        return {view.bot_name: view for view in found}

    async def _accept(self, seen: dict[str, ContainerView], asked: "set[str] | dict[str, ContainerView]") -> None:
        """Take over what was seen; what was asked for and not seen is gone."""
        gone = {
            name: dataclasses.replace(view, state=ContainerState.MISSING, health=None)
            for name, view in self._views.items()
            if name in asked and name not in seen
        }
        if self._is_disconnected:
            log.info("docker_engine_connected")
            self._is_disconnected = False
        is_first, self.has_listed = not self.has_listed, True
        seen = {name: self._completed(name, view) for name, view in seen.items()}
        # What others saw before us may be shown still: that nothing is there any more is news, too.
        await self._replace(self._views | gone | seen, is_news=is_first)

    def _completed(self, name: str, view: ContainerView) -> ContainerView:
        """What the engine does not tell of one container at this moment is as it was, such as its port."""
        before = self._views.get(name)
        if view.error is not None and before is not None:
            view = dataclasses.replace(before, state=view.state, health=None, error=view.error)
        return dataclasses.replace(view, was_asked_to_stop=name in self._asked_to_stop)

    async def _lose(self, error: AppError) -> None:
        if not self._is_disconnected:
            log.warning("docker_engine_disconnected", code=error.code, detail=error.detail)
        self._is_disconnected = self._is_list_due = True
        unknown = {
            name: dataclasses.replace(view, state=ContainerState.UNKNOWN, health=None)
            for name, view in self._views.items()
        }
        await self._replace(unknown)

    async def _replace(self, views: dict[str, ContainerView], *, is_news: bool = False) -> None:
        is_changed = _facts(views) != _facts(self._views)
        self._views = views
        if is_changed or is_news:
            await self._publish(self.views)


def _facts(views: dict[str, ContainerView]) -> dict[str, ContainerView]:
    """The views without the time of looking, which alone is no news."""
    never = datetime.min.replace(tzinfo=UTC)
    return {name: dataclasses.replace(view, last_seen_at=never) for name, view in views.items()}
