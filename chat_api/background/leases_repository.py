"""Leases: one statement takes or renews one, and the database's clock says whether it has ended."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_ACQUIRE = text("""
INSERT INTO web_leases AS held (name, holder, expires_at)
VALUES (:name, :holder, now() + make_interval(secs => :ttl_s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
WHERE held.holder = excluded.holder OR held.expires_at <= now()
RETURNING holder
""")
_RELEASE = text("DELETE FROM web_leases WHERE name = :name AND holder = :holder")


async def acquire(connection: AsyncConnection, name: str, *, holder: UUID, ttl_s: float) -> bool:
    """Take a lease that is free or over, or renew one's own; returns whether it is held for ``ttl_s`` from now."""
    values = {"name": name, "holder": holder, "ttl_s": ttl_s}
    return (await connection.execute(_ACQUIRE, values)).scalar_one_or_none() is not None


async def release(connection: AsyncConnection, name: str, *, holder: UUID) -> None:
    """Give one's own lease back; that of somebody else stays."""
    await connection.execute(_RELEASE, {"name": name, "holder": holder})
