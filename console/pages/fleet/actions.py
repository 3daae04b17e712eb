"""What buttons of the Fleet and Bot pages do to bots: one table, action → permission and service call.

A row more in :data:`BOT_ACTIONS` is a button more on both pages; the browser's side is ``assets/js/we-bot-actions.js``.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from chat_api.core.errors import AppError, Conflict
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.policy_schemas import PolicyChange
from console.actions import run_action
from console.context import services
from console.pages.restarts.rolling import open_rolling_dialog
from models import BotAction

MAX_BOTS: Final = 2000
MAX_NAME_CHARS: Final = 100
MAX_REASON_CHARS: Final = 200
MAX_MINUTES: Final = 60 * 24 * 365


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """What somebody asked for in the browser. ``minutes`` (None: until ended) and ``reason`` are of a maintenance."""

    action: str
    names: tuple[str, ...]
    minutes: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardAction:
    """``run`` calls the service, in the page's context, for the person that pressed the button."""

    permission: Permission
    run: Callable[[Principal, ActionRequest], Awaitable[object]]
    is_restart: bool = False


def _of_containers(action: BotAction) -> Callable[[Principal, ActionRequest], Awaitable[object]]:
    """Restart, start or stop: one bot by itself, several in a bulk whose refusals are told."""

    async def run(principal: Principal, request: ActionRequest) -> None:
        restarts = services().restarts
        if len(request.names) == 1:
            await restarts.act(principal, action, request.names[0])
            return
        bulk = await restarts.act_on(principal, action, request.names)
        refused = [outcome for outcome in bulk.outcomes if not outcome.is_accepted]
        if refused:
            raise Conflict(_not_done(len(refused), len(bulk.outcomes), str(refused[0].error)))

    return run


async def _roll(principal: Principal, request: ActionRequest) -> None:
    await open_rolling_dialog(principal, request.names)


async def _maintain(principal: Principal, request: ActionRequest) -> None:
    until = datetime.now(UTC) + timedelta(minutes=request.minutes) if request.minutes else None
    change = PolicyChange(is_in_maintenance=True, maintenance_reason=request.reason, maintenance_until=until)
    await each(request.names, lambda name: services().policies.change(principal, name, change))


async def _end_maintenance(principal: Principal, request: ActionRequest) -> None:
    change = PolicyChange(is_in_maintenance=False)
    await each(request.names, lambda name: services().policies.change(principal, name, change))


async def _remove(principal: Principal, request: ActionRequest) -> None:
    await each(request.names, lambda name: services().known_bots.remove(principal, name))


async def each(names: tuple[str, ...], call: Callable[[str], Awaitable[object]]) -> None:
    """Do the same to some bots, one after the other; one that fails does not spare the rest.

    Raises: the first error, which says of how many bots it was.
    """
    failed: list[AppError] = []
    for name in names:
        try:
            await call(name)
        except AppError as error:
            failed.append(error)
    if failed and len(names) == 1:
        raise failed[0]
    if failed:
        raise type(failed[0])(_not_done(len(failed), len(names), failed[0].message))


def _not_done(failed: int, count: int, reason: str) -> str:
    return _("Failed for {failed} of {count} bots: {reason}", failed=failed, count=count, reason=reason)


BOT_ACTIONS: Final[dict[str, BoardAction]] = {
    "restart": BoardAction(permission=Permission.RESTART_BOT, run=_of_containers(BotAction.RESTART), is_restart=True),
    "start": BoardAction(permission=Permission.STOP_BOT, run=_of_containers(BotAction.START)),
    "stop": BoardAction(permission=Permission.STOP_BOT, run=_of_containers(BotAction.STOP)),
    "rolling": BoardAction(permission=Permission.RESTART_BOT, run=_roll),
    "maintenance": BoardAction(permission=Permission.MANAGE_BOT, run=_maintain),
    "end_maintenance": BoardAction(permission=Permission.MANAGE_BOT, run=_end_maintenance),
    "remove": BoardAction(permission=Permission.MANAGE_BOT, run=_remove),
}


class Asking(Protocol):
    """An element that asks before it acts: the board, and the head of the page of one bot."""

    def confirm(self, action: str, names: tuple[str, ...], *, affected_users: int, estimate_s: float | None) -> None:
        """Ask once, with what it costs."""


def allowed_actions(principal: Principal, actions: Mapping[str, BoardAction] = BOT_ACTIONS) -> list[str]:
    """The keys of the actions that this person may take."""
    return [key for key, action in actions.items() if principal.may(action.permission)]


async def ask(principal: Principal, element: Asking, args: Any) -> None:
    """Show what an action would cost before it is done."""
    request = request_of(args)
    action = BOT_ACTIONS.get(request.action) if request else None
    if request is None or action is None:
        return

    async def read(person: Principal) -> tuple[int, float | None]:
        history = services().restarts.history
        affected = (await history.affected(person, request.names)).total
        # The estimate is of one bot: to ask for each of five hundred would be as many queries.
        is_estimated = action.is_restart and len(request.names) == 1
        return affected, await history.estimate_s(request.names[0]) if is_estimated else None

    cost = await run_action(principal, read)
    if cost is not None:
        element.confirm(request.action, request.names, affected_users=cost[0], estimate_s=cost[1])


async def act(principal: Principal, args: Any) -> None:
    """Do what was confirmed. The service checks the permission; an unknown action is nobody's."""
    request = request_of(args)
    action = BOT_ACTIONS.get(request.action) if request else None
    if request is not None and action is not None:
        await run_action(principal, lambda person: action.run(person, request))


def request_of(args: Any) -> ActionRequest | None:
    """What the browser says, which may be anything; the services decide whether there are such bots."""
    if not isinstance(args, dict) or not isinstance(args.get("action"), str) or not isinstance(args.get("names"), list):
        return None
    names = tuple(dict.fromkeys(str(name)[:MAX_NAME_CHARS] for name in args["names"][:MAX_BOTS]))
    minutes = args.get("minutes")
    is_span = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 < minutes <= MAX_MINUTES
    return (
        ActionRequest(
            action=args["action"][:MAX_NAME_CHARS],
            names=names,
            minutes=minutes if is_span else None,
            reason=str(args.get("reason") or "")[:MAX_REASON_CHARS],
        )
        if names
        else None
    )
