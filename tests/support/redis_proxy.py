"""A proxy before Redis that can be cut, and that can make subscribers deaf while everything else is answered."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.fault_proxy import FaultProxy, Way, running


class RedisProxy(FaultProxy):
    """Forwards until told otherwise; ``url`` is what a client is given."""

    def __init__(self, path: Path, redis_url: str) -> None:
        parts = urlsplit(redis_url)
        super().__init__(path, Path(parts.path))
        self.url = f"unix://{path}?{parts.query}"
        self.subscription_count = 0
        self._subscribers: set[asyncio.StreamWriter] = set()
        self._deaf: set[asyncio.StreamWriter] = set()
        self._is_deaf_for_good = False

    def deafen(self, *, for_good: bool = False) -> None:
        """Let who is subscribed now hear nothing more, though the connection stays up; ``for_good``: newcomers too."""
        self._deaf |= self._subscribers
        self._is_deaf_for_good = for_good

    def hear(self) -> None:
        """End deafness, also of those who are subscribed now."""
        self._deaf.clear()
        self._is_deaf_for_good = False

    def _passes(self, connection: asyncio.StreamWriter, chunk: bytes, *, way: Way) -> bool:
        if way is Way.BACK:
            return connection not in self._deaf
        if b"SUBSCRIBE" in chunk:
            self.subscription_count += 1
            self._subscribers.add(connection)
            if self._is_deaf_for_good:
                self._deaf.add(connection)
        return True


@contextlib.asynccontextmanager
async def redis_proxy(redis_url: str) -> AsyncIterator[RedisProxy]:
    """A proxy before a Redis on a unix socket."""
    with tempfile.TemporaryDirectory(prefix="we-redis-") as folder:
        proxy = RedisProxy(Path(folder) / "sock", redis_url)
        async with running(proxy):
            yield proxy
