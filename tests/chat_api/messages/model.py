"""What one user's messages should be after any sequence of deeds: lists and dictionaries, no database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from models import MessageStatus

Event = tuple[object, ...]
HistoryLine = tuple[object, ...]
OPEN_AGAIN = {MessageStatus.FAILED, MessageStatus.INTERRUPTED}


@dataclass(slots=True, eq=False)
class Line:
    """A message or an answer."""

    line_id: UUID
    seq: int
    content: str
    is_deleted: bool = False
    reactions: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Said:
    """A message with what became of it. ``home`` is the process that runs it, ``original`` the text of its key."""

    bot_name: str
    key: str | None
    original: str
    question: Line
    home: int
    status: MessageStatus = MessageStatus.PENDING
    version: int = 1
    answer: Line | None = None

    @property
    def lines(self) -> Iterator[Line]:
        """The message, and the answer if there is one."""
        yield self.question
        if self.answer is not None:
            yield self.answer


class Model:
    """One user's conversations and stream."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.said: list[Said] = []
        self.read_up_to: dict[str, int] = {}

    # Deeds

    def send(self, bot_name: str, message_id: UUID, *, key: str | None, content: str, home: int) -> Said:
        """A message is stored."""
        self.events.append(("message", message_id))
        question = Line(line_id=message_id, seq=len(self.events), content=content)
        said = Said(bot_name=bot_name, key=key, original=content, question=question, home=home)
        self.said.append(said)
        self.read_up_to.setdefault(bot_name, 0)
        return said

    def answered(self, said: Said, answer_id: UUID, content: str) -> None:
        """The bot has answered."""
        self.events.append(("answer", said.question.line_id))
        said.status = MessageStatus.ANSWERED
        said.answer = Line(line_id=answer_id, seq=len(self.events), content=content)

    def failed(self, said: Said, code: str) -> None:
        """The bot has failed, was stopped, or its caller died."""
        self.events.append(("failed", said.question.line_id, code))
        said.status = MessageStatus.INTERRUPTED if code in {"stopped", "interrupted"} else MessageStatus.FAILED

    def retried(self, said: Said, *, home: int) -> None:
        """The bot is asked again."""
        self.events.append(("retried", said.question.line_id))
        said.status, said.home = MessageStatus.PENDING, home

    def killed(self, home: int) -> None:
        """A process is dead, and what it left is marked."""
        for said in self.said:
            if said.status is MessageStatus.PENDING and said.home == home:
                self.failed(said, "interrupted")

    def edit(self, said: Said, content: str) -> None:
        """A message has another text."""
        said.version += 1
        said.question.content = content
        self.events.append(("edited", said.question.line_id, said.version))

    def delete(self, line: Line) -> None:
        """A line is erased."""
        line.is_deleted, line.content, line.reactions = True, "", []
        self.events.append(("deleted", line.line_id))

    def react(self, line: Line, emoji: str, *, is_added: bool) -> None:
        """An emoji is put or taken away; nothing happens when it is there, or is not."""
        if is_added is (emoji in line.reactions):
            return
        (line.reactions.append if is_added else line.reactions.remove)(emoji)
        self.events.append(("reaction", line.line_id, emoji, "added" if is_added else "removed"))

    def mark_read(self, bot_name: str, up_to: int) -> None:
        """A mark moves forward, no further than the stream."""
        up_to = min(up_to, len(self.events))
        if self.read_up_to.get(bot_name, up_to) < up_to:
            self.read_up_to[bot_name] = up_to
            self.events.append(("read", bot_name, up_to))

    # What is seen

    def history(self, bot_name: str) -> list[HistoryLine]:
        """One conversation, newest first."""
        lines: list[tuple[int, HistoryLine]] = []
        for said in self.said:
            if said.bot_name != bot_name:
                continue
            for line in said.lines:
                role, version = ("user", said.version) if line is said.question else ("bot", 1)
                if not line.is_deleted:
                    seen = (role, line.line_id, line.content, line.seq, said.status, version, tuple(line.reactions))
                    lines.append((line.seq, seen))
        return [line for _, line in sorted(lines, reverse=True)]

    def overview(self) -> list[tuple[object, ...]]:
        """The conversations that show something, the most recent first."""
        shown = [(self.history(bot_name), bot_name) for bot_name in self.read_up_to]
        shown = sorted([one for one in shown if one[0]], key=lambda one: -int(str(one[0][0][3])))
        return [
            (bot_name, lines[0][1], self._count(bot_name), self._unread(bot_name), self.read_up_to[bot_name])
            for lines, bot_name in shown
        ]

    def _count(self, bot_name: str) -> int:
        return sum(said.bot_name == bot_name for said in self.said)

    def _unread(self, bot_name: str) -> int:
        return sum(
            said.bot_name == bot_name
            and said.answer is not None
            and not said.answer.is_deleted
            and said.answer.seq > self.read_up_to[bot_name]
            for said in self.said
        )
