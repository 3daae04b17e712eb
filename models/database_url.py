"""The one way database addresses are understood: as libpq does, or a parameter is refused by its name."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from sqlalchemy import make_url

# What asyncpg understands as libpq does. Source: asyncpg, "connect", and libpq, "Parameter Key Words".
_UNDERSTOOD = frozenset(
    {"host", "port", "dbname", "user", "password", "passfile", "service", "servicefile", "krbsrvname", "gsslib"}
    | {"sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version"}
    | {"target_session_attrs", "application_name", "options"}
)
# What changes nothing of what is promised: how a connection is kept up, and names for logs.
_IGNORED = frozenset(
    {"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}
    | {"sslcompression", "sslsni", "fallback_application_name", "client_encoding"}
)
_ONLY_WISHES = {
    "channel_binding": {"disable", "prefer"},
    "gssencmode": {"disable", "prefer"},
    "load_balance_hosts": {"disable"},
}
MAX_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """What ``asyncpg.connect`` takes; ``timeout_s`` is how long connecting may take, where the address says so."""

    dsn: str
    timeout_s: float | None = None


def database_address(database_url: str) -> DatabaseAddress:
    """Read ``postgresql://`` (or ``postgres://``), several hosts included.

    Raises: ValueError for anything but PostgreSQL, and for a parameter that is not supported, with its name.
    """
    parts = urlsplit(database_url.strip())
    if parts.scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise ValueError("DATABASE_URL must be a postgresql:// address")
    kept, timeout_s = [], None
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        name = "sslmode" if key == "ssl" else key
        if name == "connect_timeout":
            timeout_s = _timeout_s(value)
        elif name in _UNDERSTOOD:
            kept.append((name, value))
        elif name in _ONLY_WISHES and value not in _ONLY_WISHES[name]:
            raise ValueError(f"DATABASE_URL: {name}={value} is not supported: remove it")
        elif name not in _ONLY_WISHES and name not in _IGNORED:
            raise ValueError(f"DATABASE_URL: the parameter {name[:50]} is not known")
    query = f"?{urlencode(kept)}" if kept else ""
    return DatabaseAddress(dsn=f"postgresql://{parts.netloc}{parts.path}{query}", timeout_s=timeout_s)


def _timeout_s(value: str) -> float | None:
    """Whole seconds; 0 and less mean no limit, which is ours then. Source: libpq, ``connect_timeout``."""
    try:
        seconds = int(value)
    except ValueError:
        raise ValueError("DATABASE_URL: connect_timeout must be a number of seconds") from None
    return min(max(seconds, 2), MAX_TIMEOUT_S) if seconds > 0 else None


def async_database_url(database_url: str) -> str:
    """The address as SQLAlchemy's own asyncpg dialect takes it, for who does without our connections.

    Raises: ValueError as :func:`database_address` does.
    """
    url = make_url(database_address(database_url).dsn)
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query).render_as_string(hide_password=False)
