"""Administrators, and the setup code of the first one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.repositories.rows import affected, one_or_none
from models import AdminAccount, WebSetting

SETUP_CODE_KEY = "admin_setup_code_sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminRow:
    """One administrator, as the database has it."""

    admin_id: str
    username: str
    password_hash: str
    totp_secret: str | None
    role: str
    disabled_at: datetime | None


_COLUMNS = [getattr(AdminAccount, name) for name in AdminRow.__dataclass_fields__]


async def find(connection: AsyncConnection, username: str) -> AdminRow | None:
    """An administrator by name."""
    row = await one_or_none(connection, select(*_COLUMNS).where(AdminAccount.username == username))  # type: ignore[arg-type]
    return AdminRow(**row) if row else None


async def count(connection: AsyncConnection) -> int:
    """How many administrators there are."""
    return (await connection.execute(select(func.count()).select_from(AdminAccount))).scalar_one()


async def create(connection: AsyncConnection, admin: AdminRow) -> bool:
    """Store an administrator; returns whether the name was free."""
    values = {name: getattr(admin, name) for name in AdminRow.__dataclass_fields__}
    taken = await find(connection, admin.username)
    if taken is None:
        await connection.execute(insert(AdminAccount).values(**values))
    return taken is None


async def store_setup_code(connection: AsyncConnection, code_hash: str) -> None:
    """Keep the hash of the only setup code that is good."""
    statement = upsert(WebSetting).values(key=SETUP_CODE_KEY, value=code_hash)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": code_hash, "updated_at": func.now()})
    )


async def spend_setup_code(connection: AsyncConnection, code_hash: str) -> bool:
    """Use the setup code up; returns whether it was the good one."""
    statement = delete(WebSetting).where(WebSetting.key == SETUP_CODE_KEY, WebSetting.value == code_hash)  # type: ignore[arg-type]
    return await affected(connection, statement) == 1
