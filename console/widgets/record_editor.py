"""Records of a service as a table whose rows have buttons, read again after each change."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from console.widgets.action_table import ActionTable
from console.widgets.dialogs import button
from console.widgets.records import heading

T = TypeVar("T")


class RecordEditor(Generic[T]):
    """``read`` gives each record with its row; :meth:`build` shows them."""

    def __init__(self, read: Callable[[], Awaitable[Sequence[tuple[T, dict[str, Any]]]]]) -> None:
        self._read = read
        self._records: dict[str, T] = {}
        self._table: ActionTable | None = None

    async def build(
        self,
        columns: Sequence[dict[str, Any]],
        *,
        actions: Mapping[str, Callable[[T], object]],
        empty: str,
        export: str,
        new: tuple[str, Callable[[], object]] | None = None,
        title: str | None = None,
        testid: str = "records",
    ) -> None:
        """Put the table here. ``actions``: what the button of that name does with its record, awaited where need be.

        ``new``: the button above the table that adds a record, and what it does. ``title``: what the table is of,
        where a page has several.
        """

        async def pressed(action: str, key: str) -> None:
            record, act = self._records.get(key), actions.get(action)
            if record is None or act is None:
                return
            outcome = act(record)
            if inspect.isawaitable(outcome):
                await outcome

        self._table = ActionTable(
            columns,
            await self._rows(),
            empty=empty,
            on_action=pressed,
            export=export,
            lead=_lead(title, new),
            testid=testid,
        )

    async def refresh(self) -> None:
        """Show what the service says now."""
        if self._table is not None:
            self._table.show(await self._rows())

    async def _rows(self) -> list[dict[str, Any]]:
        found = await self._read()
        self._records = {row["key"]: record for record, row in found}
        return [row for _, row in found]


def _lead(title: str | None, new: tuple[str, Callable[[], object]] | None) -> Callable[[], object] | None:
    if title is None and new is None:
        return None

    def build() -> None:
        if title is not None:
            heading(title)
        if new is not None:
            button(*new, kind="we-primary" if title is None else "", testid="new")

    return build
