"""The heart of the gateway: a message is stored, then acknowledged, then answered, and never lost or doubled."""

import hashlib
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from uuid import UUID

from chat_api.core.database import Database
from chat_api.core.errors import AppError, Conflict, Interrupted, InvalidInput, NotFound, ShuttingDown, error_of
from chat_api.core.group_commit import GroupCommit
from chat_api.core.ids import new_id
from chat_api.core.keyed_locks import KeyedLocks
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.core.rate_limits import RateLimits
from chat_api.core.text import check_text, with_plain_line_ends
from chat_api.fleet.registry import BotRegistry
from chat_api.keys.access import KeyAccess
from chat_api.messages import repository as conversations
from chat_api.messages import runs_repository as runs
from chat_api.messages import writes_repository as writes
from chat_api.messages.answers import AnswersService
from chat_api.messages.feeds import Feeds
from chat_api.messages.runs import Slot
from chat_api.messages.schemas import (
    Acceptance,
    ConversationSummary,
    EventKind,
    Exchange,
    MessagePage,
    NewMessage,
    Origin,
    StreamEvent,
    StreamPosition,
    Submission,
)
from chat_api.people.bot_users import BotUser, BotUsers
from chat_api.settings.feature_flags import FeatureFlags
from models import MessageSource, MessageStatus, MessageType

MAX_MESSAGE_CHARS = 4000  # Source: specification, POST /api/chat.
MAX_CLIENT_ID_CHARS = 100
MAX_PAGE = 200
RESTART_S = 5.0
_CUT_OFF = N_("The service is restarting. Your message is saved; you can retry it.")
_LAST = 2**62
_TYPES = frozenset(MessageType)


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A message waiting to be stored, with what is needed afterwards."""

    message: NewMessage
    slot: Slot
    bot_user: BotUser
    origin: str | None
    context: Context  # the request's context, for its log lines


class MessagesService:
    """Accepts messages, gets them answered, and reads conversations."""

    def __init__(
        self,
        database: Database,
        answers: AnswersService,
        registry: BotRegistry,
        limits: RateLimits,
        feeds: Feeds,
        bot_users: BotUsers,
        *,
        feature_flags: FeatureFlags | None = None,
        keys: KeyAccess | None = None,
    ) -> None:
        """``keys`` counts the messages of API keys; without it there are none."""
        self._database = database
        self._key_access = keys
        self._feature_flags = feature_flags or FeatureFlags()
        self._answers = answers
        self._registry = registry
        self._limits = limits
        self._bot_users = bot_users
        self._feeds = feeds
        self._keys = KeyedLocks()
        self._arrivals = KeyedLocks()
        self._writes: GroupCommit[_Entry, Exchange | None] = GroupCommit(
            self._store, on_failed=lambda entry: answers.release(entry.slot), name="messages"
        )

    # Sending

    async def send(
        self,
        principal: Principal,
        *,
        bot_name: str,
        content: str,
        client_msg_id: str | None = None,
        message_type: str = MessageType.TEXT,
        came_by: Origin | None = None,
    ) -> Exchange:
        """Submit a message and wait for its answer.

        Raises: what :meth:`submit` does; then BotFailed, BotUnavailable, BotBusy, BotTimeout, Stopped, Interrupted or
        ShuttingDown with the stored ``message_id`` in ``extra``.
        """
        submission = await self.submit(
            principal,
            bot_name=bot_name,
            content=content,
            client_msg_id=client_msg_id,
            message_type=message_type,
            came_by=came_by,
        )
        return await self.result(submission.exchange)

    async def submit(
        self,
        principal: Principal,
        *,
        bot_name: str,
        content: str,
        client_msg_id: str | None = None,
        message_type: str = MessageType.TEXT,
        origin: str | None = None,
        came_by: Origin | None = None,
    ) -> Submission:
        """Store a message and answer it in the background. ``origin`` is the connection it came from.

        A known ``client_msg_id`` returns the stored exchange without calling the bot or counting against limits.
        Raises: NotFound (bot), InvalidInput, RateLimited, Maintenance, ShuttingDown, DatabaseUnavailable; for an API
        key BudgetSpent and OutOfScope: nothing was stored.
        """
        principal.require(Permission.CHAT)
        bot = self._registry.get(bot_name)
        principal.require_bot(bot.name)
        text = check_text(with_plain_line_ends(content), field="content", max_chars=MAX_MESSAGE_CHARS)
        if message_type not in _TYPES:
            raise InvalidInput("must be text, voice or image", field="message_type")
        if client_msg_id is not None:
            check_text(client_msg_id, field="client_msg_id", max_chars=MAX_CLIENT_ID_CHARS)
        message = NewMessage(
            message_id=new_id(),
            user_id=principal.user_id,
            bot_name=bot.name,
            content=text,
            message_type=message_type,
            client_msg_id=client_msg_id,
            request_hash=None if client_msg_id is None else _request_hash(bot.name, message_type, text),
            came_by=came_by or _by_key(principal),
        )
        if client_msg_id is None:
            return await self._accept(message, principal, origin)
        # Concurrent duplicates are handled one by one: the first is stored, the others find it.
        async with self._keys.queue((principal.user_id, client_msg_id)):
            try:
                return await self._accept(message, principal, origin)
            except (AppError, writes.DuplicateStored) as refusal:
                # A refusal of new messages must not hide the one that is already stored under this key.
                duplicate = await self._duplicate(message)
                if duplicate is None:
                    raise refusal if isinstance(refusal, AppError) else Conflict() from refusal
                return Submission(exchange=duplicate, is_duplicate=True)

    async def result(self, exchange: Exchange) -> Exchange:
        """Wait for the answer to a stored message.

        Raises: the failure it ended with, ShuttingDown if this process ends first, or Conflict while another process
        is still answering it.
        """
        finished = await self._answers.wait(exchange.message_id)
        if finished is not None:
            exchange = finished
        elif exchange.status is MessageStatus.PENDING:
            exchange = await self._get(exchange.user_id, exchange.message_id)
        if exchange.status is MessageStatus.ANSWERED:
            return exchange
        extra = {"message_id": str(exchange.message_id)}
        if exchange.status is MessageStatus.PENDING:
            raise Conflict("This message is still being answered.", extra=extra)
        code = exchange.error_code or Interrupted.code
        if code == Interrupted.code and self._answers.is_draining:
            raise ShuttingDown(_CUT_OFF, retry_after_s=RESTART_S, extra=extra)
        raise error_of(code)(extra=extra)

    async def retry(self, principal: Principal, message_id: UUID) -> Exchange:
        """Answer a message again that failed, was interrupted, or whose answer was cut off.

        Any other is returned unchanged. A partial answer is replaced by the new one.

        Raises: NotFound, RateLimited, Maintenance, ShuttingDown.
        """
        principal.require(Permission.CHAT)
        async with self._keys.queue((principal.user_id, message_id)):  # two tabs may retry at the same time
            exchange = await self._get(principal.user_id, message_id)
            principal.require_bot(self._registry.get(exchange.bot_name).name)
            if not exchange.can_be_retried:
                return exchange
            self._feature_flags.require_open()
            await self._count(principal)
            bot_user = await self._bot_users.of(principal.user_id, principal.display_name)
            return await self._reopen(exchange, bot_user)

    async def _reopen(self, exchange: Exchange, bot_user: BotUser) -> Exchange:
        slot = self._answers.admit(exchange.user_id, exchange.bot_name, exchange.message_id)
        try:
            reopened = await runs.reopen(self._database, exchange, instance_id=self._answers.instance_id)
        except BaseException:
            self._answers.release(slot)
            raise
        if reopened is None:  # another process was faster
            self._answers.release(slot)
            return await self._get(exchange.user_id, exchange.message_id)
        again, is_shared = reopened
        event = StreamEvent(user_id=again.user_id, seq=again.run_seq, kind=EventKind.RETRIED, exchange=again)
        self._feeds.publish([event])
        self._answers.start(again, slot, bot_user=bot_user, is_shared=is_shared, context=copy_context())
        return again

    async def stop(self, principal: Principal, message_id: UUID) -> Exchange:
        """Stop the answer to a message. The partial answer is kept; a finished exchange is returned unchanged.

        Raises: NotFound.
        """
        principal.require(Permission.CHAT)
        exchange = await self._get(principal.user_id, message_id)
        principal.require_bot(exchange.bot_name)
        if exchange.status is MessageStatus.PENDING and await self._answers.stop(principal.user_id, message_id):
            stopped = await self._answers.wait(message_id)
            return stopped or await self._get(principal.user_id, message_id)
        return exchange

    # Reading

    async def position(self, principal: Principal) -> StreamPosition:
        """Where the user's stream stands."""
        principal.require(Permission.READ_HISTORY)
        return await self._feeds.read_position(principal.user_id)

    async def history(
        self, principal: Principal, bot_name: str, *, before: int | None = None, limit: int = 50
    ) -> MessagePage:
        """One page of a conversation, newest first. Raises: NotFound (bot), InvalidInput (limit)."""
        principal.require(Permission.READ_HISTORY)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(_("from 1 to {most}", most=MAX_PAGE), field="limit")
        bot = self._registry.get(bot_name)
        principal.require_bot(bot.name)
        return await conversations.page(
            self._database, principal.user_id, bot.name, before=min(before or _LAST, _LAST), limit=limit
        )

    async def conversations(self, principal: Principal) -> tuple[ConversationSummary, ...]:
        """The bots this user has talked with, the most recent first."""
        principal.require(Permission.READ_HISTORY)
        found = await conversations.summaries(self._database, principal.user_id)
        return tuple(one for one in found if principal.may_talk_with(one.bot_name))

    # Inside

    async def _accept(self, message: NewMessage, principal: Principal, origin: str | None) -> Submission:
        """Raises: DuplicateStored when the message's key is known already."""
        self._feature_flags.require_open()
        slot = self._answers.admit(message.user_id, message.bot_name, message.message_id)
        try:
            # Keeps the order of arrival: the limit may take a round trip for one message and none for the next.
            async with self._arrivals.queue(slot.queue_key):
                await self._count(principal)
                # Looked up before storing: nothing may fail between storing and calling the bot.
                bot_user = await self._bot_users.of(message.user_id, principal.display_name)
                storing = self._writes.enqueue(_Entry(message, slot, bot_user, origin, copy_context()))
        except BaseException:
            self._answers.release(slot)
            raise
        exchange = await storing
        if exchange is None:
            self._limits.refund_principal(principal)
            if self._key_access is not None:
                await self._key_access.refund(principal)
            raise writes.DuplicateStored
        return Submission(exchange=exchange, is_duplicate=False)

    async def _count(self, principal: Principal) -> None:
        """Raises: RateLimited, BudgetSpent."""
        await self._limits.hit_principal(principal)
        if self._key_access is not None:
            await self._key_access.spend(principal)

    async def _store(self, batch: Sequence[_Entry]) -> list[Exchange | None]:
        """Commit messages together, publish them, then start answering them."""
        messages = [entry.message for entry in batch]
        accepted = await writes.accept(self._database, messages, instance_id=self._answers.instance_id)
        stored = [
            _exchange(entry.message, acceptance) if acceptance else None
            for entry, acceptance in zip(batch, accepted, strict=True)
        ]
        self._feeds.publish(
            StreamEvent(
                user_id=exchange.user_id,
                seq=exchange.seq,
                kind=EventKind.MESSAGE,
                exchange=exchange,
                origin=entry.origin,
            )
            for entry, exchange in zip(batch, stored, strict=True)
            if exchange is not None
        )
        for entry, exchange, acceptance in zip(batch, stored, accepted, strict=True):
            if exchange is None or acceptance is None:
                self._answers.release(entry.slot)
            else:
                self._answers.start(
                    exchange,
                    entry.slot,
                    bot_user=entry.bot_user,
                    is_shared=acceptance.is_shared,
                    context=entry.context,
                )
        return stored

    async def _duplicate(self, message: NewMessage) -> Exchange | None:
        found = await conversations.find_duplicate(self._database, message.user_id, message.client_msg_id or "")
        if found is None:
            return None
        exchange, stored_hash = found
        if stored_hash != message.request_hash:
            raise InvalidInput("was used for another message", field="client_msg_id")
        return exchange

    async def _get(self, user_id: str, message_id: UUID) -> Exchange:
        exchange = await conversations.get(self._database, user_id, message_id)
        if exchange is None:
            raise NotFound("Unknown message.")
        return exchange


def _by_key(principal: Principal) -> Origin | None:
    return None if principal.key is None else Origin(source=MessageSource.API, key_id=principal.key.key_id)


def _request_hash(bot_name: str, message_type: str, content: str) -> bytes:
    return hashlib.sha256("\0".join((bot_name, message_type, content)).encode()).digest()


def _exchange(message: NewMessage, acceptance: Acceptance) -> Exchange:
    return Exchange(
        message_id=message.message_id,
        user_id=message.user_id,
        bot_name=message.bot_name,
        content=message.content,
        message_type=message.message_type,
        status=MessageStatus.PENDING,
        seq=acceptance.seq,
        run_seq=acceptance.seq,
        timestamp=acceptance.timestamp,
        client_msg_id=message.client_msg_id,
    )
