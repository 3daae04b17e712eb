"""Requests that never end: the sample bot listens on a port as well."""

from itertools import chain, repeat

import psutil
import pytest

from tests.support.raw_client import raw_exchange
from tests.support.sample_bots import RunningBot

PIECE = 64 * 1024
PIECES = 1000  # 64 MB, if nobody stops it
MAX_GROWTH_BYTES = 30_000_000
START = b"GET /health HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("start", "piece"), [(START, b"a: b\r\n"), (START + b"X-Long: ", b"x"), (START, b"x"), (b"GET /", b"x")]
)
async def test_a_head_without_end_is_refused(elena: RunningBot, start: bytes, piece: bytes) -> None:
    """It is not read to its end, and hardly anything of it is kept."""
    process = psutil.Process(elena.process.pid)
    before = process.memory_info().rss
    answer = await raw_exchange(elena.url, chain([start], repeat(piece * (PIECE // len(piece)), PIECES)))
    assert answer.status in {400, 431, None}
    assert answer.sent_bytes < PIECE * PIECES
    assert process.memory_info().rss - before < MAX_GROWTH_BYTES
