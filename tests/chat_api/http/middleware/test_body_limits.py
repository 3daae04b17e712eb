"""How much of a request is read."""

from collections.abc import AsyncIterator

import pytest

from chat_api.http.middleware.body_limits import BodyLimit
from tests.chat_api.http.middleware.echo import client_of, echo

GUARDED = BodyLimit(echo, max_bytes=1000)


async def chunks(count: int, *, given: list[int] | None = None) -> AsyncIterator[bytes]:
    """A body without an announced length, which notes what was taken of it."""
    for _ in range(count):
        if given is not None:
            given.append(100)
        yield b"x" * 100


@pytest.mark.parametrize("size", [0, 1, 1000])
async def test_what_fits_passes(size: int) -> None:
    """Up to the limit and including it."""
    async with client_of(GUARDED) as client:
        assert (await client.post("/", content=b"x" * size)).json()["size"] == size


async def test_an_announced_giant_is_refused_unread() -> None:
    """By its ``Content-Length`` alone, and the connection ends so that nobody has to read the rest."""
    async with client_of(GUARDED) as client:
        answer = await client.post("/", content=b"x" * 1001)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"
    assert answer.headers["connection"] == "close"


async def test_a_streamed_body_is_read_to_the_limit_only() -> None:
    """Without a ``Content-Length`` it is counted."""
    given: list[int] = []
    async with client_of(GUARDED) as client:
        assert (await client.post("/", content=chunks(10))).json()["size"] == 1000
        answer = await client.post("/", content=chunks(500, given=given))
    assert answer.status_code == 413
    assert sum(given) <= 1200


@pytest.mark.parametrize(
    ("length", "status"), [("9" * 5000, 413), ("9" * 18, 413), ("-1", 400), ("1e9", 400), ("\xb2", 400), ("", 400)]
)
async def test_odd_lengths_are_refused(length: str, status: int) -> None:
    """A length is decimal digits, and not too many of them."""
    async with client_of(GUARDED) as client:
        request = client.build_request("POST", "/", content=b"")
        request.headers["Content-Length"] = length
        assert (await client.send(request)).status_code == status
