"""Administrators, and the setup code of the first one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.errors import Conflict
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none, unless_taken
from chat_api.people.schemas import AdminView
from models import AdminAccount, Role, WebSetting

# Not only the newest: after a clock was set back, unused codes would be refused until it has caught up.
_SPEND_TOTP_STEP = text("""
UPDATE web_admins SET totp_used_steps = (ARRAY[CAST(:step AS bigint)] || totp_used_steps)[1:20]
WHERE admin_id = :id AND NOT totp_used_steps @> ARRAY[CAST(:step AS bigint)]""")
_EVERYONE = text("""
SELECT d.admin_id, d.username, d.role, d.totp_secret IS NOT NULL AS has_totp, d.created_at, d.disabled_at,
    (SELECT count(*) FROM web_user_sessions s
        WHERE s.user_id = d.admin_id AND s.is_admin AND s.revoked_at IS NULL AND s.expires_at > now()) AS sessions,
    (SELECT max(s.last_active) FROM web_user_sessions s WHERE s.user_id = d.admin_id) AS last_active
FROM web_admins d ORDER BY lower(d.username)""")
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


async def create(connection: AsyncConnection, admin: AdminRow) -> None:
    """Store an administrator. Raises: Conflict when the name is taken."""
    values = {name: getattr(admin, name) for name in AdminRow.__dataclass_fields__}
    with unless_taken(Conflict("An administrator with this name already exists.")):
        await connection.execute(insert(AdminAccount).values(**values))


async def store_setup_code(connection: AsyncConnection, code_hash: str) -> None:
    """Store the hash of the only valid setup code."""
    statement = upsert(WebSetting).values(key=SETUP_CODE_KEY, value=code_hash)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": code_hash, "updated_at": func.now()})
    )


async def spend_setup_code(connection: AsyncConnection, code_hash: str) -> bool:
    """Spend the setup code; returns whether it was valid."""
    statement = delete(WebSetting).where(WebSetting.key == SETUP_CODE_KEY, WebSetting.value == code_hash)  # type: ignore[arg-type]
    return await affected(connection, statement) == 1


async def spend_totp_step(connection: AsyncConnection, admin_id: str, step: int) -> bool:
    """Spend a code; returns False if it was already used. Of two concurrent callers, the second finds it used."""
    return await affected(connection, _SPEND_TOTP_STEP, {"id": admin_id, "step": step}) == 1


async def lock(connection: AsyncConnection) -> None:
    """Serialise role changes, so that two can't each count on the other administrator to remain."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('web_admins', 0))"))


async def everyone(connection: AsyncConnection) -> tuple[AdminView, ...]:
    """Every administrator by name, with the number of live sessions."""
    return ODD_ROWS.readable("administrators", await many(connection, _EVERYONE), _view)


async def get(connection: AsyncConnection, admin_id: str) -> AdminRow | None:
    """One administrator by id."""
    row = await one_or_none(connection, select(*_COLUMNS).where(AdminAccount.admin_id == admin_id))  # type: ignore[arg-type]
    return AdminRow(**row) if row else None


async def count_able(connection: AsyncConnection, *, except_for: str) -> int:
    """How many other enabled administrators have the admin role."""
    statement = (
        select(func.count())
        .select_from(AdminAccount)
        .where(
            AdminAccount.role == Role.ADMIN,  # type: ignore[arg-type]
            AdminAccount.disabled_at.is_(None),  # type: ignore[union-attr]
            AdminAccount.admin_id != except_for,  # type: ignore[arg-type]
        )
    )
    return (await connection.execute(statement)).scalar_one()


async def set_role(connection: AsyncConnection, admin_id: str, role: Role) -> None:
    """Change an administrator's role."""
    await connection.execute(update(AdminAccount).where(AdminAccount.admin_id == admin_id).values(role=role.value))  # type: ignore[arg-type]


async def set_disabled(connection: AsyncConnection, admin_id: str, *, at: datetime | None) -> None:
    """Disable an administrator, or with ``None`` enable them."""
    await connection.execute(update(AdminAccount).where(AdminAccount.admin_id == admin_id).values(disabled_at=at))  # type: ignore[arg-type]


def _view(row: RowMapping) -> AdminView:
    return AdminView(**dict(row) | {"role": Role(row["role"])})
