"""A proxy before PostgreSQL's unix socket, and the URL that leads through it."""

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from tests.support.fault_proxy import FaultProxy, running

SOCKET = ".s.PGSQL.5432"


class SqlProxy(FaultProxy):
    """Forwards until told otherwise; ``url`` is what a client is given."""

    def __init__(self, folder: Path, database_url: str, *, seed: int = 0) -> None:
        parts = urlsplit(database_url)
        super().__init__(folder / SOCKET, Path(parse_qs(parts.query)["host"][0]) / SOCKET, seed=seed)
        self.url = parts._replace(query=f"host={quote(str(folder))}").geturl()


@contextlib.asynccontextmanager
async def sql_proxy(database_url: str) -> AsyncIterator[SqlProxy]:
    """A proxy before a PostgreSQL on a unix socket."""
    with tempfile.TemporaryDirectory(prefix="we-sql-") as folder:
        proxy = SqlProxy(Path(folder), database_url)
        async with running(proxy):
            yield proxy
