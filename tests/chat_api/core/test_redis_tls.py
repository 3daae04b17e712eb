"""A Redis behind TLS with a user of its own: ``rediss://name:password@host``, and who is not believed."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

from chat_api.core.redis import connect_redis
from chat_api.core.settings import Settings
from tests.support.certificates import make_certificates

PASSWORD = "correct-horse"


@contextlib.asynccontextmanager
async def behind_tls(socket: str, certificates: Path) -> AsyncIterator[int]:
    """A port with TLS that leads to a Valkey on a unix socket, as stunnel before a Redis does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_redis_with_tls_and_a_user(redis_url: str, tmp_path: Path) -> None:
    """It works with the right certificate and password; with another authority or password it is refused."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        make_certificates(folder)
    async with Redis.from_url(redis_url) as direct:
        await direct.execute_command("ACL", "SETUSER", "console", "on", f">{PASSWORD}", "~*", "&*", "+@all")
    async with behind_tls(urlsplit(redis_url).path, ours) as port:

        def client(folder: Path, password: str = PASSWORD) -> Redis:
            url = f"rediss://console:{password}@localhost:{port}/0?ssl_ca_certs={folder / 'ca.pem'}"
            setting = Settings(redis_url=url).redis_url
            assert setting is not None
            return connect_redis(setting.get_secret_value())

        async with client(ours) as redis:
            assert await redis.set("told", "1")
        async with client(theirs) as redis:
            with pytest.raises(RedisConnectionError, match="certificate verify failed"):
                await redis.set("told", "1")
        async with client(ours, "wrong") as redis:
            with pytest.raises(AuthenticationError):
                await redis.set("told", "1")
