"""Logs of bots: live for any number of viewers over one reader a bot, and read back by time."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import (
    AppError,
    EngineUnavailable,
    InvalidInput,
    NotFound,
    RateLimited,
    ShuttingDown,
    Unavailable,
)
from chat_api.core.language import N_, _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.tally import Tally
from chat_api.engine.adopted import require_managed
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.engine.log_schemas import LogLine, LogPage, RawLine, nanoseconds_of
from chat_api.fleet.registry import BotRegistry
from chat_api.logs.filter import LogFilter, log_filter
from chat_api.logs.lines import LineReader
from chat_api.logs.reader import LogReader
from chat_api.logs.viewer import LogViewer

log = get_logger(__name__)

LINGER_S = 15.0
MAX_BOTS = 50
MAX_READERS = 100
MAX_VIEWERS = 200
# Of the viewers that a person has open, in tabs and as streams; one more costs others their room.
MAX_VIEWERS_PER_PERSON = 20
MAX_SEARCHES_PER_PERSON = 4
MAX_HISTORY_LINES = 5000


class LogService:
    """Every process with the engine reads for its own viewers."""

    def __init__(
        self,
        engine: ContainerEngine,
        registry: BotRegistry,
        *,
        part_name: Callable[[str], str | None] = lambda _: None,
        clock: Clock = SYSTEM_CLOCK,
        linger_s: float = LINGER_S,
    ) -> None:
        """``part_name``: by what the log of another part of the fleet is read, None for what is none."""
        self._engine = engine
        self._registry = registry
        self._part_name = part_name
        self._clock = clock
        self._linger_s = linger_s
        self._readers: dict[str, LogReader] = {}
        self._viewers: set[LogViewer] = set()
        self._watching = Tally(MAX_VIEWERS_PER_PERSON)
        self._searching = Tally(MAX_SEARCHES_PER_PERSON)
        self._endings: dict[str, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def watch(
        self, principal: Principal, bots: Iterable[str], *, levels: Iterable[str] = (), pattern: str = ""
    ) -> LogViewer:
        """Open a viewer, with the last lines waiting in it. Its owner closes it.

        Raises: PermissionDenied, NotAuthenticated, NotFound, InvalidInput (a pattern's message is meant for people),
        EngineUnavailable, RateLimited when this person watches too many already, Unavailable when all together do.
        """
        names, wanted = self._asked(principal, bots, levels, pattern)
        if len(self._viewers) >= MAX_VIEWERS or len(self._readers.keys() | set(names)) > MAX_READERS:
            raise Unavailable("Too many logs are open already. Please try again later.")
        if not self._watching.take(principal.user_id):
            raise RateLimited(_("You have {count} logs open already. Close one first.", count=MAX_VIEWERS_PER_PERSON))
        viewer = LogViewer(names, wanted)
        readers = [self._reader(name) for name in names]
        known = sorted((line for reader in readers for line in reader.ring), key=lambda line: line.at_ns)
        viewer.offer(known)
        for reader in readers:
            reader.join(viewer)
        self._viewers.add(viewer)
        viewer.on_close(partial(self._left, principal.user_id))
        return viewer

    async def history(
        self,
        principal: Principal,
        bots: Iterable[str],
        *,
        since: datetime,
        until: datetime | None = None,
        levels: Iterable[str] = (),
        pattern: str = "",
        limit: int = 1000,
        newest: bool = True,
    ) -> LogPage:
        """At most ``limit`` lines of a span, merged by time: the newest of them, or the oldest.

        A bot whose log cannot be read is named in the answer and keeps nobody from the others'.
        Raises: PermissionDenied, NotAuthenticated, NotFound, InvalidInput, EngineUnavailable, RateLimited.
        """
        names, wanted = self._asked(principal, bots, levels, pattern)
        limit = max(1, min(limit, MAX_HISTORY_LINES))
        try:
            since_ns, until_ns = nanoseconds_of(since), nanoseconds_of(until or self._clock.now())
        except OverflowError:
            raise InvalidInput("is not valid", field="since") from None
        read = partial(self._piece, wanted, since_ns=max(0, since_ns), until_ns=until_ns, limit=limit, newest=newest)
        with self._searching.holding(principal.user_id, refusal=N_("Wait until your other log searches are done.")):
            pieces = await asyncio.gather(*(read(name) for name in names), return_exceptions=True)
        failures: dict[str, str] = {}
        found: list[LogLine] = []
        is_cut = False
        for name, piece in zip(names, pieces, strict=True):
            if isinstance(piece, InvalidInput) or (
                isinstance(piece, BaseException) and not isinstance(piece, AppError)
            ):
                raise piece
            if isinstance(piece, AppError):
                failures[name] = piece.message
            elif not isinstance(piece, BaseException):
                found += piece[0]
                is_cut = is_cut or piece[1]
        found.sort(key=lambda line: line.at_ns)
        kept = found[-limit:] if newest else found[:limit]
        return LogPage(lines=tuple(kept), is_cut=is_cut or len(kept) < len(found), failures=failures)

    def problems(self, bots: Sequence[str]) -> dict[str, str]:
        """Why the log of a bot does not come at the moment, for those it does not."""
        readers = ((name, self._readers.get(name)) for name in bots)
        return {name: reader.problem for name, reader in readers if reader and reader.problem}

    def end_viewers(self) -> None:
        """Tell everybody who watches that this process ends."""
        for viewer in tuple(self._viewers):
            viewer.fail(ShuttingDown())

    async def close(self) -> None:
        """End every reader."""
        for ending in self._endings.values():
            ending.cancel()
        await asyncio.gather(*(reader.stop() for reader in self._readers.values()), *self._stopping)
        self._readers.clear()

    def _asked(
        self, principal: Principal, bots: Iterable[str], levels: Iterable[str], pattern: str
    ) -> tuple[tuple[str, ...], LogFilter]:
        principal.require(Permission.VIEW_LOGS)
        wanted = log_filter(levels, pattern)
        names = tuple(dict.fromkeys(self._part_name(name) or self._registry.get(name).name for name in bots))
        if not 0 < len(names) <= MAX_BOTS:
            raise InvalidInput(_("choose 1 to {most}", most=MAX_BOTS), field="bots")
        if isinstance(self._engine, NoEngine):
            raise EngineUnavailable("No container engine is configured (DOCKER_HOST).")
        return names, wanted

    async def _piece(
        self, wanted: LogFilter, bot_name: str, *, since_ns: int, until_ns: int, limit: int, newest: bool
    ) -> tuple[list[LogLine], bool]:
        view = await self._engine.inspect(bot_name)
        if view is None:
            raise NotFound("No container or service runs this bot.")
        require_managed(view)
        own = LogFilter(levels=wanted.levels, pattern=wanted.pattern)
        read = _wanted_line(LineReader(bot_name), own)
        span = {"since_ns": since_ns, "until_ns": until_ns, "limit": limit}
        return await self._engine.log_history(view, read, newest=newest, **span)

    def _reader(self, name: str) -> LogReader:
        ending = self._endings.pop(name, None)
        if ending is not None:
            ending.cancel()
        return self._readers.setdefault(name, LogReader(self._engine, name))

    def _left(self, user_id: str, viewer: LogViewer) -> None:
        self._watching.leave(user_id)
        self._viewers.discard(viewer)
        for name in viewer.bots:
            reader = self._readers.get(name)
            if reader is None:
                continue
            reader.leave(viewer)
            if not reader.is_watched and name not in self._endings:
                loop = asyncio.get_running_loop()
                self._endings[name] = loop.call_later(self._linger_s, self._end, name)

    def _end(self, name: str) -> None:
        self._endings.pop(name, None)
        reader = self._readers.pop(name, None)
        if reader is not None:
            task = asyncio.create_task(reader.stop(), name=f"logs-end-{name}")
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)


def _wanted_line(reader: LineReader, wanted: LogFilter) -> Callable[[RawLine], LogLine | None]:
    def read(raw: RawLine) -> LogLine | None:
        line = reader(raw)
        return line if wanted.wants(line) else None

    return read
