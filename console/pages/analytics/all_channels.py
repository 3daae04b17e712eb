"""The fleet's whole life, Discord included, from its own stores beside ours; and the queues of its workers."""

from typing import Any
from urllib.parse import quote

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from chat_api.fleet_data.schemas import BotLife, FleetLife, LifeWindow, QueueLife, QueueState, Store
from console.actions import run_action
from console.context import services
from console.labels import Mark
from console.widgets.chart import TimeChart
from console.widgets.fleet_pulse import on_fleet_pulse
from console.widgets.life_parts import (
    ANATOMY,
    PER_STEP,
    WINDOWS,
    anatomy_rows,
    count,
    message_lines,
    seconds,
    store_notes,
)
from console.widgets.quantities import MISSING, fixed, span
from console.widgets.records import RecordsTable, column, heading

EXPORT = "/api/admin/fleet-data"
READ_AGAIN_S = 30.0
BOTS = (
    column("bot", N_("Bot"), kind="link"),
    column("people", N_("People on Discord"), kind="number"),
    column("said", N_("Bot on Discord"), kind="number"),
    column("per_min", N_("msg/min"), kind="number"),
    column("p50", N_("p50 (InfluxDB)"), kind="number"),
    column("p95", N_("p95 (InfluxDB)"), kind="number"),
    column("positive", "👍", kind="number"),
    column("negative", "👎", kind="number"),
    column("console", N_("Answers here"), kind="number"),
    column("console_p95", N_("p95 here"), kind="number"),
)
QUEUE = (
    column("queue", N_("Queue")),
    column("state", N_("State"), kind="status"),
    column("depth", N_("Jobs"), kind="number"),
    column("oldest", N_("Oldest job"), kind="number"),
    column("source", N_("Source")),
)
_STATES = {
    QueueState.OK: Mark(N_("Normal"), "ok", "online"),
    QueueState.GROWING: Mark(N_("Only grows"), "bad", "offline"),
    QueueState.UNKNOWN: Mark(N_("Unknown"), "idle", "unknown"),
}


async def all_channels(principal: Principal) -> None:
    """Put it here. Raises: as :meth:`FleetDataService.life`."""
    view = _View(principal)
    view.build(await view.read(principal), services().queues.queues(principal))
    on_fleet_pulse(view.refresh, at_most_every_s=READ_AGAIN_S)


class _View:
    """What is shown, for the window that was chosen."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._window = LifeWindow.DAY

    async def read(self, who: Principal) -> FleetLife:
        return await services().fleet_data.life(who, self._window)

    async def refresh(self) -> None:
        self._show(await self.read(self._principal), services().queues.queues(self._principal))

    def build(self, life: FleetLife, queues: tuple[QueueLife, ...]) -> None:
        with ui.element("div").classes("we-toolbar"):
            window = ui.select({str(key): _(label) for key, label in WINDOWS.items()}, value=str(self._window))
            window.props("dense outlined options-dense").props["aria-label"] = _("Time range")
            window.on_value_change(lambda event: self._change(LifeWindow(event.value)))
        self._stores = ui.html("", sanitize=False).props('data-testid="stores"')
        with ui.element("div").classes("we-panels"):
            self._messages = TimeChart(_("Messages"), [], unit="", is_count=True)
        self._bots = RecordsTable(
            BOTS,
            [],
            empty=_("No bots yet."),
            export=f"{EXPORT}?window={self._window}",
            lead=lambda: heading(_("Bots")),
            testid="life-bots",
        )
        self._anatomy = RecordsTable(
            ANATOMY,
            [],
            empty=_("No answers in this period that tell their mode, complexity or model."),
            export=f"{EXPORT}/anatomy?window={self._window}",
            lead=lambda: heading(_("Answer anatomy")),
            testid="anatomy",
        )
        self._queues = RecordsTable(
            QUEUE,
            [],
            empty=_("No queues known. Set FLEET_REDIS_URL to the Redis of a v2 fleet to watch its workers."),
            has_filter=False,
            lead=lambda: heading(_("Worker queues")),
            testid="queues",
        )
        self._show(life, queues)

    async def _change(self, window: LifeWindow) -> None:
        self._window = window
        self._bots.export_from(f"{EXPORT}?window={window}")
        self._anatomy.export_from(f"{EXPORT}/anatomy?window={window}")
        life = await run_action(self._principal, self.read)
        if life is not None:
            self._show(life, services().queues.queues(self._principal))

    def _show(self, life: FleetLife, queues: tuple[QueueLife, ...]) -> None:
        self._stores.content = store_notes(life.stores)
        self._messages.show(message_lines(life.bots), unit=_(PER_STEP[life.window]))
        self._bots.show([_bot_row(bot) for bot in life.bots])
        self._anatomy.show(anatomy_rows(life.anatomy))
        self._queues.show([_queue_row(queue) for queue in queues])


def _bot_row(bot: BotLife) -> dict[str, Any]:
    times = {time.store: time for time in bot.times}
    theirs, ours = times.get(Store.INFLUXDB), times.get(Store.CONSOLE)
    return {
        "key": bot.bot_name,
        "bot": bot.display_name,
        "href": f"/admin/bots/{quote(bot.bot_name)}?tab=answers" if bot.is_known else None,
        "note": "" if bot.is_known else _("not in the fleet"),
        "people": count(bot.discord_people),
        "said": count(bot.discord_bot),
        "per_min": fixed(bot.discord_per_min, 1) if bot.discord_per_min is not None else MISSING,
        "p50": seconds(theirs.p50_s if theirs else None),
        "p50_number": theirs.p50_s if theirs and theirs.p50_s else 0,
        "p95": seconds(theirs.p95_s if theirs else None),
        "p95_number": theirs.p95_s if theirs and theirs.p95_s else 0,
        "positive": count(bot.reactions.positive if bot.reactions else None),
        "negative": count(bot.reactions.negative if bot.reactions else None),
        "console": count(bot.console),
        "console_p95": seconds(ours.p95_s if ours else None),
        "console_p95_number": ours.p95_s if ours and ours.p95_s else 0,
    }


def _queue_row(queue: QueueLife) -> dict[str, Any]:
    mark = _STATES[queue.state]
    source = _("reported by {bot}", bot=queue.reported_by) if queue.reported_by else _("Fleet's Redis")
    return {
        "key": queue.queue,
        "queue": queue.queue,
        "state": _(mark.label),
        "tone": mark.tone,
        "symbol": mark.icon,
        "depth": count(queue.depth),
        "oldest": span(queue.oldest_job_s) if queue.oldest_job_s is not None else MISSING,
        "oldest_number": queue.oldest_job_s or 0,
        "source": source,
    }
