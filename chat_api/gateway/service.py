"""Bots as models: what a client asks is said to the bot through the same core as everything else, and kept."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chat_api.core.errors import InvalidInput, NotFound, OutOfScope, UnknownModel
from chat_api.core.ids import new_id
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from chat_api.core.text import cleaned, with_plain_line_ends
from chat_api.fleet.identity import BotIdentities
from chat_api.fleet.registry import BotRegistry
from chat_api.gateway.background import is_background, shortened
from chat_api.gateway.schemas import Ending, FinishReason, Model, Question
from chat_api.gateway.speakers import Speakers
from chat_api.keys.access import KeyAccess
from chat_api.messages.feeds import Feeds
from chat_api.messages.runs import MAX_ANSWER_CHARS
from chat_api.messages.schemas import DeltaEvent, Exchange, LiveEvent, Origin, StreamEvent
from chat_api.messages.service import MAX_MESSAGE_CHARS, MessagesService
from chat_api.settings.feature_flags import FeatureFlags
from models import FinishReason as Stored
from models import MessageSource

PING_EVERY_S = 10.0
# While an answer comes, its key is looked at again: what is revoked gets no more of it.
CHECK_EVERY_S = 0.5


@dataclass(slots=True, eq=False)
class Talk:
    """A question that is being answered. ``answer_id`` names what comes of it."""

    model: str
    question: Question
    answer_id: UUID
    created: int
    answer: "asyncio.Task[Ending]"
    pieces: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, piece: str) -> None:
        """Take a piece of the answer."""
        self.pieces.append(piece)
        self.news.set()

    def close(self) -> None:
        """Wait no longer. What was stored is answered all the same; what was not, nobody needs any more."""
        self.answer.cancel()


class GatewayService:
    """Lists bots, and has them answer."""

    def __init__(
        self,
        messages: MessagesService,
        feeds: Feeds,
        registry: BotRegistry,
        identities: BotIdentities,
        speakers: Speakers,
        keys: KeyAccess,
        *,
        feature_flags: FeatureFlags | None = None,
        ping_every_s: float = PING_EVERY_S,
    ) -> None:
        self._messages = messages
        self._feeds = feeds
        self._registry = registry
        self._identities = identities
        self._speakers = speakers
        self._keys = keys
        self._feature_flags = feature_flags or FeatureFlags()
        self.ping_every_s = ping_every_s
        self._running: set[asyncio.Task[Ending]] = set()

    def models(self, principal: Principal) -> tuple[Model, ...]:
        """The bots that a key is for, by name. Raises: OutOfScope."""
        _require_chat(principal)
        return tuple(self._model(bot.name) for bot in self._registry.all() if principal.may_talk_with(bot.name))

    def model(self, principal: Principal, name: str) -> Model:
        """One of them, in any case and with any separators. Raises: UnknownModel, OutOfScope."""
        _require_chat(principal)
        try:
            bot = self._registry.get(name)
        except NotFound:
            raise UnknownModel from None
        if not principal.may_talk_with(bot.name):
            raise UnknownModel
        return self._model(bot.name)

    async def begin(self, principal: Principal, question: Question, *, idempotency_key: str | None = None) -> Talk:
        """Have a question answered. It is stored, unless it is one that a client asks for itself.

        Raises: UnknownModel, InvalidInput, RateLimited, BudgetSpent, Maintenance, PermissionDenied,
        DatabaseUnavailable, ShuttingDown: nothing was stored.
        """
        model = self.model(principal, question.model)
        assert principal.key is not None
        if is_background(question, principal.key):
            return await self._aside(principal, model, question)
        if len(question.text) > MAX_MESSAGE_CHARS:
            raise InvalidInput(_("at most {count} characters", count=MAX_MESSAGE_CHARS), field=question.field)
        speaker = await self._speakers.of(principal, question.user)
        return await self._said(speaker, model, question, idempotency_key)

    async def pieces(self, principal: Principal, talk: Talk) -> AsyncIterator[str | None]:
        """The answer as it comes, and ``None`` whenever nothing came for a while. Await ``talk.answer`` for its end.

        Raises: NotAuthenticated when the key has ended meanwhile.
        """
        loop = asyncio.get_running_loop()
        told = 0
        pinged_s = checked_s = loop.time()
        talk.answer.add_done_callback(lambda _: talk.news.set())
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(CHECK_EVERY_S, self.ping_every_s)):
                    await talk.news.wait()
            talk.news.clear()
            if loop.time() - checked_s >= CHECK_EVERY_S:
                await self._keys.require_live(principal)
                checked_s = loop.time()
            fresh, told = "".join(talk.pieces[told:]), len(talk.pieces)
            if fresh:
                pinged_s = loop.time()
                yield fresh
            elif talk.answer.done():
                return
            elif loop.time() - pinged_s >= self.ping_every_s:
                pinged_s = loop.time()
                yield None

    async def _said(self, speaker: Principal, model: Model, question: Question, idempotency_key: str | None) -> Talk:
        """Said by a person: stored, answered in order, and heard in all their tabs."""
        key_id = speaker.key.key_id if speaker.key else None
        came_by = Origin(source=MessageSource.GATEWAY, key_id=key_id, conversation=question.conversation)
        early: list[DeltaEvent] = []
        talks: list[Talk] = []

        def on_event(_: StreamEvent) -> None:
            """The end is awaited, not heard."""

        def on_live(event: LiveEvent) -> None:
            if not isinstance(event, DeltaEvent):
                return
            if not talks:
                early.append(event)
            elif event.reply_to == talks[0].answer_id:
                talks[0].hear(event.text)

        if question.is_streamed:
            await self._feeds.follow(speaker.user_id, on_event, on_live)
        try:
            submission = await self._messages.submit(
                speaker,
                bot_name=model.name,
                content=question.text,
                client_msg_id=idempotency_key,
                came_by=came_by,
            )
        except BaseException as error:
            self._feeds.unfollow(speaker.user_id, on_event)
            if isinstance(error, InvalidInput) and error.field == "content":
                raise InvalidInput(error.reason, field=question.field) from error
            raise
        exchange = submission.exchange
        answer = self._owned(self._ending(exchange))
        answer.add_done_callback(lambda _: self._feeds.unfollow(speaker.user_id, on_event))
        talk = Talk(
            model=model.name,
            question=question,
            answer_id=exchange.message_id,
            created=int(exchange.timestamp.timestamp()),
            answer=answer,
        )
        talks.append(talk)
        for event in early:
            on_live(event)
        return talk

    async def _ending(self, exchange: Exchange) -> Ending:
        finished = await self._messages.result(exchange)
        is_whole = finished.finish_reason in {None, Stored.STOP, Stored.SILENT}
        return Ending(text=finished.response, reason=FinishReason.STOP if is_whole else FinishReason.LENGTH)

    async def _aside(self, principal: Principal, model: Model, question: Question) -> Talk:
        """Asked by a client for itself: as nobody whom the bot knows or will ever meet again, and not stored."""
        self._feature_flags.require_open()
        await self._keys.spend(principal)
        text = cleaned(with_plain_line_ends(question.text), max_chars=len(question.text))
        talks: list[Talk] = []

        async def ask() -> Ending:
            answer = await self._identities.send(
                model.name,
                user_id=f"gateway_{secrets.token_hex(8)}",
                message=shortened(text, max_chars=MAX_MESSAGE_CHARS),
                on_delta=lambda piece: talks[0].hear(piece) if question.is_streamed else None,
                is_counted=False,
            )
            said = cleaned(with_plain_line_ends(answer.text), max_chars=MAX_ANSWER_CHARS)
            return Ending(text=said, reason=FinishReason.LENGTH if answer.is_truncated else FinishReason.STOP)

        talks.append(
            Talk(
                model=model.name,
                question=question,
                answer_id=new_id(),
                created=int(time.time()),
                answer=self._owned(ask()),
            )
        )
        return talks[0]

    def _owned(self, answering: Coroutine[Any, Any, Ending]) -> "asyncio.Task[Ending]":
        """A task that is kept until it ends, and whose failure is its reader's to tell of, if there is one."""
        task = asyncio.create_task(answering)
        self._running.add(task)

        def ended(task: "asyncio.Task[Ending]") -> None:
            self._running.discard(task)
            if not task.cancelled():
                task.exception()

        task.add_done_callback(ended)
        return task

    def _model(self, name: str) -> Model:
        first_seen = self._registry.first_seen(name)
        return Model(name=name, created=int(first_seen.timestamp()) if first_seen else 0)


def _require_chat(principal: Principal) -> None:
    """An administrator chats with bots by a key alone, as a person of the key's: the scope is what counts."""
    if principal.key is None or not principal.key.allows(Permission.CHAT):
        raise OutOfScope
