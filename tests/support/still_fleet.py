"""A fleet in which nothing runs by itself, and a clock that only the test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import yaml

from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import Contract, Probe
from chat_api.core.clock import Clock
from chat_api.core.principals import Principal
from chat_api.core.settings import Settings
from chat_api.fleet.check_intervals import USUAL_INTERVALS, CheckIntervals
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.service import FleetService
from models import Role
from tests.support.sample_bots import RunningBot

CHECK_INTERVAL_S = 60.0


@dataclass
class Hands:
    """A clock that stands until it is moved; it begins at noon of an ordinary day."""

    at: datetime = datetime(2026, 3, 10, 12, tzinfo=UTC)
    monotonic_s: float = 1000.0

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    @property
    def clock(self) -> Clock:
        """For whoever needs the time."""
        return Clock(now=lambda: self.at, monotonic_s=lambda: self.monotonic_s)


@dataclass(kw_only=True)
class StillFleet:
    """The parts that know the fleet, and the hands of their clock."""

    registry: BotRegistry
    connector: BotConnector
    fleet: FleetService
    hands: Hands = field(default_factory=Hands)

    def probe(self, bot_name: str, *, latency_ms: float | None = 12.0, contract: Contract | None = None) -> None:
        """A health check by the clock; without ``latency_ms`` one that failed."""
        self.fleet.record_probe(
            Probe(
                bot_name=bot_name,
                is_healthy=latency_ms is not None,
                checked_at=self.hands.at,
                latency_ms=latency_ms,
                contract=contract,
                error=None if latency_ms is not None else "cannot connect",
            )
        )


async def still_fleet(
    folder: Path, *bots: RunningBot | str, check_intervals: CheckIntervals = USUAL_INTERVALS
) -> StillFleet:
    """A fleet of running bots, or of names that nobody answers for; its connector is not open."""
    config = folder / "still.yaml"
    entries = [{"name": bot, "url": f"http://127.0.0.1:9/{bot}"} for bot in bots if isinstance(bot, str)]
    entries += [{"name": bot.name, "url": bot.url} for bot in bots if isinstance(bot, RunningBot)]
    config.write_text(yaml.safe_dump(entries))
    settings = Settings(
        bots_config=config,
        bots_env_dir=folder,
        characters_dir=folder / "none",
        bots_host_mode="localhost",
        bot_max_parallel_calls=1,
    )
    hands = Hands()
    registry, connector = BotRegistry(settings), BotConnector(settings)
    await registry.refresh()
    fleet = FleetService(
        registry,
        connector,
        check_interval_s=CHECK_INTERVAL_S,
        check_intervals=check_intervals,
        clock=hands.clock,
    )
    fleet.sync_registry()
    return StillFleet(registry=registry, connector=connector, fleet=fleet, hands=hands)


def viewer() -> Principal:
    """Somebody who may look."""
    return Principal(
        user_id="admin:viewer", username="viewer", display_name="Viewer", session_id=uuid4(), role=Role.VIEWER
    )
