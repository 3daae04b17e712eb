"""How much of everything a run does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of a run. A measurement is split into rounds that alternate with those it is compared to."""

    seconds: float
    is_quick: bool = False
    rounds: int = 3
    idle_sockets: int = 2000
    pages: int = 1000
    event_pages: int = 500
    few_messages: int = 10_000
    many_messages: int = 1_000_000
    bots: int = 500
    poll_s: float = 10.0

    @property
    def round_s(self) -> float:
        """How long one round lasts."""
        return self.seconds / self.rounds


def full_plan(*, seconds: float | None) -> Plan:
    """What the targets are about; some five minutes."""
    return Plan(seconds=seconds or 6.0)


def quick_plan(*, seconds: float | None) -> Plan:
    """Whether everything works, and roughly where it stands; within a minute."""
    return Plan(
        seconds=seconds or 0.8,
        is_quick=True,
        rounds=2,
        idle_sockets=200,
        pages=60,
        event_pages=40,
        few_messages=2_000,
        many_messages=20_000,
        bots=50,
        poll_s=1.0,
    )
