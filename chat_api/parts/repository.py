"""The containers that were adopted."""

from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import many
from chat_api.parts.schemas import AdoptedContainer
from models import WebAdoptedContainer

_table = WebAdoptedContainer.__table__  # type: ignore[attr-defined]
_ADOPTED: Final = TypeAdapter(AdoptedContainer)


async def adopted(connection: AsyncConnection) -> tuple[AdoptedContainer, ...]:
    """All of them, by name."""
    rows = await many(connection, select(_table).order_by(_table.c.name))
    return tuple(_ADOPTED.validate_python(dict(row)) for row in rows)


async def adopt(connection: AsyncConnection, containers: Sequence[AdoptedContainer]) -> None:
    """Store these; one that another project had under this name is now this project's."""
    statement = insert(_table).values(
        [
            {"name": one.name, "project": one.project, "adopted_at": one.adopted_at, "adopted_by": one.adopted_by}
            for one in containers
        ]
    )
    new = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_table.c.name],
            set_={"project": new.project, "adopted_at": new.adopted_at, "adopted_by": new.adopted_by},
        )
    )


async def release(connection: AsyncConnection, names: Sequence[str]) -> tuple[str, ...]:
    """Adopt these no more. Returns those that were adopted."""
    statement = delete(_table).where(_table.c.name.in_(names)).returning(_table.c.name)
    return tuple(sorted(row["name"] for row in await many(connection, statement)))
