"""One call of a bot for one stored message, from its turn to its outcome."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from chat_api.bots.breaker import CallsPaused
from chat_api.bots.schemas import BotAnswer
from chat_api.core.errors import AppError, Interrupted, Stopped
from chat_api.core.ids import new_id
from chat_api.core.text import cleaned, with_plain_line_ends
from chat_api.messages.schemas import DeltaEvent, Exchange, Outcome, TypingEvent
from chat_api.people.bot_users import BotUser
from models import FinishReason, MessageStatus

MAX_ANSWER_CHARS = 100_000
# What analytics count as failed, and what not, see ``call_outcomes``.
APOLOGY_MARK = "is_apology"
PAUSED_MARK = "is_paused"


@dataclass(slots=True, eq=False)
class Slot:
    """A message's slot in the queue of its user and bot, from before it is stored until it is answered."""

    queue_key: tuple[str, str]
    message_id: UUID
    is_released: bool = False


@dataclass(slots=True, eq=False)
class Run:
    """A call of a bot. ``done`` gets the finished exchange; ``response_id`` is the id of the coming answer.

    ``asked_s`` is when the bot was asked (the loop's clock), while it has not answered.
    """

    exchange: Exchange
    slot: Slot
    bot_user: BotUser
    done: "asyncio.Future[Exchange]"
    response_id: UUID = field(default_factory=new_id)
    task: "asyncio.Task[None] | None" = None
    outcome: Outcome | None = None
    is_begun: bool = False
    is_stopped: bool = False
    asked_s: float | None = None
    is_typing_sent: bool = False
    pieces: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    sent_chars: int = 0
    kept_count: int = 0

    def stop(self) -> None:
        """Stop the call, unless its outcome is already being stored."""
        if self.outcome is None and self.task is not None and not self.is_stopped:
            self.is_stopped = True
            if self.is_begun:  # otherwise it would be cancelled before it can record its outcome
                self.task.cancel()

    def begin(self) -> None:
        """Start the call. Raises: CancelledError if it was stopped before."""
        self.is_begun = True
        if self.is_stopped:
            raise asyncio.CancelledError

    def add_piece(self, piece: str) -> bool:
        """Add a piece of a streamed answer; returns whether it is the first unpublished one."""
        self.pieces.append(piece)
        self.unsent.append(piece)
        return len(self.unsent) == 1

    def news(self) -> DeltaEvent | None:
        """What was not published yet, if anything."""
        if not self.unsent:
            return None
        text, offset = "".join(self.unsent), self.sent_chars
        self.unsent.clear()
        self.sent_chars += len(text)
        return DeltaEvent(
            user_id=self.exchange.user_id,
            bot_name=self.exchange.bot_name,
            message_id=self.response_id,
            reply_to=self.exchange.message_id,
            offset=offset,
            text=text,
        )

    def typing(self, is_typing: bool, *, is_lasting: bool = False) -> TypingEvent:
        """The bot starts or stops typing."""
        return TypingEvent(
            user_id=self.exchange.user_id,
            bot_name=self.exchange.bot_name,
            is_typing=is_typing,
            is_lasting=is_lasting,
        )

    # How it may end

    def answered(self, answer: BotAnswer) -> Outcome:
        """The bot answered completely, or its stream broke off."""
        return Outcome(
            message_id=self.exchange.message_id,
            run_seq=self.exchange.run_seq,
            status=MessageStatus.ANSWERED,
            response=cleaned(with_plain_line_ends(answer.text), max_chars=MAX_ANSWER_CHARS),
            response_id=self.response_id,
            processing_time_s=answer.processing_time_s,
            metadata={**answer.metadata, APOLOGY_MARK: True} if answer.is_apology else answer.metadata,
            finish_reason=_finish_reason(answer),
        )

    def failed(self, error: AppError) -> Outcome:
        """There is no answer."""
        return failure(self.exchange, error)

    def cancelled(self) -> Outcome:
        """The user stopped it, or the process is ending; the partial answer is kept."""
        text = "".join(self.pieces)
        if self.is_stopped:
            return cut_short(self.exchange, text, self.response_id, FinishReason.STOPPED) or self.failed(Stopped())
        return abandoned(self.exchange, text, self.response_id)

    def part(self) -> tuple[UUID, int, UUID, str] | None:
        """The partial answer, if it has grown since the last call."""
        if len(self.pieces) == self.kept_count or self.outcome is not None:
            return None
        self.kept_count = len(self.pieces)
        text = cleaned("".join(self.pieces), max_chars=MAX_ANSWER_CHARS)
        return self.exchange.message_id, self.exchange.run_seq, self.response_id, text


def abandoned(exchange: Exchange, said: str, response_id: UUID | None) -> Outcome:
    """The outcome of an exchange whose process died: what the bot had said by then, or no answer."""
    return cut_short(exchange, said, response_id, FinishReason.TRUNCATED) or failure(exchange, Interrupted())


def _finish_reason(answer: BotAnswer) -> FinishReason:
    if answer.is_silent:
        return FinishReason.SILENT
    return FinishReason.TRUNCATED if answer.is_truncated else FinishReason.STOP


def cut_short(exchange: Exchange, said: str, response_id: UUID | None, reason: FinishReason) -> Outcome | None:
    """The beginning of an answer as an outcome; ``None`` if there is nothing to show."""
    text = cleaned(with_plain_line_ends(said), max_chars=MAX_ANSWER_CHARS)
    if response_id is None or not text.strip():
        return None
    return Outcome(
        message_id=exchange.message_id,
        run_seq=exchange.run_seq,
        status=MessageStatus.ANSWERED,
        response=text,
        response_id=response_id,
        finish_reason=reason,
    )


def failure(exchange: Exchange, error: AppError) -> Outcome:
    """The outcome of an exchange that gets no answer."""
    is_cut = isinstance(error, Interrupted | Stopped)
    return Outcome(
        message_id=exchange.message_id,
        run_seq=exchange.run_seq,
        status=MessageStatus.INTERRUPTED if is_cut else MessageStatus.FAILED,
        error_code=error.code,
        metadata={PAUSED_MARK: True} if isinstance(error, CallsPaused) else {},
    )
