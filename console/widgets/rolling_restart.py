"""The dialog before a rolling restart: the order, the people affected right now, and how long it takes."""

from collections.abc import Sequence
from html import escape

from nicegui import ui

from chat_api.schemas.principals import Principal
from chat_api.schemas.rolling import RollingPreview
from console.actions import run_action
from console.context import services
from console.widgets.impact import about, people_text

BATCHES = (1, 2, 3, 5, 10, 20, 50)


async def open_rolling_dialog(principal: Principal, bot_names: Sequence[str] = ()) -> None:
    """Show what a rolling restart of these bots (none: of all) would do, and begin it when it is confirmed."""
    preview = await _preview(principal, bot_names, 1)
    if preview is None:
        return
    with (
        ui.dialog() as dialog,
        ui.element("div").classes("we-sheet we-sheet-wide").props('data-testid="rolling-dialog"'),
    ):
        dialog.props('aria-labelledby="rolling-dialog-title"')
        title = ui.label().props('role=heading aria-level=2 id="rolling-dialog-title"').classes("we-h1")
        impact = ui.label().props('data-testid="rolling-impact"')
        ui.label(
            "Each bot has to be healthy and to answer a message before the next batch begins. At the first failure it stops."
        ).classes("we-muted")
        batch = (
            ui.select(dict(zip(BATCHES, map(str, BATCHES), strict=True)), value=1, label="Bots at a time")
            .props("outlined dense")
            .classes("we-batch")
        )
        order = ui.html("", sanitize=False).classes("we-order").props('tabindex="0" role="region" aria-label="Order"')
        with ui.element("div").classes("we-dialog-actions"):
            ui.html('<button class="we-button" type="button">Cancel</button>', sanitize=False).on("click", dialog.close)
            start = (
                ui.element("button").classes("we-button we-danger").props('type="button" data-testid="rolling-start"')
            )
            with start:
                label = ui.label()

    def show(seen: RollingPreview) -> None:
        count = len(seen.bots)
        title.set_text(f"Restart {count} bot{'' if count == 1 else 's'}, a few at a time?")
        impact.set_text(f"{people_text(seen.affected_users, to='these bots')} It takes {about(seen.estimate_s)}.")
        order.set_content(order_html(seen))
        label.set_text(f"Restart {count} bot{'' if count == 1 else 's'}")
        start.props("disabled" if not count else "", remove="" if not count else "disabled")

    async def changed() -> None:
        seen = await _preview(principal, bot_names, int(batch.value))
        if seen is not None:
            show(seen)

    async def begin() -> None:
        seen = await _preview(principal, bot_names, int(batch.value))
        if seen is None:
            return
        names = [bot.bot_name for bot in seen.bots]
        begun = await run_action(
            principal,
            lambda person: services().rolling.begin(person, names, batch_size=seen.batch_size),
            done="The rolling restart has begun; its progress is on the Restarts page.",
        )
        if begun is not None:
            dialog.close()

    batch.on_value_change(changed)
    start.on("click", begin, throttle=1.0, trailing_events=False)
    show(preview)
    dialog.on("hide", dialog.delete)
    dialog.open()


def order_html(preview: RollingPreview) -> str:
    """The order as a table; everything that comes from a bot is escaped."""
    rows = "".join(
        f'<tr><td class="we-number">{bot.batch}</td><th scope="row">{escape(bot.display_name)}</th>'
        f'<td class="we-number">{bot.affected_users}</td><td class="we-number">{about(bot.estimate_s)[6:]}</td></tr>'
        for bot in preview.bots
    )
    skipped = "".join(
        f'<tr class="we-muted"><td class="we-number">–</td><th scope="row">{escape(name)}</th>'
        f'<td colspan="2">left out: {escape(reason)}</td></tr>'
        for name, reason in preview.skipped.items()
    )
    head = '<th scope="col" class="we-number">Batch</th><th scope="col">Bot</th>'
    head += '<th scope="col" class="we-number">Talking now</th><th scope="col" class="we-number">Takes about</th>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{skipped}</tbody></table>"


async def _preview(principal: Principal, bot_names: Sequence[str], batch_size: int) -> RollingPreview | None:
    return await run_action(
        principal, lambda person: services().rolling.preview(person, bot_names, batch_size=batch_size)
    )
