"""Messages that are not acknowledged yet.

One message a bot is under way at a time: what is sent again, after a lost connection or a refusal for now, cannot
overtake or be overtaken, so that a bot gets your messages in the order you sent them.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from whisperengine_client.errors import ChatError, InvalidInput
from whisperengine_client.events import Frame
from whisperengine_client.values import Sent


@dataclass(slots=True, kw_only=True, eq=False)
class Pending:
    """A message on its way.

    ``is_posted``: it is not to be posted now. ``is_waiting``: because the server has refused it for the moment.
    ``is_given_up``: nobody waits for it any more, but it may be stored yet.
    """

    client_msg_id: str
    bot_name: str
    content: str
    message_type: str
    done: asyncio.Future[Sent] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    last_error: ChatError | None = None
    is_posted: bool = False
    is_waiting: bool = False
    is_given_up: bool = False

    @property
    def frame(self) -> Frame:
        """The frame that sends it."""
        data = {
            "content": self.content,
            "bot_name": self.bot_name,
            "client_msg_id": self.client_msg_id,
            "message_type": self.message_type,
        }
        return {"type": "message", "data": data}


class Outbox:
    """A queue for each bot; a message leaves it when it is acknowledged, refused or given up."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Pending]] = {}
        self._by_id: dict[str, Pending] = {}

    def add(self, pending: Pending) -> None:
        """Queue a message. Raises: InvalidInput if one with its id is under way."""
        known = self._by_id.get(pending.client_msg_id)
        if known is not None and not known.is_given_up:
            raise InvalidInput("client_msg_id: a message with this id is being sent")
        self._by_id[pending.client_msg_id] = pending
        self._queues.setdefault(pending.bot_name, deque()).append(pending)

    def get(self, client_msg_id: str | None) -> Pending | None:
        """The message that is under way under an id."""
        return self._by_id.get(client_msg_id) if client_msg_id is not None else None

    def take_due(self) -> list[Pending]:
        """The first message of each queue, unless it was taken before: they are to be posted now."""
        due = [queue[0] for queue in self._queues.values() if not queue[0].is_posted]
        for pending in due:
            pending.is_posted = True
        return due

    def acknowledge(self, client_msg_id: str | None, sent: Sent) -> Pending | None:
        """The message is stored; returns it, if it was under way."""
        pending = self._remove(client_msg_id)
        if pending is not None and not pending.done.done():
            pending.done.set_result(sent)
        return pending

    def refuse(self, pending: Pending, error: ChatError) -> None:
        """The server will not store it."""
        self._remove(pending.client_msg_id)
        if not pending.done.done():
            pending.done.set_exception(error)

    def give_up(self, pending: Pending) -> None:
        """Nobody waits for it any more, and the next one may go. One that is posted is remembered for its answer."""
        if self._by_id.get(pending.client_msg_id) is not pending:
            return
        pending.is_given_up = True
        self._leave(pending)
        if not pending.is_posted or pending.is_waiting:
            del self._by_id[pending.client_msg_id]

    def postpone(self, pending: Pending, error: ChatError) -> None:
        """The server refuses it for now; it keeps its place until :meth:`resume`."""
        pending.last_error, pending.is_waiting = error, True
        if pending.is_given_up:
            self._remove(pending.client_msg_id)

    def resume(self, pending: Pending) -> None:
        """It is to be posted again."""
        pending.is_posted = pending.is_waiting = False

    def rewind(self) -> None:
        """The connection is lost: everything is to be posted again, but for what was given up."""
        for pending in list(self._by_id.values()):
            pending.is_posted = pending.is_waiting = False
            if pending.is_given_up:
                self._remove(pending.client_msg_id)

    def close(self, error: ChatError) -> None:
        """Nothing will be sent any more."""
        for pending in list(self._by_id.values()):
            self.refuse(pending, error)

    def _remove(self, client_msg_id: str | None) -> Pending | None:
        pending = self._by_id.pop(client_msg_id, None) if client_msg_id is not None else None
        if pending is not None and not pending.is_given_up:
            self._leave(pending)
        return pending

    def _leave(self, pending: Pending) -> None:
        queue = self._queues[pending.bot_name]
        queue.remove(pending)
        if not queue:
            del self._queues[pending.bot_name]
