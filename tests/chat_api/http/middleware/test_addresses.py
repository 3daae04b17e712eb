"""Whom a forwarded header is believed from, and how much of it."""

import httpx
import pytest
from starlette.types import Scope

from chat_api.http.middleware.addresses import ForwardedAddresses
from tests.chat_api.http.middleware.echo import client_of, echo

PROXIES = ["10.0.0.0/8", "2001:db8::1"]


async def seen(headers: list[tuple[str, str]], *, peer: str) -> tuple[str, str]:
    """The client and the scheme that the application sees."""
    async with client_of(ForwardedAddresses(echo, trusted_proxies=PROXIES), peer=peer) as client:
        answer: httpx.Response = await client.get("/", headers=headers)
    return answer.json()["client"], answer.json()["scheme"]


async def test_strangers_are_not_believed() -> None:
    """From an address that is no proxy of ours the headers are noise."""
    headers = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https")]
    assert await seen(headers, peer="198.51.100.7") == ("198.51.100.7", "http")


@pytest.mark.parametrize("peer", ["10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3"])
async def test_a_trusted_proxy_is_believed(peer: str) -> None:
    """Its word counts for the address and for the scheme, over IPv4, IPv6 and one inside the other."""
    headers = [("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-Proto", "https")]
    assert await seen(headers, peer=peer) == ("203.0.113.5", "https")


@pytest.mark.parametrize(
    "chain",
    [
        ["1.1.1.1, 203.0.113.5"],
        ["127.0.0.1, 10.9.9.9, 203.0.113.5, 10.4.4.4"],
        ["1.1.1.1", "203.0.113.5"],
        ["10.0.0.1", "203.0.113.5, 10.4.4.4"],
        [", ,,203.0.113.5,"],
    ],
)
async def test_what_the_client_wrote_itself_is_not_believed(chain: list[str]) -> None:
    """The client is the last address that is no proxy, in one header line or in several."""
    headers = [("X-Forwarded-For", line) for line in chain]
    assert await seen(headers, peer="10.1.2.3") == ("203.0.113.5", "http")


@pytest.mark.parametrize("value", ["", ",", "10.0.0.1, 10.0.0.2"])
async def test_an_empty_chain_leaves_the_peer(value: str) -> None:
    """Nothing said, or only proxies: the peer it is."""
    assert (await seen([("X-Forwarded-For", value)], peer="10.1.2.3"))[0] == "10.1.2.3"


@pytest.mark.parametrize("proto", ["javascript", "", "HTTPS\t", "wss/x"])
async def test_an_odd_scheme_is_ignored(proto: str) -> None:
    """Only http and https are schemes."""
    assert (await seen([("X-Forwarded-Proto", proto)], peer="10.1.2.3"))[1] == "http"


@pytest.mark.parametrize(("proto", "scheme"), [("wss", "https"), ("ws", "http"), ("https", "https"), ("http", "http")])
async def test_a_websockets_scheme_is_that_of_its_page(proto: str, scheme: str) -> None:
    """Traefik says wss for an upgrade: the same connection as https, for requests and for WebSockets."""
    assert (await seen([("X-Forwarded-Proto", proto)], peer="10.1.2.3"))[1] == scheme
    scope: Scope = {
        "type": "websocket",
        "scheme": "ws",
        "client": ("10.1.2.3", 1),
        "headers": [(b"x-forwarded-proto", proto.encode())],
    }
    ForwardedAddresses(echo, trusted_proxies=PROXIES).believe(scope)
    assert scope["scheme"] == {"http": "ws", "https": "wss"}[scheme]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::2]:443", "2001:db8::2"),
        ('"[2001:db8::2]"', "2001:db8::2"),
        ('"[2001:db8::2]:443"', "2001:db8::2"),
        ("2001:DB8:0:0:0::2", "2001:db8::2"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("  203.0.113.7\t", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7:1, 10.4.4.4:5", "203.0.113.7"),
    ],
)
async def test_an_address_is_the_same_however_it_is_written(written: str, address: str) -> None:
    """Some proxies add the port, which is another for each connection: no limit would bite."""
    assert (await seen([("X-Forwarded-For", written)], peer="10.1.2.3"))[0] == address


@pytest.mark.parametrize(
    "garbage",
    [
        "unknown",
        "_hidden",
        "unknown:443",
        "[2001:db8::2",
        "203.0.113.7:port",
        "1.2.3",
        "999.1.1.1",
        "a" * 5000,
        "é",
        '"',
    ],
)
@pytest.mark.parametrize("chain", ["{}", "203.0.113.7, {}", "203.0.113.7, {}, 10.4.4.4"])
async def test_what_is_no_address_is_not_believed(chain: str, garbage: str) -> None:
    """Nor what stands left of it: whoever wrote that is not known."""
    async with client_of(ForwardedAddresses(echo, trusted_proxies=PROXIES), peer="10.1.2.3") as client:
        answer = await client.get("/", headers={b"X-Forwarded-For": chain.format(garbage).encode()})
    assert answer.json()["client"] == "10.1.2.3"


@pytest.mark.parametrize("header", ["Forwarded", "X-Real-IP", "X-Client-IP", "X-Forwarded-Host", "X-Forwarded-Port"])
async def test_one_kind_of_header_is_believed(header: str) -> None:
    """A proxy that writes another kind passes on what a client writes into this one."""
    assert await seen([(header, "for=203.0.113.5;proto=https")], peer="10.1.2.3") == ("10.1.2.3", "http")


async def test_the_nearest_proxy_says_the_scheme() -> None:
    """Its word is the last; what stands left of it may be the client's."""
    assert (await seen([("X-Forwarded-Proto", "https, http")], peer="10.1.2.3"))[1] == "http"
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")]
    assert (await seen(headers, peer="10.1.2.3"))[1] == "http"
