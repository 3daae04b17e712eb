"""Web accounts, the claims that browsers hold on them, and the universal users behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import many, one_or_none
from models import WebAccount
from models.skeletons import skeletons


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account, as the database has it."""

    user_id: str
    username: str
    display_name: str
    is_guest: bool
    password_hash: str | None
    banned_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A valid claim: its account, and the family of claims of the same browser."""

    claim_hash: str
    user_id: str
    family_id: UUID


_COLUMNS = [getattr(WebAccount, name) for name in AccountRow.__dataclass_fields__]

# The bots' tables may use timestamps without time zone: the database writes its own clock into either type.
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
_CLAIMS = text("""
SELECT c.claim_hash, c.user_id, c.family_id FROM web_claims c JOIN web_accounts a USING (user_id)
WHERE c.claim_hash = ANY(:hashes) AND c.expires_at > now() ORDER BY a.is_guest, a.created_at DESC""")
_LIKE = text("""
SELECT user_id FROM web_accounts
WHERE NOT is_guest AND skeletons && CAST(:skeletons AS varchar[]) AND name_key <> :name_key LIMIT 1""")
_ADMIN_NAMES = text("SELECT username FROM web_admins")
_IS_CLAIMED = text("""
SELECT EXISTS (SELECT 1 FROM web_claims c JOIN web_accounts a USING (user_id)
    WHERE a.name_key = :name_key AND NOT a.is_guest AND c.claim_hash = ANY(:hashes) AND c.expires_at > now())""")
# Claims older than the one that a browser just presented are obsolete; a newer one may still be on its way to it,
# in the answer to a double click.
_ADD_CLAIM = text("""
WITH expired AS (
    DELETE FROM web_claims WHERE (claim_hash, user_id) IN (
        SELECT claim_hash, user_id FROM web_claims WHERE expires_at < now() LIMIT 100 FOR UPDATE SKIP LOCKED)
), replaced AS (
    DELETE FROM web_claims old USING web_claims shown
    WHERE old.family_id = :family_id AND old.user_id = :user_id AND shown.user_id = :user_id
        AND shown.claim_hash = :shown AND old.created_at < shown.created_at
)
INSERT INTO web_claims (claim_hash, user_id, family_id, created_at, expires_at)
VALUES (:claim_hash, :user_id, :family_id, clock_timestamp(), now() + make_interval(days => :days))""")
_ADD_ATTEMPT = text("""
INSERT INTO web_claims (claim_hash, user_id, family_id, expires_at)
VALUES (:claim_hash, :user_id, :family_id, now() + make_interval(secs => :lives_s)) ON CONFLICT DO NOTHING""")
# A concurrent sign-in has either finished before, or finds no claim.
_LOCK_ACCOUNTS = text("""
SELECT pg_advisory_xact_lock(hashtextextended('web_accounts:' || name_key, 0))
FROM (SELECT DISTINCT name_key FROM web_accounts WHERE user_id = ANY(:user_ids) ORDER BY 1) names""")
_REVOKE_FAMILIES = text("DELETE FROM web_claims WHERE user_id = :user_id AND family_id = ANY(:family_ids)")
_REVOKE_CLAIMS = text("DELETE FROM web_claims WHERE user_id = ANY(:user_ids)")


async def lock_name(connection: AsyncConnection, name_key: str) -> None:
    """Let one transaction at a time decide who holds a name."""
    await connection.execute(_LOCK_NAME, {"name_key": name_key})


async def holder(connection: AsyncConnection, name_key: str) -> AccountRow | None:
    """The account that holds a name."""
    statement = select(*_COLUMNS).where(WebAccount.name_key == name_key, ~WebAccount.is_guest)  # type: ignore[arg-type]
    row = await one_or_none(connection, statement)
    return AccountRow(**row) if row else None


async def claims(connection: AsyncConnection, claim_hashes: Sequence[str]) -> list[ClaimRow]:
    """The valid ones among some claims, those of name holders before guests'."""
    if not claim_hashes:
        return []
    return [ClaimRow(**row) for row in await many(connection, _CLAIMS, {"hashes": list(claim_hashes)})]


async def is_claimed(connection: AsyncConnection, name_key: str, claim_hashes: Sequence[str]) -> bool:
    """Whether one of some claims opens the account that holds a name."""
    if not claim_hashes:
        return False
    values = {"name_key": name_key, "hashes": list(claim_hashes)}
    return bool((await connection.execute(_IS_CLAIMED, values)).scalar_one())


async def get(connection: AsyncConnection, user_id: str) -> AccountRow | None:
    """One account by its id."""
    row = await one_or_none(connection, select(*_COLUMNS).where(WebAccount.user_id == user_id))  # type: ignore[arg-type]
    return AccountRow(**row) if row else None


async def is_like_another(connection: AsyncConnection, looks: Sequence[str], *, name_key: str) -> bool:
    """Whether another user's or an administrator's name looks the same."""
    for skeleton in sorted(looks):  # two that look alike are not both the first
        await connection.execute(_LOCK_NAME, {"name_key": f"looks {skeleton}"})
    found = await many(connection, _LIKE, {"skeletons": list(looks), "name_key": name_key})
    names = [row["username"] for row in await many(connection, _ADMIN_NAMES)]
    return bool(found) or any(set(looks) & set(skeletons(name)) for name in names)


async def create(connection: AsyncConnection, account: AccountRow, *, name_key: str, looks: Sequence[str]) -> None:
    """Store a new person: the universal user, the web identity and the account."""
    names = {"user_id": account.user_id, "username": account.username, "display_name": account.display_name}
    await connection.execute(_INSERT_USER, names)
    await connection.execute(_INSERT_IDENTITY, names)
    await connection.execute(
        insert(WebAccount).values(
            **names,
            name_key=name_key,
            skeletons=list(looks),
            is_guest=account.is_guest,
            password_hash=account.password_hash,
        )
    )


async def add_claim(
    connection: AsyncConnection,
    user_id: str,
    claim_hash: str,
    *,
    family_id: UUID,
    shown: str | None,
    lives_days: int,
) -> None:
    """Give a browser a new claim on an account, replacing the one that it presented (by its hash)."""
    values = {"user_id": user_id, "claim_hash": claim_hash, "family_id": family_id, "shown": shown, "days": lives_days}
    await connection.execute(_ADD_CLAIM, values)


async def add_attempt(
    connection: AsyncConnection, user_id: str, attempt_hash: str, *, family_id: UUID, lives_s: int
) -> None:
    """Let the same form, sent again within some seconds, lead to the same account."""
    values = {"user_id": user_id, "claim_hash": attempt_hash, "family_id": family_id, "lives_s": lives_s}
    await connection.execute(_ADD_ATTEMPT, values)


async def lock_accounts(connection: AsyncConnection, user_ids: Sequence[str]) -> None:
    """Keep sign-ins to these accounts waiting. Call it before locking any row, or two transactions may deadlock."""
    await connection.execute(_LOCK_ACCOUNTS, {"user_ids": list(user_ids)})


async def revoke_families(connection: AsyncConnection, user_id: str, family_ids: Sequence[UUID]) -> None:
    """Revoke all claims of these browsers on an account."""
    await lock_accounts(connection, [user_id])
    await connection.execute(_REVOKE_FAMILIES, {"user_id": user_id, "family_ids": list(family_ids)})


async def revoke_claims(connection: AsyncConnection, user_ids: Sequence[str]) -> None:
    """Revoke all claims on these accounts."""
    await lock_accounts(connection, user_ids)
    await connection.execute(_REVOKE_CLAIMS, {"user_ids": list(user_ids)})


async def update_profile(
    connection: AsyncConnection, user_id: str, *, display_name: str, password_hash: str | None
) -> None:
    """Change the name that is shown, and the password when a new one is given."""
    values = {"display_name": display_name} | ({"password_hash": password_hash} if password_hash else {})
    await connection.execute(update(WebAccount).where(WebAccount.user_id == user_id).values(**values))  # type: ignore[arg-type]
    await connection.execute(_TOUCH_USER, {"user_id": user_id})
