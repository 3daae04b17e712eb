"""How many of something everybody holds at this moment."""

import math
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from chat_api.core.errors import RateLimited


class Tally:
    """Counts what each holder has at once, and gives nobody more than ``limit``, and all together ``total``.

    Nothing is kept of who has none.
    """

    def __init__(self, limit: int, *, total: float = math.inf) -> None:
        self.limit = limit
        self._total = total
        self._count = 0
        self._held: dict[Hashable, int] = {}

    def held(self, holder: Hashable) -> int:
        """How many a holder has."""
        return self._held.get(holder, 0)

    def has_room(self, holder: Hashable) -> bool:
        """Whether a holder may have one more."""
        return self.held(holder) < self.limit and self._count < self._total

    def take(self, holder: Hashable) -> bool:
        """Take one more, if there is room; whether there was. Give it back with :meth:`leave`."""
        if not self.has_room(holder):
            return False
        self._held[holder] = self.held(holder) + 1
        self._count += 1
        return True

    def leave(self, holder: Hashable) -> None:
        """Give one back."""
        self._count -= 1
        left = self._held[holder] - 1
        if left:
            self._held[holder] = left
        else:
            del self._held[holder]

    @contextmanager
    def holding(self, holder: Hashable, *, refusal: str) -> Iterator[None]:
        """Hold one while the block runs. Raises: RateLimited, with ``refusal`` as its message."""
        if not self.take(holder):
            raise RateLimited(refusal)
        try:
            yield
        finally:
            self.leave(holder)
