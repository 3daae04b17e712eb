"""The bench's arithmetic, and its reading of HTTP and WebSocket bytes."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Load, histogram_percentile, load_of, median_load, percentile
from bench.http import response_size
from bench.load.conversations import Conversation, Tally
from bench.load.websocket import CLOSE, TEXT, decode_frames, encode_frame
from bench.report import Report, Row, at_least, at_most
from bench.rounds import alternate, rate_ratio
from chat_api.core.errors import Unavailable


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([3.0], 0.99, 3.0), ([4, 1, 3, 2], 0.5, 2), ([4, 1, 3, 2], 0.51, 3), (range(1, 101), 0.99, 99), ([1, 2], 1.0, 2)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    """The smallest value that the share does not exceed, in whatever order they came."""
    assert percentile(values, share) == expected


def test_nothing_measured_is_no_figure() -> None:
    """An empty load is an error, not a zero."""
    with pytest.raises(ValueError, match="needs values"):
        load_of([], passed_s=1.0)


def test_rounds_are_shown_by_their_median() -> None:
    """One busy moment does not move it; ratios are taken round by round."""
    ours = [load_of([0.001] * 10, passed_s=seconds) for seconds in (0.1, 0.2, 10.0)]
    theirs = [load_of([0.002] * 10, passed_s=seconds) for seconds in (0.2, 0.4, 20.0)]
    assert median_load(ours).per_second == pytest.approx(50)
    assert median_load(ours).count == 30
    assert median_load(ours).ack_ms is None
    assert rate_ratio(ours, theirs) == pytest.approx(2)


async def test_contestants_take_turns() -> None:
    """Every round goes the other way round."""
    order: list[str] = []

    async def turn(name: str) -> Load:
        order.append(name)
        return load_of([0.001], passed_s=1.0)

    results = await alternate({"a": lambda: turn("a"), "b": lambda: turn("b")}, rounds=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [len(loads) for loads in results.values()] == [3, 3]


def test_a_histogram_gives_its_percentile() -> None:
    """Interpolated inside the bucket; beyond the last bound it is that bound."""
    counts = [(0.01, 50.0), (0.02, 100.0), (float("inf"), 100.0)]
    assert histogram_percentile(counts, 0.75) == pytest.approx(0.015)
    assert histogram_percentile([(0.01, 1.0), (float("inf"), 100.0)], 0.99) == 0.01
    with pytest.raises(ValueError, match="nothing was observed"):
        histogram_percentile([(0.01, 0.0)], 0.99)


def test_an_answer_is_measured_by_its_length() -> None:
    """Status, start and end of the body; ``None`` until its end is known. It has a length, or chunks, or is refused."""
    answer = b"HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 5\r\nx: y\r\n\r\nhello"
    assert response_size(answer) == (200, len(answer) - 5, len(answer))
    assert response_size(answer[:20]) is None
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    whole = chunked + b"5\r\nhello\r\n0\r\n\r\n"
    assert response_size(chunked) is None
    assert response_size(whole) == (200, len(chunked), len(whole))
    with pytest.raises(Unavailable):
        response_size(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")


@given(payloads=st.lists(st.integers(0, 70_000), max_size=5), cut=st.integers(1, 999))
def test_frames_are_read_however_they_are_cut(payloads: list[int], cut: int) -> None:
    """Every length form, in pieces of any size, comes out whole and in order."""
    stream = b"".join(_server_frame(bytes([number % 251]) * size) for number, size in enumerate(payloads))
    data, seen = bytearray(), []
    for start in range(0, len(stream), cut * 97):
        data += stream[start : start + cut * 97]
        seen += [len(payload) for opcode, payload in decode_frames(data) if opcode == TEXT]
    assert seen == payloads
    assert not data


def test_a_client_frame_has_the_length_that_it_says() -> None:
    """Masked as a client's must be. Source: RFC 6455, 5.2."""
    for size, head in ((5, 6), (126, 8), (70_000, 14)):
        frame = encode_frame(b"x" * size, CLOSE)
        assert len(frame) == head + size
        assert frame[0] == 0x88
        assert frame[1] & 0x80


async def test_a_conversation_counts_acknowledged_answers_only() -> None:
    """Message, acknowledgement, answer, next message; an answer without its acknowledgement fails the run."""
    tally = Tally(bot_name="bench", ends_at=float("inf"))
    conversation, sent = _conversation(tally)
    conversation.received(b'{"type":"welcome"}')
    assert conversation.ready.done()
    conversation.say()
    message = sent()[-1]
    conversation.received(orjson.dumps({"type": "ack", "status": "stored", **_id_of(message)}))
    conversation.received(b'{"type":"bot_typing","is_typing":true}')
    conversation.received(b'{"type":"message","data":{"role":"bot"}}')
    assert (len(tally.acks_s), len(tally.answers_s)) == (1, 1)
    assert sent()[-1]["data"]["client_msg_id"] != message["data"]["client_msg_id"]
    conversation.received(b'{"type":"message","data":{"role":"bot"}}')
    assert isinstance(conversation.done.exception(), Unavailable)
    assert len(tally.answers_s) == 1


async def test_a_base_server_is_not_asked_for_acknowledgements() -> None:
    """One that answers hello with an error speaks the specification's protocol."""
    tally = Tally(bot_name="bench", ends_at=0.0)
    conversation, _ = _conversation(tally)
    conversation.received(b'{"type":"error","message":"not known"}')
    assert conversation.ready.done()
    conversation.say()
    conversation.received(b'{"type":"message","data":{"content":"hi"}}')
    assert conversation.done.done()
    assert (len(tally.acks_s), len(tally.answers_s)) == (0, 1)


@pytest.mark.parametrize("frame", [{"type": "error", "message": "no"}, {"type": "failed"}])
async def test_a_message_that_fails_fails_the_run(frame: dict[str, Any]) -> None:
    """A refusal is quick, and no answer."""
    conversation, _ = _conversation(Tally(bot_name="bench"))
    conversation.received(b'{"type":"welcome"}')
    conversation.say()
    conversation.received(orjson.dumps(frame))
    assert isinstance(conversation.done.exception(), Unavailable)


def test_a_report_judges_what_has_a_target_and_a_value() -> None:
    """From below, from above, without a target, without a value."""
    rows = [
        Row(scenario="a", name="fast enough", value=0.4, unit="x", target=at_least(0.35)),
        Row(scenario="a", name="too slow", value=4.0, unit="ms", target=at_most(3)),
        Row(scenario="a", name="for comparison", value=1234.5, unit="answers/s"),
        Row(scenario="b", name="absent", value=None, unit="x", target=at_least(1.7), note="not measured: no nginx"),
    ]
    report = Report(seconds=1.0, is_quick=True, rows=rows)
    assert [row.is_met for row in rows] == [True, False, None, None]
    assert report.as_table()[-1] == "1 of 2 targets met, 1 not measured."
    told = orjson.loads(report.as_json())
    assert [row["target"] for row in told["rows"]] == [">= 0.35", "<= 3", None, ">= 1.7"]
    assert told["machine"]["cores"] >= 1


class Wire(asyncio.Transport):
    """Keeps what a client writes."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.frames.append(bytes(data))


def _conversation(tally: Tally) -> tuple[Conversation, Any]:
    """A conversation on a wire that goes nowhere, and what it has said so far."""
    wire = Wire()
    conversation = Conversation("/ws/token", tally, number=1)
    conversation.connection_made(wire)
    return conversation, lambda: [orjson.loads(frame[frame.index(b"{") :]) for frame in wire.frames[1:]]


def _id_of(message: dict[str, Any]) -> dict[str, str]:
    return {"client_msg_id": message["data"]["client_msg_id"]}


def _server_frame(payload: bytes) -> bytes:
    """As a server sends it: unmasked."""
    masked = encode_frame(payload)
    head = masked[: len(masked) - len(payload) - 4]
    return bytes([head[0], head[1] & 0x7F]) + head[2:] + payload
