"""What is happening to bots right now, as one element that keeps its own clock."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from nicegui.element import Element

from chat_api.fleet.schemas import RestartView
from chat_api.restarts.rolling_schemas import RollingStep, RollingView
from console import theme
from console.labels import ACTIONS
from models import ActionOrigin

ORIGINS = {
    ActionOrigin.OPERATOR: "by hand",
    ActionOrigin.BULK: "bulk",
    ActionOrigin.ROLLING: "rolling restart",
    ActionOrigin.AUTO_HEAL: "auto-heal",
}


class RestartsLive(Element, component=theme.ASSETS / "restarts_live.js", dependencies=[theme.ASSETS / "js" / "*.js"]):
    """The rolling restart and every action under way; :meth:`show` replaces what is shown."""

    def __init__(self, *, may_act: bool, on_abort: Callable[[UUID], Awaitable[None]]) -> None:
        super().__init__()
        self._props["icons"] = theme.asset("icons.svg")
        self._props["may-act"] = may_act
        self._props["actions"] = []
        self._props["rolling"] = None
        self._props["server-now"] = time.time()

        async def abort(event: Any) -> None:
            try:
                rolling_id = UUID(str(event.args)[:40])
            except ValueError:
                return  # not from our page
            await on_abort(rolling_id)

        self.on("abort", abort, throttle=0.3)

    def show(self, actions: Sequence[RestartView], rolling: RollingView | None, *, titles: Mapping[str, str]) -> None:
        """Show these actions, oldest first, and this rolling restart."""
        self._props["actions"] = [_action(view, titles) for view in actions]
        self._props["rolling"] = _rolling(rolling, titles) if rolling else None
        self._props["server-now"] = time.time()
        self.update()


def _action(view: RestartView, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": str(view.restart_id),
        "bot": view.bot_name,
        "title": titles.get(view.bot_name, view.bot_name),
        "what": f"{ACTIONS[view.action].label} · {view.requested_by} · {ORIGINS[view.origin]}",
        "action": view.action,
        "state": view.state,
        "requested_at": view.requested_at.timestamp(),
        "estimate_s": view.estimate_s,
    }


def _rolling(view: RollingView, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": str(view.rolling_id),
        "by": view.requested_by,
        "requested_at": view.requested_at.timestamp(),
        "finished_at": view.finished_at.timestamp() if view.finished_at else None,
        "batch_size": view.batch_size,
        "state": view.state,
        "estimate_s": view.estimate_s,
        "abort_requested_by": view.abort_requested_by,
        "error": view.error,
        "steps": [_step(step, titles) for step in view.steps],
    }


def _step(step: RollingStep, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "bot": step.bot_name,
        "title": titles.get(step.bot_name, step.bot_name),
        "batch": step.batch,
        "state": step.state,
        "duration_s": step.duration_s,
        "error": step.error,
    }
