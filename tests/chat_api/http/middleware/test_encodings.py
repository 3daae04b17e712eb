"""Which answers are compressed. Source: RFC 9110, 12.5.3."""

import math

import httpx
import pytest

from chat_api.http.middleware.encodings import MIN_COMPRESSED_BYTES, smallest_compressed
from tests.support.api import RunningApi

NEVER = math.inf


@pytest.mark.parametrize(
    ("header", "smallest"),
    [
        ("", NEVER),
        ("gzip", MIN_COMPRESSED_BYTES),
        ("gzip, deflate, br, zstd", MIN_COMPRESSED_BYTES),
        ("GZip;q=1.0", MIN_COMPRESSED_BYTES),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", MIN_COMPRESSED_BYTES),
        ("x-gzip;q=0.5", MIN_COMPRESSED_BYTES),
        ("gzip;q=0", NEVER),
        ("gzip; q=0.000", NEVER),
        ("gzip;q=0, br", NEVER),
        ("gzip;q=0, *", NEVER),
        ("*;q=0", NEVER),
        ("*", NEVER),
        ("identity", NEVER),
        ("gzip;q=0.5, identity;q=0.9", NEVER),
        ("gzip;q=nonsense", NEVER),
        ("gzip;q=-1", NEVER),
        ("gzip;q=nan", NEVER),
        ("notgzip", NEVER),
        ("identity;q=0", NEVER),
        ("gzip, identity;q=0", 1),
        ("gzip;q=0.1, *;q=0", 1),
        ("*, identity;q=0", 1),
        ("gzip;q=0, identity;q=0", NEVER),
    ],
)
def test_what_a_client_accepts(header: str, smallest: float) -> None:
    """Weights count, a weight of zero is a refusal, and what cannot be read is one too."""
    assert smallest_compressed(header.encode()) == smallest


@pytest.mark.parametrize(
    ("header", "path", "coding"),
    [
        ("gzip", "/openapi.json", "gzip"),
        ("gzip;q=0", "/openapi.json", None),
        ("*;q=0", "/openapi.json", None),
        ("gzip, identity;q=0", "/health", "gzip"),
        ("gzip", "/health", None),
    ],
)
async def test_answers_are_coded_as_asked(api: RunningApi, header: str, path: str, coding: str | None) -> None:
    """At the doors, not only on paper."""
    async with api.client() as client:
        answer: httpx.Response = await client.get(path, headers={"Accept-Encoding": header})
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.json()
