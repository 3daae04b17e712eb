"""Tables and cells of the System page. What comes from outside is escaped where it becomes a cell."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from chat_api.core.language import _
from chat_api.system.schemas import (
    ProcessReport,
)
from console.widgets.quantities import fixed, localized

_MIB: Final = 1024 * 1024
Column = tuple[str, bool]


def table_head(columns: Iterable[Column]) -> str:
    """The first row of a table; columns of numbers stand at the right."""
    cells = "".join(
        f'<th scope="col"{" class=we-number" if is_number else ""}>{_(name)}</th>' for name, is_number in columns
    )
    return f"<tr>{cells}</tr>"


def amount(size_bytes: float) -> str:
    """Memory or a file: ``512 KiB``, ``12.3 MiB``, ``1.25 GiB``."""
    if size_bytes < _MIB:
        return f"{fixed(max(0.0, size_bytes / 1024))} KiB"
    if size_bytes < 1024 * _MIB:
        return f"{fixed(size_bytes / _MIB, 1)} MiB"
    return f"{fixed(size_bytes / 1024 / _MIB, 2)} GiB"


def rate(per_s: float) -> str:
    """How often a second: ``12``, ``0.3``, ``&lt;0.1``, ``0``."""
    if per_s >= 10:
        return fixed(per_s)
    return fixed(per_s, 1) if per_s >= 0.1 else localized("<0.1") if per_s > 0 else "0"


def table(columns: Sequence[Column], rows: Iterable[str], *, testid: str = "") -> str:
    """A table with its head, of rows that are markup."""
    return table_of(columns, "".join(f"<tr>{row}</tr>" for row in rows), testid=testid)


def table_of(columns: Sequence[Column], rows: str, *, testid: str) -> str:
    """A table of rows that bring their own ``<tr>``."""
    test = f' data-testid="{testid}"' if testid else ""
    return f'<table class="we-list"{test}><thead>{table_head(columns)}</thead><tbody>{rows}</tbody></table>'


def number(content: str, *, is_bad: bool = False) -> str:
    """A cell at the right; text is escaped, a part of ours (``<we-…>``) is kept."""
    text = content if content.startswith("<we-") else escape(content)
    return f'<td class="we-number{" we-status-bad" if is_bad else ""}">{text}</td>'


def muted(text: str) -> str:
    """A sentence in place of a table that would be empty."""
    return f'<p class="we-muted">{text}</p>'


def where_of(process: ProcessReport) -> str:
    """A process by its machine and its number."""
    return f"{process.host} {process.pid}"
