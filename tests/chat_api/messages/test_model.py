"""Any sequence of deeds, deaths and lost sockets leaves what the model says: history, overview and stream."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from chat_api.core.errors import AppError, Conflict, InvalidInput, NotFound
from chat_api.messages.schemas import Message, StreamEvent
from chat_api.service_registry import Services
from models import MessageStatus
from tests.chat_api.messages.model import OPEN_AGAIN, Event, HistoryLine, Line, Model, Said
from tests.chat_api.messages.stage import ANSWERS, FAILS, HANGS, Stage, Tab, stage
from tests.support.api import MakeSettings
from tests.support.eventually import eventually

MAX_PENDING = 4
NUMBER = st.integers(0, 1_000_000)
PROCESS = st.integers(0, 1)
EMOJI = st.sampled_from("👍🎉")
users = itertools.count()


class Messages(RuleBasedStateMachine):
    """One user at two processes."""

    stage: Stage
    do: Callable[[Coroutine[Any, Any, Any]], Any]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.number = 0
        self.kill_count = 0
        token = self.do(self.services(0).auth.login(f"user{next(users)}")).token
        self.principal = self.do(self.services(0).auth.authenticate(token))
        self.tab = Tab(token)
        self.do(self.tab.open(self.stage.processes[0]))

    def teardown(self) -> None:
        """See that everything is as it should be, and leave nothing running."""
        try:
            self.look()
        finally:
            for said in self.pending():
                self.do(self.services(said.home).messages.stop(self.principal, said.question.line_id))
            self.do(self.tab.drop())

    # Messages

    @rule(where=PROCESS, bot_name=st.sampled_from([ANSWERS, ANSWERS, HANGS, FAILS]), has_key=st.booleans())
    def send(self, where: int, bot_name: str, has_key: bool) -> None:
        """A message by a service's door."""
        if bot_name == HANGS and len(self.pending()) >= MAX_PENDING:
            return
        key, content = self.next_key() if has_key else None, f"text {self.number}"
        submission = self.do(
            self.services(where).messages.submit(self.principal, bot_name=bot_name, content=content, client_msg_id=key)
        )
        assert not submission.is_duplicate
        self.sent(bot_name, submission.exchange.message_id, key=key, content=content, where=where)

    @precondition(lambda self: self.tab.is_open)
    @rule()
    def send_by_tab(self) -> None:
        """A message over the WebSocket; the acknowledgement is its place in the stream."""
        key, content = self.next_key(), f"text {self.number}"
        data = {"bot_name": ANSWERS, "content": content, "client_msg_id": key}
        self.do(self.tab.say({"type": "message", "data": data}))
        slot = len(self.model.events)
        self.do(eventually(lambda: len(self.tab.events) > slot))
        kind, message_id = self.tab.events[slot]
        assert (kind, type(message_id)) == ("message", UUID)
        assert isinstance(message_id, UUID)
        self.sent(ANSWERS, message_id, key=key, content=content, where=0)

    @precondition(lambda self: any(said.key for said in self.model.said))
    @rule(where=PROCESS, number=NUMBER, is_same=st.booleans())
    def send_again(self, where: int, number: int, is_same: bool) -> None:
        """The same key: the same message, or a refusal when it says something else."""
        keyed = [said for said in self.model.said if said.key]
        said = keyed[number % len(keyed)]
        content = said.original if is_same else "something else"
        again = self.services(where).messages.submit(
            self.principal, bot_name=said.bot_name, content=content, client_msg_id=said.key
        )
        if is_same:
            submission = self.do(again)
            assert submission.is_duplicate
            assert submission.exchange.message_id == said.question.line_id
        else:
            self.refused(again, InvalidInput)
        self.finalize()

    @precondition(lambda self: self.pending())
    @rule(where=PROCESS, number=NUMBER)
    def stop(self, where: int, number: int) -> None:
        """The bot has said nothing yet: it ends as stopped, whichever process runs it."""
        pending = self.pending()
        said = pending[number % len(pending)]
        self.do(self.services(where).messages.stop(self.principal, said.question.line_id))
        self.model.failed(said, "stopped")
        self.finalize()

    @precondition(lambda self: self.model.said)
    @rule(where=PROCESS, number=NUMBER)
    def retry(self, where: int, number: int) -> None:
        """What failed is asked again, what did not stays as it is."""
        said = self.model.said[number % len(self.model.said)]
        is_open = said.status in OPEN_AGAIN
        if said.question.is_deleted or (said.bot_name == HANGS and is_open and len(self.pending()) >= MAX_PENDING):
            return
        exchange = self.do(self.services(where).messages.retry(self.principal, said.question.line_id))
        assert exchange.message_id == said.question.line_id
        if is_open:
            self.model.retried(said, home=where)
            self.ended(said)
        self.finalize()

    # Changes

    @precondition(lambda self: self.model.said)
    @rule(where=PROCESS, number=NUMBER, is_stale=st.booleans())
    def edit(self, where: int, number: int, is_stale: bool) -> None:
        """The version that one has read, or an older one."""
        said = self.model.said[number % len(self.model.said)]
        content = f"edited {self.next_key()}"
        edit = self.services(where).changes.edit(
            self.principal, said.question.line_id, content=content, version=said.version - is_stale
        )
        if said.question.is_deleted:
            self.refused(edit, NotFound)
        elif is_stale:
            assert self.refused(edit, Conflict).extra == {"current_version": said.version}
        else:
            self.do(edit)
            self.model.edit(said, content)
        self.finalize()

    @precondition(lambda self: self.model.said)
    @rule(where=PROCESS, number=NUMBER)
    def delete(self, where: int, number: int) -> None:
        """A message that is not being answered, or an answer."""
        said, line = self.line(number)
        delete = self.services(where).changes.delete(self.principal, line.line_id)
        if line.is_deleted:
            self.refused(delete, NotFound)
        elif line is said.question and said.status is MessageStatus.PENDING:
            self.refused(delete, Conflict)
        else:
            self.do(delete)
            self.model.delete(line)
        self.finalize()

    @precondition(lambda self: self.model.said)
    @rule(where=PROCESS, number=NUMBER, emoji=EMOJI, is_added=st.booleans())
    def react(self, where: int, number: int, emoji: str, is_added: bool) -> None:
        """An emoji on a message or answer; twice is once."""
        _, line = self.line(number)
        changes = self.services(where).changes
        reaction = (changes.react if is_added else changes.unreact)(self.principal, line.line_id, emoji)
        if line.is_deleted:
            self.refused(reaction, NotFound)
        else:
            self.do(reaction)
            self.model.react(line, emoji, is_added=is_added)
        self.finalize()

    @rule(where=PROCESS, bot_name=st.sampled_from([ANSWERS, HANGS]), up_to=st.integers(0, 60))
    def mark_read(self, where: int, bot_name: str, up_to: int) -> None:
        """Any place, also one that is not there yet."""
        self.do(self.services(where).changes.mark_read(self.principal, bot_name, up_to=up_to))
        self.model.mark_read(bot_name, up_to)
        self.finalize()

    # Faults

    @precondition(lambda self: self.tab.is_open)
    @rule()
    def drop_socket(self) -> None:
        """The tab loses its connection."""
        self.do(self.tab.drop())

    @precondition(lambda self: not self.tab.is_open)
    @rule(where=PROCESS)
    def resume(self, where: int) -> None:
        """The tab comes back, to either process."""
        self.do(self.tab.open(self.stage.processes[where]))

    @precondition(lambda self: self.pending() and not self.kill_count)
    @rule(where=PROCESS)
    def kill(self, where: int) -> None:
        """A process dies with what it runs; the other one marks that."""
        self.kill_count += 1
        self.do(self.tab.drop())
        self.do(self.stage.kill(where))
        self.model.killed(where)
        self.finalize()

    @rule()
    def look(self) -> None:
        """History, overview, and the whole stream again."""
        self.finalize()
        messages, feeds = self.services(0).messages, self.services(0).feeds
        for bot_name in (ANSWERS, HANGS, FAILS):
            page = self.do(messages.history(self.principal, bot_name, limit=200))
            assert [history_line(line) for line in page.messages] == self.model.history(bot_name)
        overview = [
            (one.bot_name, one.last_message.message_id, one.exchange_count, one.unread_count, one.read_up_to)
            for one in self.do(messages.conversations(self.principal))
        ]
        assert overview == self.model.overview()
        if self.model.events:
            events = self.do(feeds.replay(self.principal.user_id, after=0, up_to=len(self.model.events)))
            assert [stream_event(event) for event in events] == self.model.events
        if self.tab.is_open:
            self.do(eventually(lambda: len(self.tab.events) >= len(self.model.events)))
            assert self.tab.events == [event[:2] if event[0] == "edited" else event for event in self.model.events]

    # Inside

    def services(self, where: int) -> Services:
        """Those of one of the processes."""
        return self.stage.processes[where].services

    def finalize(self) -> None:
        """Nothing more and nothing less happened in the stream."""
        self.do(self.stage.finalize(self.principal.user_id, len(self.model.events)))

    def next_key(self) -> str:
        """Another one each time."""
        self.number += 1
        return f"key {self.number}"

    def pending(self) -> list[Said]:
        """What a bot hangs at."""
        return [said for said in self.model.said if said.status is MessageStatus.PENDING]

    def line(self, number: int) -> tuple[Said, Line]:
        """Any line that there is."""
        lines = [(said, line) for said in self.model.said for line in said.lines]
        return lines[number % len(lines)]

    def sent(self, bot_name: str, message_id: UUID, *, key: str | None, content: str, where: int) -> None:
        """A new message is stored; unless the bot hangs, wait for what becomes of it."""
        said = self.model.send(bot_name, message_id, key=key, content=content, home=where)
        self.ended(said)
        self.finalize()

    def ended(self, said: Said) -> None:
        """Wait for the end of a run, unless the bot hangs."""
        if said.bot_name == HANGS:
            return
        slot = len(self.model.events) + 1
        self.do(self.stage.finalize(self.principal.user_id, slot))
        (event,) = self.do(self.services(0).feeds.replay(self.principal.user_id, after=slot - 1, up_to=slot))
        exchange = event.exchange
        if said.bot_name == ANSWERS:
            assert exchange.response
            self.model.answered(said, exchange.response_id, exchange.response)
        else:
            # Its breaker opens after a while: then it is not even asked.
            assert exchange.error_code in {"bot_failed", "bot_unavailable"}
            self.model.failed(said, exchange.error_code)

    def refused(self, deed: Coroutine[Any, Any, Any], kind: type[AppError]) -> AppError:
        """It must not be done."""
        with pytest.raises(kind) as refusal:
            self.do(deed)
        return refusal.value


def history_line(line: Message) -> HistoryLine:
    """A line as the model has it."""
    return (line.role, line.message_id, line.content, line.seq, line.status, line.version, line.reactions)


def stream_event(event: StreamEvent) -> Event:
    """An event as the model has it."""
    payload = event.payload
    message_id = event.exchange.message_id if event.exchange else None
    match event.kind:
        case "failed":
            return ("failed", message_id, payload["code"])
        case "edited":
            return ("edited", message_id, payload["version"])
        case "deleted":
            return ("deleted", UUID(str(payload["message_id"])))
        case "reaction":
            return ("reaction", UUID(str(payload["message_id"])), payload["emoji"], payload["action"])
        case "read":
            return ("read", payload["bot_name"], payload["up_to"])
        case kind:
            return (str(kind), message_id)


def test_messages_are_what_the_model_says(
    make_settings: MakeSettings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same sequences in every run: a failure can be repeated."""
    monkeypatch.setattr("chat_api.lifespan.DRAIN_S", 0.2)
    with asyncio.Runner() as runner:
        on_stage = stage(make_settings, database_url)
        Messages.stage = runner.run(on_stage.__aenter__())
        Messages.do = staticmethod(runner.run)
        try:
            run_state_machine_as_test(
                Messages,
                settings=settings(
                    max_examples=60,
                    stateful_step_count=30,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(on_stage.__aexit__(None, None, None))
