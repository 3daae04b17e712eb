"""What the fleet's own stores say of one bot, beside what passes through the console."""

from nicegui import ui

from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from chat_api.fleet_data.schemas import BotLife, FleetLife, LifeWindow, Store
from console.actions import run_action
from console.context import services
from console.widgets.chart import TimeChart
from console.widgets.fact_words import facts_html, moment
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
    time_lines,
)
from console.widgets.quantities import MISSING, fixed
from console.widgets.records import RecordsTable

READ_AGAIN_S = 30.0


async def bot_all_channels(principal: Principal, bot_name: str) -> None:
    """Put the panel here, where a store is configured. Raises: as :meth:`FleetDataService.life`."""
    if services().fleet_data.is_configured and principal.may(Permission.VIEW_ANALYTICS):
        view = _View(principal, bot_name)
        view.build(await view.read(principal))
        on_fleet_pulse(view.refresh, at_most_every_s=READ_AGAIN_S)


class _View:
    """The panel, for the window that was chosen."""

    def __init__(self, principal: Principal, bot_name: str) -> None:
        self._principal = principal
        self._bot_name = bot_name
        self._window = LifeWindow.DAY

    async def read(self, who: Principal) -> FleetLife:
        return await services().fleet_data.life(who, self._window)

    async def refresh(self) -> None:
        self._show(await self.read(self._principal))

    def build(self, life: FleetLife) -> None:
        with ui.element("section").classes("we-panel we-wide").props('data-testid="all-channels"') as panel:
            panel.props["aria-label"] = _("All channels")
            with ui.element("div").classes("we-toolbar"):
                ui.html(_("All channels"), sanitize=False, tag="h2")
                window = ui.select({str(key): _(label) for key, label in WINDOWS.items()}, value=str(self._window))
                window.props("dense outlined options-dense").props["aria-label"] = _("Time range of all channels")
                window.on_value_change(lambda event: self._change(LifeWindow(event.value)))
            self._stores = ui.html("", sanitize=False)
            self._facts = ui.html("", sanitize=False)
            with ui.element("div").classes("we-charts"):
                self._messages = TimeChart(_("Messages"), [], unit="", is_count=True)
                self._times = TimeChart(_("Response time"), [], unit=_("seconds"))
            self._anatomy = RecordsTable(
                ANATOMY,
                [],
                empty=_("No answers in this period that tell their mode, complexity or model."),
                has_filter=False,
                testid="anatomy",
            )
        self._show(life)

    async def _change(self, window: LifeWindow) -> None:
        self._window = window
        life = await run_action(self._principal, self.read)
        if life is not None:
            self._show(life)

    def _show(self, life: FleetLife) -> None:
        bot = next((one for one in life.bots if one.bot_name == self._bot_name), None)
        if bot is None:
            return  # it has left the fleet, which the page's head says
        self._stores.content = store_notes(life.stores)
        self._facts.content = facts_html(_facts(bot))
        self._messages.show(message_lines([bot]), unit=_(PER_STEP[life.window]))
        self._times.show(time_lines(bot.points))
        self._anatomy.show(anatomy_rows(life.anatomy, bot_name=bot.bot_name))


def _facts(bot: BotLife) -> list[tuple[str, str]]:
    times = {time.store: time for time in bot.times}
    theirs, ours, reactions = times.get(Store.INFLUXDB), times.get(Store.CONSOLE), bot.reactions
    per_min = fixed(bot.discord_per_min, 1) if bot.discord_per_min is not None else MISSING
    return [
        (_("People on Discord"), count(bot.discord_people)),
        (_("Bot on Discord"), count(bot.discord_bot)),
        (_("Messages per minute on Discord"), per_min),
        (_("Last message"), moment(bot.last_at) if bot.last_at else MISSING),
        (_("Response time p95 (InfluxDB)"), seconds(theirs.p95_s if theirs else None)),
        (_("Response time p95 here"), seconds(ours.p95_s if ours else None)),
        (_("Reactions"), f"👍 {reactions.positive} · 👎 {reactions.negative}" if reactions else MISSING),
    ]
