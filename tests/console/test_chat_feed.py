"""What open chat pages are told of their person's stream, over NiceGUI's real socket."""

from uuid import UUID, uuid4

from chat_api.core.language import ENGLISH
from chat_api.core.principals import Principal
from chat_api.messages.schemas import DeltaEvent, TypingEvent
from console.live.open_pages import SESSION_ENDED
from console.pages.chat.feed import MAX_EVENTS_WAITING, chat_feed
from tests.support.chat_page import connect_chat, opened_chat
from tests.support.console_app import RunningConsole
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


async def _person(console: RunningConsole, name: str = "alice") -> tuple[str, Principal]:
    token = await console.login(name)
    return token, await console.services.auth.authenticate(token)


async def _talk(console: RunningConsole, person: Principal, text: str = "Hello.") -> tuple[str, str]:
    """The ids of a message and of its answer."""
    exchange = await console.services.messages.send(person, bot_name="elena", content=text)
    return str(exchange.message_id), str(exchange.response_id)


async def test_everything_that_happens_is_told_once_and_in_order(console_app: RunningConsole) -> None:
    """Each change of the stream is one numbered event with what it changes, the same for every page of the person."""
    token, person = await _person(console_app)
    changes = console_app.services.changes
    async with opened_chat(console_app, token) as one, opened_chat(console_app, token) as other:
        message_id, answer_id = await _talk(console_app, person, "I need *coral*.")
        await changes.edit(person, UUID(message_id), content="I need **reefs**.", version=1)
        await changes.react(person, UUID(answer_id), "👍")
        await changes.unreact(person, UUID(answer_id), "👍")
        await changes.mark_read(person, "elena", up_to=2)
        await changes.delete(person, UUID(message_id))
        await eventually(lambda: one.told("deleted") and other.told("deleted"))
    assert [event["kind"] for event in one.events] == [
        "message", "answer", "edited", "reaction", "reaction", "read", "deleted",
    ]  # fmt: skip
    assert [event["seq"] for event in one.events] == list(range(1, 8))
    assert one.events == other.events
    message, answer, edited, added, removed, read, deleted = one.events
    (question,), (said,) = message["lines"], answer["lines"]
    assert (question["id"], question["html"], question["status"]) == (
        message_id,
        "<p>I need <em>coral</em>.</p>",
        "pending",
    )
    assert (said["id"], said["role"]) == (answer_id, "bot")
    assert answer["question"] == {"id": message_id, "status": "answered", "code": None, "error": ""}
    assert (edited["id"], edited["changes"]["version"]) == (message_id, 2)
    assert edited["changes"]["html"] == "<p>I need <strong>reefs</strong>.</p>"
    assert (added["id"], added["emoji"], added["is_added"], removed["is_added"]) == (answer_id, "👍", True, False)
    assert (read["bot"], read["up_to"]) == ("elena", 2)
    assert (deleted["bot"], deleted["id"]) == ("elena", message_id)


async def test_a_failure_and_its_retry_say_what_became_of_the_question(
    console_app: RunningConsole, elena: RunningBot
) -> None:
    """Neither repeats what was asked."""
    token, person = await _person(console_app)
    messages = console_app.services.messages
    await elena.set_faults(mode="exception")
    async with opened_chat(console_app, token) as page:
        submission = await messages.submit(person, bot_name="elena", content="Hello?")
        await eventually(lambda: page.told("failed"))
        await elena.set_faults(mode="ok")
        await messages.retry(person, submission.exchange.message_id)
        await eventually(lambda: page.told("answer"))
    (failed,), (retried,) = page.told("failed"), page.told("retried")
    assert failed["question"]["error"] == "The bot couldn't answer this message."
    assert retried["question"]["status"] == "pending"
    assert "lines" not in failed


async def test_pieces_of_an_answer_are_told_as_they_are(console_app: RunningConsole) -> None:
    """A piece is one small event, and costs one frame at the most; that a bot is typing costs none."""
    token, person = await _person(console_app)
    live, pieces = console_app.services.feeds.publish_live, ["Cor", "al ", "🪸", "!"]
    message_id, reply_to = uuid4(), uuid4()
    async with opened_chat(console_app, token) as page:
        live(TypingEvent(user_id=person.user_id, bot_name="elena", is_typing=True))
        for number, piece in enumerate(pieces):
            offset = sum(map(len, pieces[:number]))
            live(
                DeltaEvent(
                    user_id=person.user_id,
                    bot_name="elena",
                    message_id=message_id,
                    reply_to=reply_to,
                    offset=offset,
                    text=piece,
                )
            )
        await eventually(lambda: len(page.events) == len(pieces))
    assert "".join(event["text"] for event in page.events) == "".join(pieces)
    assert page.events[-1] == {
        "kind": "delta",
        "bot": "elena",
        "id": str(message_id),
        "reply_to": str(reply_to),
        "offset": 7,
        "text": "!",
    }
    assert len(page.frames) <= len(pieces)


async def test_what_happens_before_a_page_connects_is_not_missed(console_app: RunningConsole) -> None:
    """A page is built with its place; on connecting it hears how far the stream is, and asks for the rest."""
    token, person = await _person(console_app)
    async with opened_chat(console_app, token, is_connected=False) as page:
        await _talk(console_app, person)
        # Told is what has been rendered, which takes a moment of its own.
        people = chat_feed(console_app.services.feeds)._people
        await eventually(lambda: people[person.user_id, ENGLISH].sent.seq == 2)
        await connect_chat(console_app, page, token)
        await eventually(lambda: page.told("position"))
        built_at = page.start["position"]
        assert page.told("position")[0]["seq"] == built_at["seq"] + 2
        await page.ask("missed", **built_at)
        await eventually(lambda: page.told("answer"))
    assert [event["seq"] for event in page.events[1:]] == [1, 2]


async def test_what_cannot_be_told_is_to_be_asked_anew(console_app: RunningConsole) -> None:
    """A place in another stream, or one too far back, is answered with where the stream stands now."""
    token, person = await _person(console_app)
    async with opened_chat(console_app, token) as page:
        await _talk(console_app, person)
        await page.ask("missed", epoch=str(uuid4()), seq=1)
        await eventually(lambda: page.told("resync"))
        (resync,) = page.told("resync")
        assert (resync["epoch"], resync["seq"]) == (page.start["position"]["epoch"], 2)
        await page.ask("missed", epoch=resync["epoch"], seq=7)
        await eventually(lambda: len(page.told("resync")) == 2)


async def test_pages_that_cannot_be_told_fast_enough_ask_anew(console_app: RunningConsole) -> None:
    """What waits for a person is bounded: beyond that their pages fetch anew instead of missing something."""
    token, person = await _person(console_app)
    feeds = console_app.services.feeds
    async with opened_chat(console_app, token) as page:
        for number in range(2 * MAX_EVENTS_WAITING):
            feeds.publish_live(
                DeltaEvent(
                    user_id=person.user_id,
                    bot_name="elena",
                    message_id=uuid4(),
                    reply_to=uuid4(),
                    offset=number,
                    text="x",
                )
            )
        await eventually(lambda: page.told("resync"))
    assert len(page.events) <= MAX_EVENTS_WAITING


async def test_messages_of_a_page_are_stored_in_the_order_of_their_coming(console_app: RunningConsole) -> None:
    """However many come at once: NiceGUI makes a task of each, and each asks the database for its session first."""
    token, person = await _person(console_app)
    texts = [f"message {number}" for number in range(15)]
    async with opened_chat(console_app, token) as page:
        for text in texts:
            await page.ask("send", bot="elena", text=text, client_id=text)
        await eventually(lambda: len(page.told("message")) == len(texts))
    history = await console_app.services.messages.history(person, "elena", limit=200)
    assert [line.content for line in reversed(history.messages) if line.reply_to is None] == texts


async def test_people_hear_nothing_of_each_other(console_app: RunningConsole) -> None:
    """A page is told its own person's stream alone."""
    alice, person = await _person(console_app)
    bob, _ = await _person(console_app, "bob")
    async with opened_chat(console_app, alice) as page, opened_chat(console_app, bob) as other:
        await _talk(console_app, person)
        await eventually(lambda: page.told("answer"))
        assert other.events == []


async def test_a_page_whose_session_ended_hears_nothing_more(console_app: RunningConsole) -> None:
    """It is sent to the sign-in, and left out of what other pages of the same person are told."""
    ending, person = await _person(console_app)
    async with console_app.client(token=ending) as client:
        staying = str((await client.post("/api/login", json={"username": "alice"})).json()["session_token"])
    assert (await console_app.services.auth.authenticate(staying)).user_id == person.user_id
    async with opened_chat(console_app, ending) as page, opened_chat(console_app, staying) as other:
        await console_app.services.auth.leave(ending)
        await eventually(lambda: SESSION_ENDED in page.scripts)
        await page.ask("open", bot="elena")
        await page.ask("missed", epoch=page.start["position"]["epoch"], seq=0)
        await _talk(console_app, await console_app.services.auth.authenticate(staying))
        await eventually(lambda: other.told("answer"))
        assert page.events == []
        assert page.called("showPage") == []


async def test_closed_pages_leave_the_stream(console_app: RunningConsole) -> None:
    """The stream of a person is followed while a page of theirs is open, and no longer."""
    token, person = await _person(console_app)
    feeds = console_app.services.feeds
    async with opened_chat(console_app, token) as one, opened_chat(console_app, token) as other:
        one.client.delete()
        assert feeds.position(person.user_id) is not None
        other.client.delete()
        assert feeds.position(person.user_id) is None
