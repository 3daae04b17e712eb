"""Web accounts, the claims that browsers hold on them, and the universal users behind them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.repositories.rows import one_or_none
from models import WebAccount, WebClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account, as the database has it."""

    user_id: str
    username: str
    display_name: str
    is_guest: bool
    password_hash: str | None
    banned_at: datetime | None


_COLUMNS = [getattr(WebAccount, name) for name in AccountRow.__dataclass_fields__]

# The bots' tables may have zone-less times: the database writes its own clock into whatever type is there.
_INSERT_USER = text(
    "INSERT INTO universal_users"
    " (universal_id, primary_username, display_name, created_at, last_active, preferences, privacy_settings)"
    " VALUES (:user_id, :username, :display_name, now(), now(), '{}', '{}')"
)
_INSERT_IDENTITY = text(
    "INSERT INTO platform_identities"
    " (universal_id, platform, platform_user_id, username, display_name, verified_at)"
    " VALUES (:user_id, 'web_ui', :user_id, :username, :display_name, now())"
)
_TOUCH_USER = text("UPDATE universal_users SET last_active = now() WHERE universal_id = :user_id")
# Held until the transaction ends: two first logins with one name cannot both claim it.
_LOCK_NAME = text("SELECT pg_advisory_xact_lock(hashtextextended('web_accounts:' || :name_key, 0))")


async def lock_name(connection: AsyncConnection, name_key: str) -> None:
    """Let one transaction at a time decide who holds a name."""
    await connection.execute(_LOCK_NAME, {"name_key": name_key})


async def holder(connection: AsyncConnection, name_key: str) -> AccountRow | None:
    """The account that holds a name."""
    statement = select(*_COLUMNS).where(WebAccount.name_key == name_key, ~WebAccount.is_guest)  # type: ignore[arg-type]
    row = await one_or_none(connection, statement)
    return AccountRow(**row) if row else None


async def claimed_by(connection: AsyncConnection, name_key: str, claim_hash: str) -> AccountRow | None:
    """The account of this name that a browser's claim resumes; one that holds the name before a guest's."""
    statement = (
        select(*_COLUMNS)
        .join(WebClaim, WebClaim.user_id == WebAccount.user_id)  # type: ignore[arg-type]
        .where(WebAccount.name_key == name_key, WebClaim.claim_hash == claim_hash)  # type: ignore[arg-type]
        .order_by(WebAccount.is_guest, WebAccount.created_at.desc())  # type: ignore[arg-type,attr-defined]
        .limit(1)
    )
    row = await one_or_none(connection, statement)
    return AccountRow(**row) if row else None


async def get(connection: AsyncConnection, user_id: str) -> AccountRow | None:
    """One account by its id."""
    row = await one_or_none(connection, select(*_COLUMNS).where(WebAccount.user_id == user_id))  # type: ignore[arg-type]
    return AccountRow(**row) if row else None


async def create(connection: AsyncConnection, account: AccountRow, *, name_key: str) -> None:
    """Store a new person: the universal user, the web identity and the account."""
    names = {"user_id": account.user_id, "username": account.username, "display_name": account.display_name}
    await connection.execute(_INSERT_USER, names)
    await connection.execute(_INSERT_IDENTITY, names)
    await connection.execute(
        insert(WebAccount).values(
            **names, name_key=name_key, is_guest=account.is_guest, password_hash=account.password_hash
        )
    )


async def add_claim(connection: AsyncConnection, user_id: str, claim_hash: str) -> None:
    """Let a browser resume an account."""
    await connection.execute(upsert(WebClaim).values(user_id=user_id, claim_hash=claim_hash).on_conflict_do_nothing())


async def update_profile(
    connection: AsyncConnection, user_id: str, *, display_name: str, password_hash: str | None
) -> None:
    """Change the name that is shown, and the password when a new one is given."""
    values = {"display_name": display_name} | ({"password_hash": password_hash} if password_hash else {})
    await connection.execute(update(WebAccount).where(WebAccount.user_id == user_id).values(**values))  # type: ignore[arg-type]
    await connection.execute(_TOUCH_USER, {"user_id": user_id})
