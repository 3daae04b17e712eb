"""The dialog before a rolling restart: the order, the people affected right now, and how long it takes."""

from collections.abc import Mapping, Sequence
from html import escape
from uuid import UUID

from nicegui import ui

from chat_api.checks.schemas import SuiteView
from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Principal
from chat_api.restarts.rolling_schemas import RollingPreview
from console.actions import run_action
from console.context import services
from console.pages.restarts.impact import about, people_text
from console.widgets.icon_button import icon_button
from console.widgets.quantities import span

BATCHES = {size: str(size) for size in (1, 2, 3, 5, 10, 20, 50)}
GATE = N_(
    "The next batch starts when every bot is healthy and answers a test message. The first failure stops the rest."
)


async def open_rolling_dialog(principal: Principal, bot_names: Sequence[str] = ()) -> None:
    """Show what a rolling restart of these bots (none: of all) would do, and begin it when it is confirmed."""
    preview = await _preview(principal, bot_names, batch_size=1)
    if preview is not None:
        suites = await services().checks.suites(principal)
        _Dialog(principal, bot_names, preview, suites).open()


class _Dialog:
    """One open dialog; another batch size shows another plan."""

    def __init__(
        self, principal: Principal, bot_names: Sequence[str], preview: RollingPreview, suites: Sequence[SuiteView]
    ) -> None:
        self._principal = principal
        self._suites = suites
        self._bot_names = bot_names
        self._plan = preview
        with ui.dialog() as self._dialog, ui.element("div").classes("we-sheet we-sheet-wide") as sheet:
            self._build()
        self._dialog.props('aria-labelledby="rolling-dialog-title"')
        sheet.props('data-testid="rolling-dialog"')
        self._dialog.on("hide", self._dialog.delete)
        self._show(preview)

    def open(self) -> None:
        """Show it."""
        self._dialog.open()

    def _build(self) -> None:
        self._title = ui.label().classes("we-h1").props('role=heading aria-level=2 id="rolling-dialog-title"')
        self._impact = ui.label().props('data-testid="rolling-impact"')
        ui.label(_(GATE)).classes("we-muted")
        self._batch = ui.select(BATCHES, value=1, label=_("Bots at a time"), on_change=self._changed)
        self._batch.classes("we-batch").props("outlined dense")
        options = {"": _("No checks")} | {str(one.suite_id): one.name for one in self._suites}
        self._suite = ui.select(options, value="", label=_("Checks before and after")).props("outlined dense")
        self._suite.set_visibility(bool(self._suites))
        self._order = ui.html("", sanitize=False).classes("we-order")
        self._order.props("tabindex=0 role=region").props["aria-label"] = _("Order")
        with ui.element("div").classes("we-dialog-actions"):
            cancel = ui.html(_("Cancel"), sanitize=False, tag="button").classes("we-button").props("type=button")
            cancel.on("click", self._dialog.close)
            self._begin_button = icon_button(
                _("Start"), "restart", self._begin, classes="we-button we-danger", testid="rolling-start"
            )

    def _show(self, plan: RollingPreview) -> None:
        self._plan = plan
        count = len(plan.bots)
        self._title.set_text(ngettext("Restart {count} bot?", "Restart {count} bots, batch by batch?", count))
        impact = people_text(plan.affected_users)
        self._impact.set_text(f"{impact} {_('This takes {time}.', time=about(plan.estimate_s))}" if count else impact)
        titles = {spec.name: spec.display_name for spec in services().registry.all()}
        self._order.set_content(order_html(plan, titles))
        self._begin_button.set_visibility(count > 0)

    async def _changed(self) -> None:
        plan = await _preview(self._principal, self._bot_names, batch_size=int(self._batch.value))
        if plan is not None:
            self._show(plan)

    async def _begin(self) -> None:
        names = [bot.bot_name for bot in self._plan.bots]
        begun = await run_action(
            self._principal,
            lambda who: services().rolling.begin(
                who,
                names,
                batch_size=self._plan.batch_size,
                check_suite_id=UUID(self._suite.value) if self._suite.value else None,
            ),
            done=_("Rolling restart started. Follow it on the Restarts page."),
        )
        if begun is not None:
            self._dialog.close()


def order_html(plan: RollingPreview, titles: Mapping[str, str]) -> str:
    """The order as a table, bots by their ``titles``; everything that comes from a bot is escaped."""
    rows = "".join(
        f'<tr><td class="we-number">{bot.batch}</td><th scope="row">{escape(bot.display_name)}</th>'
        f'<td class="we-number">{bot.affected_users}</td><td class="we-number">{span(bot.estimate_s)}</td></tr>'
        for bot in plan.bots
    )
    skipped = "".join(
        f'<tr class="we-muted"><td class="we-number">–</td><th scope="row">{escape(titles.get(name, name))}</th>'
        f'<td colspan="2">{_("skipped: {reason}", reason=escape(_(reason)))}</td></tr>'
        for name, reason in plan.skipped.items()
    )
    head = "".join(
        f'<th scope="col"{" class=we-number" if is_number else ""}>{label}</th>'
        for label, is_number in (
            (_("Batch"), True),
            (_("Bot"), False),
            (_("Active users"), True),
            (_("Estimate"), True),
        )
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{skipped}</tbody></table>"


async def _preview(principal: Principal, bot_names: Sequence[str], *, batch_size: int) -> RollingPreview | None:
    return await run_action(principal, lambda who: services().rolling.preview(who, bot_names, batch_size=batch_size))
