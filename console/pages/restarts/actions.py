"""Start, stop and restart: one question that names the bots and says how many people are affected."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import ui

from chat_api.core.principals import Principal
from chat_api.restarts.schemas import Affected, BulkView
from chat_api.restarts.service import PERMISSIONS
from console import theme
from console.actions import run_action
from console.context import services
from console.pages.restarts.impact import about, people_text
from models import BotAction

WORDS = {BotAction.RESTART: "Restart", BotAction.START: "Start", BotAction.STOP: "Stop"}
ICONS = {BotAction.RESTART: "restart", BotAction.START: "start", BotAction.STOP: "stop"}
MAX_NAMED = 5


def bot_actions(principal: Principal, bot_name: str) -> None:
    """The buttons that this person may press."""
    with ui.element("div").classes("we-toolbar").props('role="group" aria-label="Actions"'):
        for action, permission in PERMISSIONS.items():
            if principal.may(permission):
                button(WORDS[action], ICONS[action], _asks(principal, action, bot_name), testid=f"do-{action}")


def button(
    label: str, icon: str, on_click: Callable[[], Awaitable[None]], *, classes: str = "we-button", testid: str = ""
) -> ui.element:
    """A button of ours with an icon."""
    made = ui.element("button").classes(classes).props(f'type="button" data-testid="{testid}"')
    with made:
        ui.html(theme.icon_svg(icon), sanitize=False, tag="span")
        ui.label(label)
    made.on("click", on_click, throttle=0.5, trailing_events=False)
    return made


async def ask_action(principal: Principal, action: BotAction, bot_names: Sequence[str]) -> None:
    """Ask once, and do it: for one bot, or for many at most five at a time. Starting asks nothing of one bot."""
    names = list(dict.fromkeys(bot_names))
    if not names:
        return
    if action is BotAction.START and len(names) == 1:
        await _act(principal, action, names)
        return
    cost = await run_action(principal, lambda person: _cost(person, names))
    if cost is not None:
        _question(principal, action, names, *cost)


async def _cost(person: Principal, names: Sequence[str]) -> tuple[Affected, float]:
    """What it costs; a bot that is gone by now costs nothing, and is told of when it is tried."""
    history, known = services().restarts.history, {spec.name for spec in services().registry.all()}
    there = [name for name in names if name in known]
    estimates = await history.estimates_s(there)
    return await history.affected(person, there), max(estimates.values(), default=0.0)


def _question(
    principal: Principal, action: BotAction, names: Sequence[str], affected: Affected, estimate_s: float
) -> None:
    titles = [_title(name) for name in names]
    what = titles[0] if len(names) == 1 else f"{len(names)} bots"

    async def confirmed() -> None:
        dialog.close()
        with ui.context.client:  # the dialog may be gone before it is done
            await _act(principal, action, names)

    with ui.dialog() as dialog, ui.element("div").classes("we-sheet").props('data-testid="confirm-action"'):
        dialog.props('aria-labelledby="confirm-action-title"')
        heading = ui.label(f"{WORDS[action]} {what}?").classes("we-h1")
        heading.props('role=heading aria-level=2 id="confirm-action-title"')
        if len(names) > 1:
            more = f" and {len(titles) - MAX_NAMED} more" if len(titles) > MAX_NAMED else ""
            ui.label(", ".join(titles[:MAX_NAMED]) + more)
        people = people_text(affected.total, to="it" if len(names) == 1 else "them")
        interrupts = " What is being answered at this moment will be interrupted." if affected.total else ""
        ui.label(people + interrupts).props('data-testid="affected-users"')
        ui.label(_consequence(action, len(names), estimate_s)).classes("we-muted")
        with ui.element("div").classes("we-dialog-actions"):
            cancel = ui.html('<button class="we-button" type="button" autofocus>Cancel</button>', sanitize=False)
            cancel.on("click", dialog.close)
            button(f"{WORDS[action]} {what}", ICONS[action], confirmed, classes="we-button we-danger", testid="confirm")
    dialog.on("hide", dialog.delete)
    dialog.open()


def _consequence(action: BotAction, count: int, estimate_s: float) -> str:
    if action is BotAction.STOP:
        return "It stays stopped until someone starts it." if count == 1 else "They stay stopped until started again."
    if count == 1:
        return f"It is usually back in {about(estimate_s)}."
    return f"Each is back in {about(estimate_s)}. Five at a time, without waiting for each to recover."


async def _act(principal: Principal, action: BotAction, names: Sequence[str]) -> None:
    if len(names) == 1:
        done = f"{WORDS[action]} of {_title(names[0])} requested"
        await run_action(principal, lambda person: services().restarts.act(person, action, names[0]), done=done)
        return
    bulk = await run_action(principal, lambda person: services().restarts.act_on(person, action, names))
    if bulk is not None:
        _tell(bulk)


def _tell(bulk: BulkView) -> None:
    refused = [outcome for outcome in bulk.outcomes if not outcome.is_accepted]
    accepted = len(bulk.outcomes) - len(refused)
    if not refused:
        ui.notify(f"{WORDS[bulk.action]} of {accepted} bots requested", type="positive")
        return
    reasons = "; ".join(f"{outcome.bot_name}: {outcome.error}" for outcome in refused[:MAX_NAMED])
    more = f"; and {len(refused) - MAX_NAMED} more" if len(refused) > MAX_NAMED else ""
    ui.notify(f"{accepted} of {len(bulk.outcomes)} bots requested. Not done: {reasons}{more}", type="warning")


def _asks(principal: Principal, action: BotAction, bot_name: str) -> Callable[[], Awaitable[Any]]:
    async def asked() -> None:
        await ask_action(principal, action, [bot_name])

    return asked


def _title(bot_name: str) -> str:
    return next((spec.display_name for spec in services().registry.all() if spec.name == bot_name), bot_name)
