"""What services know of a container engine, and what stands where there is none.

All faults are EngineUnavailable (nobody answers) or EngineFailed (it refused, failed, or is not understood).
"""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Protocol, TypeVar

from chat_api.core.errors import EngineUnavailable
from chat_api.engine.adopted import AdoptedContainers
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.log_schemas import RawLine
from chat_api.engine.schemas import ContainerEvent, ContainerSummary, ContainerUsage, ContainerView

STOP_GRACE_S = 10.0
T = TypeVar("T")


class ContainerEngine(Protocol):
    """What the services may ask of a container engine.

    ``title`` is its name for people. ``adopted``: what it may act on beside what is labelled, kept up to date from
    outside.
    """

    title: str
    adopted: AdoptedContainers

    async def ping(self) -> float:
        """The round trip in milliseconds."""
        ...

    async def list_bots(self) -> tuple[ContainerView, ...]:
        """One view a bot, by name: labelled containers and services, and containers named like a bot's."""
        ...

    async def list_containers(self) -> tuple[ContainerSummary, ...]:
        """Everything that the engine has, by name, from its list alone."""
        ...

    async def inspect(self, bot_name: str) -> ContainerView | None:
        """The view of one bot, or of ``part:<container>``, now; None when nothing runs it."""
        ...

    async def restart(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """Restart what runs the bot; it gets ``timeout_s`` to end by itself. Returns when the new process runs."""
        ...

    async def start(self, view: ContainerView) -> None:
        """Start what is stopped."""
        ...

    async def stop(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """Stop it; it gets ``timeout_s`` to end by itself."""
        ...

    async def logs_tail(self, view: ContainerView, lines: int = 200) -> tuple[str, ...]:
        """The last lines of its output, oldest first, each cut to 4,000 characters: hostile text."""
        ...

    def follow_logs(
        self, view: ContainerView, read: Callable[[RawLine], T | None], *, since_ns: int | None, tail: int | None = None
    ) -> AsyncGenerator[tuple[T, ...], None]:
        """What ``read`` (called in a thread) makes of its output from a moment on, or of the last ``tail`` lines.

        Ends silently: come back with the time of the last line as ``since_ns``, and leave out what you had before.
        """
        ...

    async def log_history(
        self,
        view: ContainerView,
        read: Callable[[RawLine], T | None],
        *,
        since_ns: int,
        until_ns: int,
        limit: int,
        newest: bool = True,
    ) -> tuple[list[T], bool]:
        """What ``read`` (called in a thread) keeps of a span, oldest first, and whether there is more.

        At most ``limit`` of them: the ``newest``, or the oldest.
        """
        ...

    async def facts(self, view: ContainerView) -> ContainerFacts:
        """Everything about what runs the bot; values of its environment are kept back."""
        ...

    async def stats(self, view: ContainerView) -> ContainerUsage:
        """What it uses, from one quick look; the rates are since the look before."""
        ...

    def events(self, since: datetime | None = None) -> AsyncGenerator[ContainerEvent, None]:
        """What happens to bots, from ``since`` on. Ends silently: come back with ``since`` and a full list."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class NoEngine:
    """Stands where no engine is configured: says so at every call."""

    title = "Docker"

    def __init__(self) -> None:
        self.adopted = AdoptedContainers()

    async def ping(self) -> float:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def list_bots(self) -> tuple[ContainerView, ...]:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def list_containers(self) -> tuple[ContainerSummary, ...]:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def inspect(self, bot_name: str) -> ContainerView | None:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def restart(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def start(self, view: ContainerView) -> None:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def stop(self, view: ContainerView, *, timeout_s: float = STOP_GRACE_S) -> None:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def logs_tail(self, view: ContainerView, lines: int = 200) -> tuple[str, ...]:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    def follow_logs(
        self, view: ContainerView, read: Callable[[RawLine], T | None], *, since_ns: int | None, tail: int | None = None
    ) -> AsyncGenerator[tuple[T, ...], None]:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def log_history(
        self,
        view: ContainerView,
        read: Callable[[RawLine], T | None],
        *,
        since_ns: int,
        until_ns: int,
        limit: int,
        newest: bool = True,
    ) -> tuple[list[T], bool]:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def facts(self, view: ContainerView) -> ContainerFacts:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def stats(self, view: ContainerView) -> ContainerUsage:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    def events(self, since: datetime | None = None) -> AsyncGenerator[ContainerEvent, None]:
        """Raises: EngineUnavailable."""
        raise _not_configured()

    async def close(self) -> None:
        """Nothing to let go of."""


def _not_configured() -> EngineUnavailable:
    return EngineUnavailable("No container engine is configured (DOCKER_HOST).")
