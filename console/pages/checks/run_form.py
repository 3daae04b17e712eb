"""Which bots are asked, and what that costs."""

from collections.abc import Sequence

from nicegui import ui

from chat_api.checks.schemas import RunView, SuiteView
from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from console.context import services
from console.widgets.forms import Form


def run_form(principal: Principal, suite: SuiteView, bots: Sequence[str]) -> None:
    """Choose bots and begin; the page of the run follows."""
    begun: list[RunView] = []

    async def save(person: Principal) -> None:
        begun.append(await services().checks.begin(person, suite.suite_id, list(chosen.value)))

    async def done() -> None:
        ui.navigate.to(f"/admin/checks/{begun[-1].run_id}")

    title = _("Run “{name}”", name=suite.name)
    with Form(principal, title, save=save, done=done, button=_("Run")).filling() as form:
        options = {one: one for one in bots}
        chosen = form.choices("bot_names", _("Bots"), options, [], hint=_("If none selected: all bots"))
        cost = ui.label("").classes("we-muted").props('data-testid="cost"')

        def say() -> None:
            cost.set_text(_cost(len(suite.prompts) * (len(chosen.value) or len(bots))))

        chosen.on_value_change(say)
        say()


def _cost(count: int) -> str:
    messages = ngettext("This sends {count} message.", "This sends {count} messages.", count)
    rest = _(
        "They come from a test user and aren't counted in statistics. Bots remember them, and a hosted model charges"
        " for each."
    )
    return f"{messages} {rest}"
