"""The one reader of a bot's log in this process, however many look at it: its last lines, and those that follow."""

import asyncio
import contextlib
from collections import deque

from chat_api.core.errors import AppError, Conflict
from chat_api.core.logging import get_logger
from chat_api.engine.adopted import require_managed
from chat_api.engine.interface import ContainerEngine
from chat_api.engine.log_schemas import LogLine
from chat_api.engine.schemas import ContainerView
from chat_api.logs.lines import LineReader
from chat_api.logs.position import LogPosition
from chat_api.logs.viewer import LogViewer

log = get_logger(__name__)

RING_LINES = 1000
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 3.0


class LogReader:
    """Follows a bot through reconnections and new containers, from its first viewer until it is stopped."""

    def __init__(self, engine: ContainerEngine, bot_name: str) -> None:
        self.bot_name = bot_name
        self.problem = ""
        self._engine = engine
        self._position = LogPosition()
        self._ring: deque[LogLine] = deque(maxlen=RING_LINES)
        self._viewers: set[LogViewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._adopted: ContainerView | None = None  # whose log is followed because somebody adopted it

    @property
    def ring(self) -> tuple[LogLine, ...]:
        """The last lines, for as long as they may be read."""
        return () if self._is_released() else tuple(self._ring)

    @property
    def is_watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._viewers)

    def join(self, viewer: LogViewer) -> None:
        """Give a viewer what follows."""
        self._viewers.add(viewer)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"logs-{self.bot_name}")

    def leave(self, viewer: LogViewer) -> None:
        """Give it nothing more."""
        self._viewers.discard(viewer)

    async def stop(self) -> None:
        """End the reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                if await self._follow():
                    retry_s = FIRST_RETRY_S
                self.problem = ""
            except AppError as error:
                if isinstance(error, Conflict):
                    self._ring.clear()
                self.problem = error.message
                log.debug("log_reader_failed", bot_name=self.bot_name, code=error.code, detail=error.detail)
            except Exception:
                self.problem = "The log could not be read; the log of the console says more."
                log.exception("log_reader_failed", bot_name=self.bot_name)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    async def _follow(self) -> bool:
        """Read until the stream ends; whether anything new came."""
        view = await self._engine.inspect(self.bot_name)
        if view is None:
            return False
        require_managed(view)
        self._adopted = view if self._engine.adopted.has(view.name, view.labels) else None
        since_ns = self._position.since_ns
        self._position.reconnect()
        tail = RING_LINES if since_ns is None else None
        is_any = False
        batches = self._engine.follow_logs(view, LineReader(self.bot_name), since_ns=since_ns, tail=tail)
        async with contextlib.aclosing(batches):
            async for batch in batches:
                if self._is_released():  # whether it carries our label the next look tells
                    return is_any
                lines = self._position.take(batch)
                is_any = is_any or bool(lines)
                self._take(lines)
                await asyncio.sleep(0)  # others have their turn while a burst is read
        return is_any

    def _is_released(self) -> bool:
        """Whether it is adopted no more, while its log is still followed."""
        adopted = self._adopted
        return adopted is not None and not self._engine.adopted.has(adopted.name, adopted.labels)

    def _take(self, lines: tuple[LogLine, ...]) -> None:
        self._ring.extend(lines)
        for viewer in tuple(self._viewers):
            viewer.offer(lines)
