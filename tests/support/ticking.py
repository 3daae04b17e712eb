"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta

from chat_api.core.clock import Clock


class TickingClock:
    """Stands still until it is told to go on."""

    def __init__(self, start: datetime = datetime(2030, 1, 7, 12, 0, tzinfo=UTC)) -> None:
        self.at = start

    def pass_s(self, seconds: float) -> None:
        """Go on."""
        self.at += timedelta(seconds=seconds)

    @property
    def clock(self) -> Clock:
        """As services take it."""
        return Clock(now=lambda: self.at, monotonic_s=self._monotonic_s)

    def _monotonic_s(self) -> float:
        return self.at.timestamp()
