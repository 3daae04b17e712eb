"""What the chat page costs and tells, without a browser."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from nicegui import Client

from chat_api.fleet.service import PublicBot
from chat_api.messages.schemas import Exchange, MessageRole
from console.pages.chat import roster_feed
from console.pages.chat.data import lines_of, message_data
from console.pages.chat.thread import _request
from models import FinishReason, MessageStatus
from tests.support.console_app import RunningConsole

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXCHANGE = Exchange(
    message_id=uuid4(),
    user_id="weu_1",
    bot_name="elena",
    content="**Hello** <b>Elena</b>",
    message_type="text",
    status=MessageStatus.ANSWERED,
    seq=1,
    run_seq=1,
    timestamp=AT,
    client_msg_id="c1",
    response="Hello `you`.",
    response_id=uuid4(),
    response_seq=2,
    answered_at=AT,
)
ELENA = PublicBot(name="elena", display_name="Elena", description="", emoji="", status="online")


async def test_a_stranger_gets_a_form_and_costs_no_page(console_app: RunningConsole) -> None:
    """Without a session there is plain HTML, and NiceGUI builds nothing."""
    before = set(Client.instances)
    async with console_app.client() as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert '<form method="post"' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert set(Client.instances) == before


async def test_a_page_is_one_component_whatever_was_said(console_app: RunningConsole) -> None:
    """A page with a history has as many elements as one without: messages live in the browser."""
    async with console_app.client() as browser:
        await browser.post("/api/login", json={"username": "erin"})
        empty = await _elements_of_a_new_page(browser)
        for number in range(3):
            sent = await browser.post("/api/chat", json={"bot_name": "elena", "content": f"message {number}"})
            assert sent.status_code == 200, sent.text
        assert await _elements_of_a_new_page(browser) == empty
    assert empty < 15


async def test_an_exchange_is_told_as_its_two_messages() -> None:
    """The question and the answer: sanitised HTML, a plain excerpt, times in seconds, places in the stream."""
    question, answer = await message_data(lines_of(EXCHANGE))
    assert question == {
        "id": str(EXCHANGE.message_id),
        "client_id": "c1",
        "reply_to": None,
        "role": MessageRole.USER,
        "text": "**Hello** <b>Elena</b>",
        "html": "<p><strong>Hello</strong> &lt;b&gt;Elena&lt;/b&gt;</p>",
        "excerpt": "Hello <b>Elena</b>",
        "at": AT.timestamp(),
        "seq": 1,
        "status": "answered",
        "code": None,
        "error": "",
        "version": 1,
        "edited_at": None,
        "reactions": (),
        "ending": "",
    }
    assert (answer["role"], answer["seq"], answer["excerpt"]) == ("bot", 2, "Hello you.")
    assert answer["reply_to"] == question["id"]


async def test_only_an_answer_that_is_not_whole_says_how_it_ended() -> None:
    """Stopped and cut-off answers are marked; one that the bot ended itself is not."""
    for reason, ending in ((None, ""), (FinishReason.STOP, ""), (FinishReason.TRUNCATED, "truncated")):
        _, answer = await message_data(lines_of(replace(EXCHANGE, finish_reason=reason)))
        assert answer["ending"] == ending


def test_what_was_deleted_is_no_line() -> None:
    """The question and the answer go each for itself."""
    assert [line.role for line in lines_of(replace(EXCHANGE, is_deleted=True))] == [MessageRole.BOT]
    assert [line.role for line in lines_of(replace(EXCHANGE, is_response_deleted=True))] == [MessageRole.USER]
    assert lines_of(replace(EXCHANGE, is_deleted=True, is_response_deleted=True)) == ()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (MessageStatus.FAILED, "bot_timeout", "The bot took too long to answer."),
        (MessageStatus.FAILED, "a code of the future", "A part of the fleet didn't answer."),
        (MessageStatus.PENDING, None, ""),
    ],
)
async def test_a_failure_is_told_in_words(status: MessageStatus, code: str | None, error: str) -> None:
    """A stored code becomes its public message; what is under way is no failure."""
    exchange = Exchange(
        message_id=uuid4(),
        user_id="weu_1",
        bot_name="elena",
        content="Hello",
        message_type="text",
        status=status,
        seq=1,
        run_seq=1,
        timestamp=AT,
        error_code=code,
    )
    (question,) = await message_data(lines_of(exchange))
    assert question["error"] == error


def test_only_bots_that_changed_are_broadcast() -> None:
    """A change carries the bots that differ and the order of all; a bot that left is in no list."""
    marcus = PublicBot(name="marcus", display_name="Marcus", description="", emoji="", status="online")
    offline = PublicBot(name="elena", display_name="Elena", description="", emoji="", status="offline")
    changes = roster_feed._changes((ELENA, marcus), (offline, marcus))
    assert [(bot["name"], bot["status"]) for bot in changes["bots"]] == [("elena", "offline")]
    assert changes["names"] == ["elena", "marcus"]
    assert roster_feed._changes((ELENA, marcus), (ELENA,)) == {"bots": [], "names": ["elena"]}


@pytest.mark.parametrize(
    "args", [None, "x", 1, [], {}, {"bot": {"a": []}, "seq": True, "version": -1, "text": None}, {"seq": 2**70}]
)
def test_a_browser_may_send_anything(args: object) -> None:
    """What is not a request becomes one that no service accepts, never an exception."""
    request = _request(args)
    assert isinstance(request.bot_name, str)
    assert (request.seq, request.version) == (None, 0)


def test_what_a_browser_sends_is_bounded() -> None:
    """Long values are cut before anybody works with them."""
    request = _request({"bot": "b" * 10_000, "text": "t" * 1_000_000, "client_id": "c" * 10_000})
    assert (len(request.bot_name), len(request.text), len(request.client_msg_id)) == (200, 20_000, 200)


async def _elements_of_a_new_page(browser: httpx.AsyncClient) -> int:
    return len((await _new_page(browser)).elements)


async def _new_page(browser: httpx.AsyncClient) -> Client:
    before = set(Client.instances)
    answer = await browser.get("/")
    assert answer.status_code == 200
    (page,) = (client for name, client in Client.instances.items() if name not in before)
    return page
