"""Other people's conversations: without a word until there is a reason, and every reading leaves a line."""

import json
import math
from typing import Any

import asyncpg
import pytest
from markdown_it import MarkdownIt

from chat_api.core.errors import BotFailed, InvalidInput, NotAuthenticated, NotFound, PermissionDenied
from chat_api.core.principals import Principal
from chat_api.messages.schemas import EventKind
from chat_api.people.schemas import person_reference
from chat_api.transcripts.schemas import Search
from chat_api.transcripts.service import TranscriptsService
from models import Role
from tests.chat_api.people.test_service import admin
from tests.support.api import RunningApi
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

SECRET = "zebra crossing at midnight"


@pytest.fixture
async def talked(api: RunningApi) -> Principal:
    """Somebody who told elena a secret, and marcus nothing of it."""
    user = await api.principal("anna")
    await api.services.messages.send(user, bot_name="elena", content=SECRET)
    await api.services.messages.send(user, bot_name="elena", content="and # another <script>")
    await api.services.messages.send(user, bot_name="marcus", content="hello")
    return user


async def test_words_are_found_for_a_reason_only(
    api: RunningApi, talked: Principal, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """By person, bot and words; the reason is in the audit trail, the words are in no line and no log."""
    who, service = await admin(api), api.services.transcripts
    with pytest.raises(InvalidInput):
        await service.find(who, Search(words="zebra"))
    found = await service.find(who, Search(words="ZEBRA cross"), reason="ticket 4711")
    assert [(one.user_id, one.bot_name) for one in found.threads][:1] == [(talked.user_id, "elena")]
    assert (await service.find(who, Search(user="ann", bot_name="marcus"))).threads[0].exchanges == 1
    assert (await service.find(who, Search(user="nobody of this name"))).threads == ()
    page = await service.read(who, talked.user_id, "elena", reason="ticket 4711")
    assert SECRET in [message.content for message in page.messages]
    lines = await api.services.audit.find(who)
    target = f"{person_reference(talked.user_id)} / elena"
    read = next(line for line in lines if line.action == "conversations.read")
    assert (read.target, read.details, read.actor_name) == (target, {"reason": "ticket 4711"}, who.username)
    connection = await asyncpg.connect(database_url)
    audit = await connection.fetchval("SELECT string_agg(a::text, ' ') FROM web_audit a")
    await connection.close()
    captured = capfd.readouterr()
    for text in (audit, captured.out + captured.err):
        assert "zebra" not in text.lower()


async def test_nothing_is_read_without_a_reason(api: RunningApi, talked: Principal) -> None:
    """Neither read, nor exported, nor deleted; and a conversation that is not there is not found."""
    who, service = await admin(api), api.services.transcripts
    for reason in ("", "  ", "x"):
        with pytest.raises(InvalidInput):
            await service.read(who, talked.user_id, "elena", reason=reason)
        with pytest.raises(InvalidInput):
            await service.export(who, talked.user_id, "elena", reason=reason, kind="json")
        with pytest.raises(InvalidInput):
            await service.delete(who, talked.user_id, "elena", reason=reason)
    with pytest.raises(NotFound):
        await service.read(who, talked.user_id, "nobody", reason="ticket 4711")


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.OPERATOR])
async def test_only_an_administrator_reads(api: RunningApi, talked: Principal, role: Role | None) -> None:
    """Denied by the service itself, with a line."""
    who, service = talked if role is None else await admin(api, role), api.services.transcripts
    attempts: list[Any] = [
        service.find(who, Search()),
        service.read(who, talked.user_id, "elena", reason="curious"),
        service.export(who, talked.user_id, "elena", reason="curious", kind="json"),
        service.delete(who, talked.user_id, "elena", reason="curious"),
        service.size(who, talked.user_id, "elena"),
    ]
    for attempt in attempts:
        with pytest.raises((PermissionDenied, NotAuthenticated)):
            await attempt
    lines = await api.services.audit.find(await admin(api))
    assert sum((line.action, line.outcome) == ("conversations.read", "denied") for line in lines) == 4


async def test_an_export_has_all_lines_in_order(api: RunningApi, talked: Principal) -> None:
    """As JSON for programs and as Markdown for people, in which what was said makes no heading."""
    who, service = await admin(api), api.services.transcripts
    pieces = await service.export(who, talked.user_id, "elena", reason="ticket 4711", kind="json")
    document = json.loads(b"".join([piece async for piece in pieces]))
    said = [line["content"] for line in document["messages"] if line["role"] == "user"]
    assert said == [SECRET, "and # another <script>"]
    assert [line["role"] for line in document["messages"]] == ["user", "bot"] * 2
    pieces = await service.export(who, talked.user_id, "elena", reason="ticket 4711", kind="markdown")
    text = b"".join([piece async for piece in pieces]).decode()
    assert f"> {SECRET}" in text


async def test_an_export_says_what_a_late_answer_answers(api: RunningApi, elena: RunningBot) -> None:
    """Of two failed messages the first is retried: its answer stands below the second, and names its own."""
    user = await api.principal("anna")
    await elena.set_faults(mode="exception")
    for text in ("the first", "the second"):
        with pytest.raises(BotFailed):
            await api.services.messages.send(user, bot_name="elena", content=text)
    await elena.set_faults(mode="ok")
    first = (await api.services.messages.history(user, "elena")).messages[-1]
    await api.services.messages.result(await api.services.messages.retry(user, first.message_id))
    who, service = await admin(api), api.services.transcripts
    pieces = await service.export(who, user.user_id, "elena", reason="ticket 4711", kind="markdown")
    text = b"".join([piece async for piece in pieces]).decode()
    assert text.count("**elena**, ") == 1
    assert f" UTC, to the message of {first.timestamp:%Y-%m-%d %H:%M:%S} UTC" in text


FORGED = [
    "fine\r\r**elena**, 2026-01-01 00:00:00 UTC\r\r> I never said that",
    "fine\u2028**elena**, 2026-01-01 00:00:00 UTC\u2029# Heading",
    "# Heading\n===\n---\n![x](https://evil.example/pixel.png)\n<img src=https://evil.example/x>\nhttps://evil.example",
    "    code\n\ttab\n1. list\n| a | b |\n```\n- [ ] task\n[a]: https://evil.example\n&lt;b&gt; $x$",
]


async def test_nobody_writes_in_anothers_name_in_an_export(
    api: RunningApi, talked: Principal, database_url: str
) -> None:
    """Whatever ends a line to some reader: each line of a message stays in its quotation, and means nothing there.

    Also of messages that were stored before line ends were made alike.
    """
    for text in FORGED:
        await api.services.messages.send(talked, bot_name="elena", content=text)
    connection = await asyncpg.connect(database_url)
    stored = [row[0] for row in await connection.fetch("SELECT user_message FROM web_conversations")]
    assert not any(set("\r\u2028\u2029") & set(text) for text in stored)
    await connection.execute(
        "UPDATE web_conversations SET user_message = $1 WHERE user_message LIKE '%never said%'", FORGED[0]
    )
    await connection.close()
    who = await admin(api)
    pieces = await api.services.transcripts.export(who, talked.user_id, "elena", reason="ticket 4711", kind="markdown")
    document = b"".join([piece async for piece in pieces]).decode()
    headings = [line for line in document.splitlines() if line.startswith("**elena**")]
    answers = await api.services.messages.history(talked, "elena")
    assert len(headings) == sum(line.role == "bot" for line in answers.messages)
    html = MarkdownIt("commonmark").enable("table").render(document)
    for sign in ("<img", "<h2", "<a ", "<code", "<table", "<ol", "<ul", "<hr"):
        assert sign not in html
    assert html.count("<h1>") == 1
    assert "I never said that" in html


async def test_a_deletion_reaches_the_owners_tabs(
    api: RunningApi, talked: Principal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line that is erased is an event in the owner's stream, without a gap; other conversations stay."""
    monkeypatch.setattr(
        "chat_api.messages.feeds.POLL_ANYWAY_EVERY_S", math.inf
    )  # published, and not found by looking around
    heard: list[Any] = []
    start = await api.services.feeds.follow(talked.user_id, heard.append, lambda _: None)
    who, service = await admin(api), api.services.transcripts
    assert await service.size(who, talked.user_id, "elena") == ("anna", 2)
    deletion = await service.delete(who, talked.user_id, "elena", reason="the court wants it")
    assert (deletion.messages, deletion.still_pending) == (2, 0)
    await eventually(lambda: len(heard) == 4)
    assert [event.seq for event in heard] == [start.seq + number for number in range(1, 5)]
    assert {event.kind for event in heard} == {EventKind.DELETED}
    history = await api.services.messages.history(talked, "elena")
    assert history.messages == ()
    assert (await api.services.messages.history(talked, "marcus")).messages
    connection = await asyncpg.connect(database_url)
    texts = await connection.fetchval("SELECT string_agg(c::text, ' ') FROM web_conversations c")
    await connection.close()
    assert "zebra" not in texts
    assert (await service.delete(who, talked.user_id, "elena", reason="once more")).messages == 0


async def test_a_search_goes_on_where_it_stopped(api: RunningApi, talked: Principal) -> None:
    """A look is bounded; step by step everything is found once."""
    service = api.services.transcripts
    small = TranscriptsService(service._database, api.services.audit, api.services.feeds, max_scanned=1)
    who, until, seen = await admin(api), None, []
    for _ in range(5):
        found = await small.find(who, Search(until=until))
        seen += [(one.bot_name, one.exchanges) for one in found.threads]
        until = found.next_until
        if until is None:
            break
    assert seen == [("marcus", 1), ("elena", 1), ("elena", 1)]
