"""Addresses of databases as people write them for libpq."""

import pytest

from chat_api.core.settings import Settings
from models.connections import connect
from models.database_url import database_address


@pytest.mark.parametrize(
    ("address", "dsn", "timeout_s"),
    [
        ("postgres://u:p%40@h/db", "postgresql://u:p%40@h/db", None),
        ("postgresql:///db?host=/var/run/pg", "postgresql:///db?host=%2Fvar%2Frun%2Fpg", None),
        ("postgresql://h/db?sslmode=require&channel_binding=prefer", "postgresql://h/db?sslmode=require", None),
        ("postgresql://h/db?sslrootcert=/ca.pem", "postgresql://h/db?sslrootcert=%2Fca.pem", None),
        ("postgresql://h/db?connect_timeout=5&keepalives=1", "postgresql://h/db", 5),
        ("postgresql://h/db?connect_timeout=1", "postgresql://h/db", 2),
        ("postgresql://h/db?connect_timeout=0", "postgresql://h/db", None),
        (
            "postgresql://u@a:5432,b:5433/db?target_session_attrs=read-write",
            "postgresql://u@a:5432,b:5433/db?target_session_attrs=read-write",
            None,
        ),
        ("postgresql+asyncpg://h/db?ssl=require", "postgresql://h/db?sslmode=require", None),
    ],
)
def test_an_address_is_understood_as_libpq_does(address: str, dsn: str, timeout_s: float | None) -> None:
    """Parameters that only prefer something, or keep a connection up, change nothing."""
    found = database_address(address)
    assert (found.dsn, found.timeout_s) == (dsn, timeout_s)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("mysql://h/db", "must be a postgresql:// address"),
        ("postgresql://h/db?channel_binding=require", "channel_binding=require is not supported"),
        ("postgresql://h/db?gssencmode=require", "gssencmode=require is not supported"),
        ("postgresql://h/db?connect_timeout=soon", "connect_timeout must be a number"),
        ("postgresql://h/db?sslmod=require", "the parameter sslmod is not known"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(address: str, why: str) -> None:
    """At the start, in one sentence, and without the password."""
    with pytest.raises(ValueError, match=why):
        Settings(database_url=address)


@pytest.mark.parametrize(
    "address", ["redis+sentinel://h:26379/mymaster", "sentinel://h", "http://h:6379", "h:6379"], ids=lambda url: url
)
def test_a_redis_that_is_not_supported_is_refused_by_name(address: str) -> None:
    """Sentinel among them."""
    with pytest.raises(ValueError, match=r"Sentinel is not supported|must begin with redis://"):
        Settings(redis_url=address)


async def test_of_several_hosts_the_one_that_lives_is_found(database_url: str) -> None:
    """As after a failover: the first host is gone, the second takes writes."""
    alone = database_url.partition("host=")[2]
    address = database_url.replace(alone, f"/nowhere,{alone}") + "&target_session_attrs=read-write&connect_timeout=5"
    connection = await connect(address)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
