"""The form of a suite: prompts as cards, each with what is expected of its answer."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from chat_api.checks.schemas import CheckPrompt, SuiteDraft, SuiteView
from chat_api.core.language import _
from chat_api.core.principals import Principal
from console.context import services
from console.widgets.dialogs import button
from console.widgets.forms import Form

_LOOK = "outlined dense stack-label"


def suite_form(principal: Principal, suite: SuiteView | None, done: Callable[[], Awaitable[None]]) -> None:
    """Create a suite, or change one."""
    cards: list[_Card] = []

    async def save(person: Principal) -> None:
        draft = SuiteDraft(name=name.value or "", prompts=tuple(card.prompt() for card in cards))
        if suite is None:
            await services().checks.create_suite(person, draft)
        else:
            await services().checks.change_suite(person, suite.suite_id, draft)

    title = _("Change {name}", name=suite.name) if suite else _("New suite")
    with Form(principal, title, save=save, done=done).filling() as form:
        name = form.text("name", _("Name"), suite.name if suite else "")
        holder = ui.element("div").classes("we-prompts")

        def add(prompt: CheckPrompt) -> None:
            with holder:
                cards.append(_Card(prompt, remove))

        def remove(card: _Card) -> None:
            cards.remove(card)
            card.root.delete()

        for one in suite.prompts if suite else (CheckPrompt(text=""),):
            add(one)
        button(_("Add prompt"), lambda: add(CheckPrompt(text="")), testid="add-prompt")


class _Card:
    """One prompt."""

    def __init__(self, prompt: CheckPrompt, remove: "Callable[[_Card], None]") -> None:
        with ui.element("fieldset").classes("we-prompt") as self.root:
            ui.html(_("Prompt"), sanitize=False, tag="legend")
            self._text = _area(_("Prompt"), prompt.text, testid="prompt-text").classes("we-prompt-first")
            self._contains = _area(
                _("Answer contains"), "\n".join(prompt.contains), hint=_("One text a line"), testid="prompt-contains"
            )
            self._excludes = _area(
                _("Answer doesn't contain"),
                "\n".join(prompt.excludes),
                hint=_("One text a line"),
                testid="prompt-excludes",
            )
            self._matches = ui.input(_("Answer matches (regular expression)"), value=prompt.matches or "").props(_LOOK)
            self._max_s = ui.number(_("Answer takes at most (seconds)"), value=prompt.max_s).props(_LOOK)
            self._is_answer_required = ui.switch(_("An empty answer fails"), value=prompt.is_answer_required)
            self._is_apology_refused = ui.switch(_("A stock apology fails"), value=prompt.is_apology_refused)
            button(_("Remove prompt"), lambda: remove(self), kind="we-quiet")

    def prompt(self) -> CheckPrompt:
        """What is typed."""
        return CheckPrompt(
            text=self._text.value or "",
            contains=_lines(self._contains.value),
            excludes=_lines(self._excludes.value),
            matches=self._matches.value or None,
            max_s=self._max_s.value,
            is_answer_required=self._is_answer_required.value,
            is_apology_refused=self._is_apology_refused.value,
        )


def _area(label: str, value: str, *, hint: str = "", testid: str) -> ui.textarea:
    area = ui.textarea(label, value=value).props(f"{_LOOK} autogrow rows=1")
    area.props.update({"data-testid": testid} | ({"hint": hint} if hint else {}))
    return area


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(line.strip() for line in (text or "").splitlines() if line.strip())
