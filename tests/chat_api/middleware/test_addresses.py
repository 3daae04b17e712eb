"""Whom a forwarded header is believed from, and how much of it."""

import httpx
import pytest

from chat_api.middleware.addresses import ForwardedAddresses
from tests.chat_api.middleware.echo import client_of, echo

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


@pytest.mark.parametrize("proto", ["javascript", "", "wss", "HTTPS\t"])
async def test_an_odd_scheme_is_ignored(proto: str) -> None:
    """Only http and https are schemes."""
    assert (await seen([("X-Forwarded-Proto", proto)], peer="10.1.2.3"))[1] == "http"


async def test_the_nearest_proxy_says_the_scheme() -> None:
    """Its word is the last; what stands left of it may be the client's."""
    assert (await seen([("X-Forwarded-Proto", "https, http")], peer="10.1.2.3"))[1] == "http"
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")]
    assert (await seen(headers, peer="10.1.2.3"))[1] == "http"
