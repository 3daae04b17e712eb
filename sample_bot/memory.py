"""What a bot remembers of each user: bounded, in the process, gone with it."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

MAX_USERS = 1000
MAX_TURNS = 50
# Bounds the whole memory: a message may be a megabyte, a user may send fifty.
MAX_REMEMBERED_CHARS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a user and what the bot answered."""

    message: str
    reply: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class ConversationMemory:
    """The last turns of the users who spoke last; who spoke longest ago is forgotten first."""

    def __init__(self, *, max_users: int = MAX_USERS, max_turns: int = MAX_TURNS) -> None:
        self._max_users = max_users
        self._max_turns = max_turns
        self._users: OrderedDict[str, deque[Turn]] = OrderedDict()

    def recall(self, user_id: str) -> tuple[Turn, ...]:
        """Turns with this user, oldest first; empty for a stranger."""
        return tuple(self._users.get(user_id, ()))

    def remember(self, user_id: str, *, message: str, reply: str) -> None:
        """Add one turn, forgetting what no longer fits."""
        turns = self._users.setdefault(user_id, deque(maxlen=self._max_turns))
        turns.append(Turn(message=message[:MAX_REMEMBERED_CHARS], reply=reply[:MAX_REMEMBERED_CHARS]))
        self._users.move_to_end(user_id)
        while len(self._users) > self._max_users:
            self._users.popitem(last=False)

    def forget(self, user_id: str) -> None:
        """Lose every turn with this user."""
        self._users.pop(user_id, None)
