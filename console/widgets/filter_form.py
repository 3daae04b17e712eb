"""A form of filters whose answer is an address: what is shown can be linked, reloaded and gone back to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from nicegui import ui

from chat_api.core.language import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One filter: a text, a moment (UTC), or one of ``choices`` as ``(value, words)``."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    choices: Sequence[tuple[str, str]] = ()
    suggestions: Sequence[str] = ()


def filter_form(path: str, fields: Sequence[Field]) -> None:
    """Show the form; it opens ``path`` with the filters that are filled in."""
    is_filtered = any(field.value for field in fields)
    clear = f'<a class="we-button we-quiet" href="{escape(path)}">{_("Clear")}</a>' if is_filtered else ""
    ui.html(
        f'<form class="we-filters" method="get" action="{escape(path)}" role="search" data-we-filters>'
        + "".join(_field(field) for field in fields)
        + f'<div class="we-filters-actions"><button class="we-button we-primary" type="submit">{_("Filter")}</button>'
        f"{clear}</div></form>",
        sanitize=False,
    )


def moment_of(text: str | None) -> datetime | None:
    """What a field of a moment holds; without a zone it is UTC. Raises: ValueError."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def for_api(filters: Mapping[str, str]) -> dict[str, str]:
    """The same filters as the API takes them. Raises: ValueError."""
    moments = {name: moment_of(filters[name]) for name in ("since", "until") if name in filters}
    return {**filters, **{name: at.isoformat() for name, at in moments.items() if at}}


def _field(field: Field) -> str:
    if field.choices:
        options = "".join(
            f'<option value="{escape(value)}"{" selected" if value == field.value else ""}>{escape(words)}</option>'
            for value, words in (("", _("All")), *field.choices)
        )
        return _labelled(field, f'<select name="{field.name}">{options}</select>')
    listed = f' list="we-list-{field.name}"' if field.suggestions else ""
    options = "".join(f'<option value="{escape(one)}"></option>' for one in field.suggestions)
    known = f'<datalist id="we-list-{field.name}">{options}</datalist>' if field.suggestions else ""
    value = f'name="{field.name}" value="{escape(field.value)}"'
    return _labelled(field, f'<input type="{field.kind}" maxlength="100" {value}{listed}>') + known


def _labelled(field: Field, control: str) -> str:
    return f'<label class="we-field"><span>{escape(field.label)}</span>{control}</label>'
