"""How our HTTP client finds its way: names, several addresses, IPv6, encryption."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from chat_api.bots.http_addresses import AddressBook
from chat_api.bots.http_pool import HttpPool
from chat_api.core.errors import BotFailed, BotUnavailable
from tests.chat_api.bots.rogue_bot import RogueBot, answering, rogue_bot

HOME, NOBODY = "127.0.0.1", "127.0.0.9"


class Names:
    """What the system's resolver would say, and how often it was asked."""

    def __init__(self) -> None:
        self.addresses: Sequence[str] = ()
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, *_: object, **__: object) -> list[object]:
        """In place of the system's."""
        self.asked.append(host)
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.addresses]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A resolver of the test's own: there is no other that changes its mind on request."""
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    return names


@pytest.fixture
async def pool() -> AsyncIterator[HttpPool]:
    """A fresh one."""
    pool = HttpPool(max_idle=0, max_body_bytes=1000)
    yield pool
    await pool.aclose()


async def ask(pool: HttpPool, url: str) -> bytes:
    """One request."""
    deadline_at = asyncio.get_running_loop().time() + 20
    return (await pool.request("POST", url, deadline_at=deadline_at, content=b"{}")).body


async def test_a_recreated_bot_is_found_at_its_new_address(pool: HttpPool, names: Names) -> None:
    """A name is looked up once, and again after a connection to it has failed."""
    async with rogue_bot(answering(b"ok")) as bot:
        url = f"http://elena-bot:{bot.port}/"
        names.addresses = [NOBODY]
        with pytest.raises(BotUnavailable) as caught:
            await ask(pool, url)
        assert caught.value.extra["connect_failed"] is True
        names.addresses = [HOME]
        for _ in range(3):
            assert await ask(pool, url) == b"ok"
        assert names.asked == ["elena-bot"] * 2


async def test_every_address_is_tried(pool: HttpPool, names: Names) -> None:
    """Nobody listens at the first."""
    names.addresses = [NOBODY, HOME]
    async with rogue_bot(answering(b"ok")) as bot:
        assert await ask(pool, f"http://elena-bot:{bot.port}/") == b"ok"


async def test_an_unknown_name_is_asked_again(pool: HttpPool, names: Names) -> None:
    """That there is no such bot is not remembered; the bot has certainly seen nothing."""
    for count in (1, 2):
        with pytest.raises(BotUnavailable) as caught:
            await ask(pool, "http://nobody/")
        assert caught.value.extra["connect_failed"] is True
        assert len(names.asked) == count


async def test_many_who_ask_at_once_are_one_question(names: Names) -> None:
    """One who gives up does not take the answer from the others."""
    names.addresses = [HOME]
    book = AddressBook()
    impatient, *others = [asyncio.ensure_future(book.resolve("elena-bot")) for _ in range(20)]
    await asyncio.sleep(0)
    impatient.cancel()
    assert await asyncio.gather(*others) == [(HOME,)] * 19
    assert names.asked == ["elena-bot"]
    assert await book.resolve("::1") == ("::1",)
    await book.aclose()
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_addresses_of_the_sixth_version(pool: HttpPool) -> None:
    """In brackets in the address and in the request."""
    bot = RogueBot(answering(b"ok"))
    server = await asyncio.start_server(bot.serve, "::1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await ask(pool, f"http://[::1]:{port}/api/chät?x=1") == b"ok"
    assert f"POST /api/ch%C3%A4t?x=1 HTTP/1.1\r\nHost: [::1]:{port}\r\n".encode() in bot.requests[0]


@pytest.mark.parametrize("url", ["nonsense", "ftp://elena/", "http://", "http://elena:99999/", "http://[::1/"])
async def test_what_is_no_address_is_refused(pool: HttpPool, url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(BotFailed):
        await ask(pool, url)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    options = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(path) + ".crt"]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("is_trusted", [True, False])
async def test_encrypted_bots_must_prove_who_they_are(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, is_trusted: bool
) -> None:
    """By a certificate that is trusted and for that name; otherwise nothing was sent."""
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    bot = RogueBot(answering(b"ok"))
    server = await asyncio.start_server(bot.serve, HOME, 0, ssl=context)
    pool = HttpPool(max_idle=1, max_body_bytes=1000)
    async with server:
        url = f"https://{host}:{server.sockets[0].getsockname()[1]}/"
        if is_trusted and host == "localhost":
            assert [await ask(pool, url) for _ in range(2)] == [b"ok", b"ok"]
        else:
            with pytest.raises(BotUnavailable) as caught:
                await ask(pool, url)
            assert caught.value.extra["connect_failed"] is True
            assert bot.requests == []
        await pool.aclose()
