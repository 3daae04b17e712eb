"""Five hundred bots that are all down: one alert, and nothing written while nothing changes."""

import time

from chat_api.core.database import Database
from chat_api.fleet.schemas import BotStatus, ServiceStatus
from tests.chat_api.alerts.stage import Stage
from tests.support.ticking import TickingClock

BOTS = 500
# Measured: 33 ms on a loaded machine with two cores. A look is due every two seconds.
MAX_LOOK_S = 1.0


async def test_five_hundred_bots_down_cost_little(database: Database, redis_url: str) -> None:
    """The second look at the same trouble writes no row, and takes a fraction of the time between two."""
    stage = Stage(
        database=database,
        redis_url=redis_url,
        time=TickingClock(),
        bots={f"bot{number:03}": BotStatus.OFFLINE for number in range(BOTS)},
        services={"redis": ServiceStatus.HEALTHY},
    )
    (alert,) = await stage.look(120, every_s=30)
    assert alert.title == "Bot down: 500 bots"
    before = await _versions(database)
    started_s = time.perf_counter()
    await stage.look()
    took_s = time.perf_counter() - started_s
    assert await _versions(database) == before
    assert len(before) == BOTS
    assert took_s < MAX_LOOK_S
    stage.bots = dict.fromkeys(stage.bots, BotStatus.ONLINE)
    assert await stage.look(120, every_s=30) == ()
    assert await _versions(database) == []


async def _versions(database: Database) -> list[str]:
    """Which transaction last wrote each stored state."""
    async with database.read() as connection:
        rows = await connection.exec_driver_sql("SELECT xmin::text FROM web_alert_subjects ORDER BY rule_id, subject")
        return list(rows.scalars().all())
