"""Live logs as one component: lines are pushed past NiceGUI's outbox, at most ten times a second, a few ahead of it.

A browser says which pushes it has drawn. One that is slow is sent nothing more until it does, and its viewer's queue
drops and counts, on this side, where it is bounded.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from nicegui import Client, background_tasks, core, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from chat_api.core.errors import AppError
from chat_api.core.principals import Principal
from chat_api.engine.log_schemas import LogBatch, LogLine
from chat_api.logs.viewer import LogViewer
from console import page_head
from console.actions import run_action
from console.context import services
from console.live.open_pages import open_pages
from console.widgets.lifetime import while_shown

EVENT: Final = "logs"
PUSH_S: Final = 0.1
IDLE_S: Final = 2.0
PUSH_LINES: Final = 500
MAX_AHEAD: Final = 3
AROUND_LINES: Final = 500
BEFORE: Final = timedelta(seconds=30)
HISTORY: Final = timedelta(days=1)


class LogView(Element, component=page_head.ASSETS / "log_view.js", dependencies=[page_head.ASSETS / "js" / "*.js"]):
    """The log of some bots, live or around a moment."""

    def __init__(
        self,
        principal: Principal,
        *,
        bots: Iterable[tuple[str, str]],
        chosen: Iterable[str],
        levels: Iterable[str] = (),
        pattern: str = "",
        at: str = "",
        is_single: bool = False,
    ) -> None:
        """``bots`` are names and titles to choose from; ``at`` is a moment as ISO 8601, empty for live."""
        super().__init__()
        self._principal = principal
        self._browser: Client = ui.context.client
        self._viewer: LogViewer | None = None
        self._pump: asyncio.Task[None] | None = None
        self._turn = 0
        self._sent = self._drawn = 0
        self._is_paused = False
        self._wanted: dict[str, Any] = _wanted(
            {"bots": list(chosen), "levels": list(levels), "pattern": pattern, "at": at}
        )
        self._props.update(
            bots=[{"name": name, "title": title} for name, title in bots],
            initial=self._wanted,
            **{"is-single": is_single},
        )
        self.on("want", self._want, throttle=0.1)
        self.on("drawn", self._draw)
        self.on("pause", self._pause)
        self._browser.on_connect(self._connected)
        while_shown(self._end)

    async def _connected(self) -> None:
        if not self.is_deleted:
            await self._open()

    async def _want(self, event: GenericEventArguments) -> None:
        self._wanted = _wanted(event.args)
        await self._open()

    def _draw(self, event: GenericEventArguments) -> None:
        """The browser has drawn a push of this opening."""
        args = event.args
        if isinstance(args, list) and len(args) == 2 and args[0] == self._turn and isinstance(args[1], int):
            self._drawn = max(self._drawn, min(args[1], self._sent))

    def _pause(self, event: GenericEventArguments) -> None:
        self._is_paused = event.args is True

    async def _open(self) -> None:
        """Begin anew with what is wanted now."""
        self._end()
        self._turn += 1
        self._sent = self._drawn = 0
        self._is_paused = False
        turn = self._turn
        if not self._wanted["bots"]:
            await self._emit({"turn": turn, "is_new": True})
            return
        try:
            if self._wanted["at"]:
                await self._show_history(turn)
            else:
                await self._show_live(turn)
        except AppError as error:
            await self._emit({"turn": turn, "is_new": True, "error": error.message})

    async def _show_live(self, turn: int) -> None:
        person = await open_pages().principal(self._principal)
        if person is None or self._browser not in open_pages():
            return
        wanted = self._wanted
        viewer = services().logs.watch(person, wanted["bots"], levels=wanted["levels"], pattern=wanted["pattern"])
        if turn != self._turn:
            viewer.close()
            return
        self._viewer = viewer
        await self._emit({"turn": turn, "is_new": True, "is_live": True})
        self._pump = background_tasks.create(self._push(viewer, turn), name="log view")

    async def _show_history(self, turn: int) -> None:
        wanted = self._wanted
        at = datetime.fromisoformat(wanted["at"])

        async def read(person: Principal) -> list[LogLine]:
            logs = services().logs
            chosen: dict[str, Any] = {"levels": wanted["levels"], "pattern": wanted["pattern"], "limit": AROUND_LINES}
            before = await logs.history(person, wanted["bots"], since=at - HISTORY, until=at, **chosen)
            after = await logs.history(person, wanted["bots"], since=at, newest=False, **chosen)
            seen = {id(line) for line in before.lines}
            return [*before.lines, *(line for line in after.lines if id(line) not in seen)]

        lines = await run_action(self._principal, read)
        if turn == self._turn:
            message = {"turn": turn, "is_new": True, "is_live": False, "at": at.timestamp() * 1000}
            await self._emit(message | {"lines": [_line(line) for line in lines or ()]})

    async def _push(self, viewer: LogViewer, turn: int) -> None:
        options: tuple[object, ...] = ()
        try:
            while self._viewer is viewer and self._browser in open_pages():
                is_held = self._is_paused or self._sent - self._drawn >= MAX_AHEAD
                if is_held:
                    await asyncio.sleep(PUSH_S)
                    batch = LogBatch(lines=(), skipped=0, counts=viewer.counts)
                    if not self._is_paused:
                        continue
                else:
                    await viewer.wait(timeout_s=IDLE_S)
                    batch = viewer.take(PUSH_LINES)
                problems = services().logs.problems(viewer.bots)
                state = (batch.counts, tuple(problems.items()))
                if batch.lines or state != options:
                    options = state
                    await self._send(batch, problems, turn)
                await asyncio.sleep(PUSH_S)
        except AppError as error:
            await self._emit({"turn": turn, "error": error.message})
        finally:
            viewer.close()

    async def _send(self, batch: LogBatch, problems: dict[str, str], turn: int) -> None:
        counts = batch.counts
        message: dict[str, Any] = {
            "turn": turn,
            "counts": [counts.emitted, counts.shown, counts.dropped, counts.waiting],
            "problems": problems,
        }
        if batch.lines:
            self._sent += 1
            message |= {"lines": [_line(line) for line in batch.lines], "skipped": batch.skipped, "number": self._sent}
        await self._emit(message)

    async def _emit(self, message: dict[str, Any]) -> None:
        await core.sio.emit(EVENT, message | {"view": self.id}, room=self._browser.id)

    def _end(self) -> None:
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            viewer.close()
        if self._pump is not None and self._pump is not asyncio.current_task():
            self._pump.cancel()
        self._pump = None


def _line(line: LogLine) -> list[Any]:
    return [round(line.at_ns / 1e6, 3), line.bot_name, int(line.stream == "stderr"), line.level, line.text]


def _wanted(options: object) -> dict[str, Any]:
    """What a browser wants, which may be anything: the right types, and a moment that is one."""
    wanted = options if isinstance(options, dict) else {}
    at = str(wanted.get("at") or "")[:40]
    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError:
        moment = None
    if moment is not None and not 1971 < moment.year < 9000:
        moment = None
    return {
        "bots": _texts(wanted.get("bots"), most=50),
        "levels": _texts(wanted.get("levels"), most=5),
        "pattern": str(wanted.get("pattern") or "")[:1000],
        "at": (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat() if moment else "",
    }


def _texts(options: object, *, most: int) -> list[str]:
    return [str(text)[:100] for text in options[:most]] if isinstance(options, list) else []
