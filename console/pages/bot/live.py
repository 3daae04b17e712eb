"""The head of the page of one bot: who it is, how it is right now, and what can be done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from urllib.parse import quote

from nicegui import ui

from chat_api.core.language import _
from chat_api.fleet.schemas import BotStatus, BotView, FleetView
from chat_api.fleet.views import HEARTBEATS
from console import page_head
from console.labels import ACTIONS, BOT, BREAKER
from console.pages.bot import state
from console.widgets.bot_parts import Avatar, ConfirmAction, Heartbeats
from console.widgets.fact_words import clock, moment
from console.widgets.marks import status_mark
from console.widgets.restart_progress import restart_progress

GRACE_S: Final = 3
# In percent of the bar's width: nearer to its end there is no room for words.
MOST_INDENTED: Final = 85

OnArgs = Callable[[Any], Awaitable[None]]


class BotHead:
    """The head, and the figures that the first tab begins with; :meth:`show` replaces what they show."""

    def __init__(
        self,
        bot: BotView,
        fleet: FleetView,
        *,
        actions: Sequence[str],
        may_try: bool,
        check_interval_s: float,
        on_ask: OnArgs,
        on_act: OnArgs,
        on_try: Callable[[], Awaitable[None]],
    ) -> None:
        self._name = bot.name
        self._stale_s = 2 * check_interval_s + GRACE_S
        self._actions = [key for key in actions if not ACTIONS[key].is_for_many]
        self._on_ask = on_ask
        self._gone = _html("section", _gone()).classes("we-empty").props('data-testid="gone"')
        with ui.element("section").classes("we-bot-head") as self._head:
            self._head.props('data-testid="bot-head"')
            self._head.props["aria-label"] = _("Current status")
            self._build_who(bot)
            self._build_actions(may_try, on_try)
            self._build_heartbeats()
        self._confirm = ConfirmAction(bot.display_name, on_act)
        self.show(bot, fleet)

    def show(self, bot: BotView | None, fleet: FleetView) -> None:
        """Show it as it is now; ``None`` when it has left the fleet."""
        self._gone.set_visibility(bot is None)
        self._head.set_visibility(bot is not None)
        if bot is not None:
            self._head.props(f"data-status={bot.shown}")
            self._show_marks(bot, fleet)
            self._show_actions(bot, fleet)
            self._show_heartbeats(bot)

    def confirm(self, action: str, names: tuple[str, ...], *, affected_users: int, estimate_s: float | None) -> None:
        """Ask once, with what it costs."""
        self._confirm.confirm(action, names, affected_users=affected_users, estimate_s=estimate_s)

    def _build_who(self, bot: BotView) -> None:
        with ui.element("div").classes("we-bot-who"):
            Avatar(bot.name, bot.display_name, bot.emoji)
            with ui.element("div").classes("we-two"):
                with ui.element("we-fresh").props(f"limit={self._stale_s:.1f}") as self._fresh:
                    self._marks = _html("span").classes("we-marks")
                    self._stale = _html("span").classes("we-marks").props("hidden")
                    loaded = _html("span", _("as of {time}", time=clock(datetime.now(UTC)))).classes("we-muted")
                    loaded.props('hidden data-testid="as-of"')
                self._about = _html("span").classes("we-muted we-bot-about")

    def _build_actions(self, may_try: bool, on_try: Callable[[], Awaitable[None]]) -> None:
        self._buttons: dict[str, tuple[ui.element, ui.html]] = {}
        with ui.element("div").classes("we-bot-actions"):
            for key in self._actions:
                with ui.element("span") as slot:
                    button = _button(_(ACTIONS[key].label), ACTIONS[key].icon, testid=f"do-{key}")
                button.on("click", self._asker(key), throttle=0.5)
                self._buttons[key] = slot, button
            if "restart" in self._buttons:
                self._buttons["restart"][1].props("aria-keyshortcuts=r")
            if may_try:
                tried = _button(_("Try a message"), "conversation", testid="do-try").props("aria-keyshortcuts=t")
                tried.on("click", on_try, throttle=0.3)
            logs = _html("a", page_head.icon_svg("logs") + _("Logs")).classes("we-button").props("aria-keyshortcuts=l")
            logs.props["href"] = f"/admin/logs?bots={quote(self._name, safe='')}"

    def _build_heartbeats(self) -> None:
        with ui.element("div").classes("we-bot-beats"):
            self._restart = _html("div")
            self._heartbeats = Heartbeats()
            self._scale = _html("div").classes("we-bot-scale we-muted")

    def _asker(self, action: str) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            await self._on_ask({"action": action, "names": [self._name]})

        return ask

    def _show_marks(self, bot: BotView, fleet: FleetView) -> None:
        """Twice: as it is, and as it is when nothing was heard for long, which the browser finds out."""
        is_checked = bot.last_checked_at is not None and bot.shown is not BotStatus.RESTARTING
        self._fresh.props["datetime"] = bot.last_checked_at.isoformat() if is_checked and bot.last_checked_at else ""
        self._fresh.update()
        services = {service.name: service for service in fleet.services}
        breaker = BREAKER.get(bot.breaker)
        self._marks.set_content(
            status_mark(BOT[bot.shown], testid="status")
            + (status_mark(breaker) if breaker else "")
            + _note(state.note(bot, services, datetime.now(UTC)), testid="note")
        )
        self._stale.set_content(status_mark(BOT[BotStatus.UNKNOWN]) + _note(state.seen(bot), testid="stale-note"))
        self._about.set_content(escape(bot.description))
        self._about.set_visibility(bool(bot.description))

    def _show_actions(self, bot: BotView, fleet: FleetView) -> None:
        shown = state.offered(self._actions, bot)
        for key, (slot, button) in self._buttons.items():
            why = state.why_not(key, bot, has_engine=state.has_engine(fleet))
            slot.set_visibility(key in shown)
            slot.props["title"] = why
            slot.update()
            button.props("disabled") if why else button.props(remove="disabled")

    def _show_heartbeats(self, bot: BotView) -> None:
        is_restarting = state.is_restarting(bot)
        self._restart.set_visibility(is_restarting)
        self._heartbeats.set_visibility(not is_restarting)
        if is_restarting and bot.restart is not None:
            self._restart.set_content(restart_progress(bot.restart, escape(bot.display_name)))
        self._heartbeats.show(bot.heartbeats)
        indented = (1 - len(bot.heartbeats) / HEARTBEATS) * 100
        first = moment(bot.heartbeats[0].checked_at) if bot.heartbeats and indented < MOST_INDENTED else ""
        self._scale.set_content(f'<span style="margin-left:{indented:.1f}%">{first}</span><span>{_("now")}</span>')


class BotStatisticsPanel:
    """The figures and facts that the first tab begins with."""

    def __init__(self) -> None:
        self._tiles = _html("section").classes("we-tiles")
        self._tiles.props["aria-label"] = _("Metrics")
        self._facts = _html("dl").classes("we-bot-facts").props('data-testid="facts"')

    def show(self, bot: BotView | None, fleet: FleetView, *, is_first: bool) -> None:
        """Show them, where the first tab is open."""
        self._tiles.set_visibility(bot is not None and is_first)
        self._facts.set_visibility(bot is not None and is_first)
        if bot is not None:
            tiles = state.tiles(bot, datetime.now(UTC)).items()
            title = f'<h2 class="we-hidden">{_("Metrics")}</h2>'
            self._tiles.set_content(title + "".join(_tile(*tile) for tile in tiles))
            facts = state.facts(bot, has_engine=state.has_engine(fleet))
            self._facts.set_content("".join(f"<div><dt>{name}</dt><dd>{said}</dd></div>" for name, said in facts))


def _gone() -> str:
    return (
        f"<h2>{_('This bot is gone')}</h2><p>{_('It is no longer configured: no file or container defines it.')}"
        f' <a href="/admin">{_("Back to the fleet")}</a></p>'
    )


def _tile(title: str, cells: Sequence[state.Cell]) -> str:
    listed = "".join(
        f'<div title="{escape(cell.title)}"><dt>{cell.label}</dt>'
        f'<dd class="{f"we-ink-{cell.tone}" if cell.tone else ""}">{escape(cell.text)}</dd></div>'
        for cell in cells
    )
    return f'<div class="we-tile"><h3>{title}</h3><dl>{listed}</dl></div>'


def _note(said: str, *, testid: str) -> str:
    return f'<span class="we-note" data-testid="{testid}">{said}</span>'


def _button(label: str, icon: str, *, testid: str) -> ui.html:
    return (
        _html("button", page_head.icon_svg(icon) + label)
        .classes("we-button")
        .props(f'type=button data-testid="{testid}"')
    )


def _html(tag: str, content: str = "") -> ui.html:
    return ui.html(content, sanitize=False, tag=tag)
