"""Compressed answers, for those who want them. Source: RFC 9110, 12.5.3."""

import math
from typing import Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

MIN_COMPRESSED_BYTES: Final = 1024
# Of 1 to 9: half the time of 9, which is the default of the middleware, at half a percent more bytes.
LEVEL: Final = 6
_ACCEPT: Final = b"accept-encoding"


def smallest_compressed(header: bytes) -> float:
    """From how many bytes on an answer is compressed with gzip, by its request's ``Accept-Encoding``; never: infinity.

    Who refuses an answer as it is (``identity;q=0``) gets small ones compressed, too.
    """
    if b";" not in header and b"*" not in header:  # as every browser sends it
        return MIN_COMPRESSED_BYTES if b"gzip" in [part.strip().lower() for part in header.split(b",")] else math.inf
    weights = _weights(header)
    anything, plain = weights.get(b"*"), weights.get(b"identity")
    is_plain_refused = (anything if plain is None else plain) == 0
    gzip = weights.get(b"gzip", weights.get(b"x-gzip", (anything or 0) if is_plain_refused else 0))
    if not gzip or (plain or 0) > gzip:
        return math.inf
    return 1 if is_plain_refused else MIN_COMPRESSED_BYTES


def _weights(header: bytes) -> dict[bytes, float]:
    """The weight of each coding; one that cannot be read is a refusal, for the answer can be read without it."""
    weights: dict[bytes, float] = {}
    for part in header.split(b","):
        coding, *parameters = part.split(b";")
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition(b"=")
            if name.strip().lower() == b"q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        weights[coding.strip().lower()] = weight if 0 <= weight <= 1 else 0.0
    return weights


class Compression:
    """Compresses answers of some size with gzip, for clients that accept it."""

    def __init__(self, app: ASGIApp) -> None:
        self._by_size = {
            size: GZipMiddleware(app, minimum_size=size, compresslevel=LEVEL) for size in (1, MIN_COMPRESSED_BYTES)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on, with an ``Accept-Encoding`` that says no more than yes or no."""
        app: ASGIApp = self._by_size[MIN_COMPRESSED_BYTES]
        if scope["type"] == "http":
            asked = b",".join(value for name, value in scope["headers"] if name == _ACCEPT)
            if asked:
                size = smallest_compressed(asked)
                app = self._by_size.get(int(size), app) if size != math.inf else app
                kept = [header for header in scope["headers"] if header[0] != _ACCEPT]
                scope["headers"] = [*kept, (_ACCEPT, b"identity" if size == math.inf else b"gzip")]
        await app(scope, receive, send)
