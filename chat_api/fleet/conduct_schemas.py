"""What was seen of a bot over several answers, as it travels between processes."""

from dataclasses import dataclass
from datetime import datetime

# So many equal answers to different questions, or answers without a memory, in a row.
LOOPING = 4
NOT_STORING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductReport:
    """What one process saw of one bot, in counts up to those that matter; ``reporter`` is the process."""

    bot_name: str
    reporter: str
    reported_at: datetime
    repeated: int = 0
    unstored: int = 0
    silent: int = 0
    is_recurring: bool = False
    is_overdue: bool = False

    @property
    def is_looping(self) -> bool:
        """Whether it says the same to everything."""
        return self.repeated >= LOOPING

    @property
    def is_not_storing(self) -> bool:
        """Whether it says that it stores no memories."""
        return self.unstored >= NOT_STORING

    @property
    def suspicions(self) -> tuple[int, ...]:
        """How much speaks against the bot, part by part; nothing does where all are 0."""
        return self.repeated, self.unstored, self.silent, int(self.is_recurring), int(self.is_overdue)
