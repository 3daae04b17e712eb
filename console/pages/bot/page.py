"""The page of one bot: everything about it, its sections built when their tab is opened."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import quote

from nicegui import ui

from chat_api.core.errors import NotFound
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.schemas import BotView, FleetView
from console import page_head
from console.actions import run_action
from console.context import services, settings
from console.frame import back_link, frame, page
from console.live.fleet import fleet_feed
from console.pages.bot.container import bot_container
from console.pages.bot.incidents import bot_incidents
from console.pages.bot.live import BotHead, BotStatisticsPanel
from console.pages.bot.logs import bot_logs
from console.pages.bot.overview import bot_overview
from console.pages.bot.policy import bot_policy
from console.pages.bot.series import bot_series
from console.pages.bot.users import bot_users
from console.pages.fleet.actions import act, allowed_actions, ask
from console.pages.fleet.test_message import open_test_message
from console.widgets.grafana import grafana_button
from console.widgets.tabs import Tabs
from console.widgets.timeline import timeline

GRAFANA_WINDOW = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Section:
    """One tab. ``build`` makes its elements where it is called, for a person who has ``permission``."""

    title: str
    key: str
    permission: Permission
    build: Callable[[Principal, str], Awaitable[None]]


async def _timeline(principal: Principal, bot_name: str) -> None:
    await timeline(principal, f"bot:{bot_name}")


SECTIONS: tuple[Section, ...] = (
    Section(N_("Overview"), "overview", Permission.VIEW_FLEET, bot_overview),
    Section(N_("Answers"), "answers", Permission.VIEW_FLEET, bot_series),
    Section(N_("Uptime"), "uptime", Permission.VIEW_FLEET, _timeline),
    Section(N_("Logs"), "logs", Permission.VIEW_LOGS, bot_logs),
    Section(N_("Container"), "container", Permission.VIEW_FLEET, bot_container),
    Section(N_("Incidents"), "incidents", Permission.VIEW_FLEET, bot_incidents),
    Section(N_("People"), "people", Permission.VIEW_FLEET, bot_users),
    Section(N_("Policy"), "policy", Permission.VIEW_FLEET, bot_policy),
)


def register() -> None:
    """Put the page at ``/admin/bots/{name}``."""
    page("/admin/bots/{name}", title=N_("Bot"))(_bot)


async def _bot(principal: Principal, name: str, tab: str = "") -> None:
    try:
        spec = services().registry.get(name)
    except NotFound:
        _unknown(principal, name)
        return
    client = ui.context.client
    fleet = services().fleet.view(principal)
    bot = next((bot for bot in fleet.bots if bot.name == spec.name), None)
    if bot is None:
        _unknown(principal, name)
        return
    ui.page_title(page_head.page_title(spec.display_name))
    sections = {section.key: section for section in SECTIONS if principal.may(section.permission)}
    own = next(iter(sections))  # the page's own address, which has the figures
    shown = tab if tab in sections else own

    async def show(key: str) -> None:
        """Build a section in the place of the one before, unless another tab was opened meanwhile."""
        nonlocal shown
        shown = key
        statistics.show(bot, fleet, is_first=key == own)
        panel.clear()
        panel.props(f'aria-labelledby="tab-{key}"')
        with panel, ui.element("div").classes("we-section"):
            await run_action(principal, lambda person: sections[key].build(person, spec.name))

    with frame(principal, title=spec.display_name, path="/admin"):
        back_link("/admin", _("Fleet"))
        with ui.element("div").classes("we-board we-bot-page"):
            head = BotHead(
                bot,
                fleet,
                actions=allowed_actions(principal),
                may_try=principal.may(Permission.TRY_BOT),
                check_interval_s=settings().bot_health_check_interval,
                on_ask=lambda args: ask(principal, head, args),
                on_act=lambda args: act(principal, args),
                on_try=lambda: open_test_message(principal, spec.name),
            )
            grafana_button([spec.name], since=datetime.now(UTC) - GRAFANA_WINDOW, until=datetime.now(UTC))
            titles = {section.key: _(section.title) for section in sections.values()}
            path = f"/admin/bots/{quote(spec.name)}"
            Tabs(titles, shown, path=path, label=_("About this bot"), controls="section", on_tab=show)
            statistics = BotStatisticsPanel()
            statistics.show(
                bot, fleet, is_first=shown == own
            )  # what needs a socket, as the timer, comes later or never
        panel = ui.element("div").props('id=section data-testid="section"')
        if len(sections) > 1:
            panel.props("role=tabpanel tabindex=0")

    def changed(now: BotView | None, whole: FleetView) -> None:
        nonlocal bot, fleet
        bot, fleet = now, whole
        head.show(bot, fleet)
        statistics.show(bot, fleet, is_first=shown == own)

    fleet_feed().on_bot(client, spec.name, changed)
    ui.timer(0, lambda: show(shown), once=True)


def _unknown(principal: Principal, name: str) -> None:
    ui.context.client.status_code = 404
    with frame(principal, title=_("Bot not found"), path="/admin"), ui.element("section").classes("we-empty"):
        said = _(
            "There is no bot named {name}. It may have been renamed or is no longer configured.",
            name=f"<code>{escape(name[:50])}</code>",
        )
        ui.html(
            f'<p data-testid="unknown-bot">{said}</p>'
            f'<p class="we-after"><a class="we-button" href="/admin">{_("See all bots")}</a></p>',
            sanitize=False,
        )
