"""The one way database addresses are understood."""

from sqlalchemy import make_url


def async_database_url(database_url: str) -> str:
    """Turn ``postgresql://`` (or ``postgres://``) into the address SQLAlchemy's asyncpg dialect takes.

    libpq's ``sslmode`` becomes asyncpg's ``ssl``. Raises: ValueError for anything but PostgreSQL.
    """
    url = make_url(database_url)
    if url.drivername.split("+")[0] not in {"postgresql", "postgres"}:
        raise ValueError("DATABASE_URL must be a postgresql:// address")
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query).render_as_string(hide_password=False)


def asyncpg_dsn(database_url: str) -> str:
    """The same address as asyncpg itself takes it. Raises: ValueError for anything but PostgreSQL."""
    url = make_url(async_database_url(database_url))
    query = dict(url.query)
    if "ssl" in query:
        query["sslmode"] = query.pop("ssl")
    return url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
