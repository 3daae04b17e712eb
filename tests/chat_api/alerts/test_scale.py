"""Five hundred bots that are all down: one alert, and nothing written while nothing changes."""

from chat_api.core.database import Database
from chat_api.fleet.schemas import BotStatus, ServiceStatus
from tests.chat_api.alerts.stage import Stage
from tests.support.ticking import TickingClock

BOTS = 500


async def test_five_hundred_bots_down_cost_little(database: Database, redis_url: str) -> None:
    """The second look at the same trouble writes no row."""
    stage = Stage(
        database=database,
        redis_url=redis_url,
        time=TickingClock(),
        bots={f"bot{number:03}": BotStatus.OFFLINE for number in range(BOTS)},
        services={"redis": ServiceStatus.HEALTHY},
    )
    (alert,) = await stage.evaluate(120, every_s=30)
    assert alert.title == "Bot down: 500 bots"
    before = await _versions(database)
    await stage.evaluate()
    assert await _versions(database) == before
    assert len(before) == BOTS
    stage.bots = dict.fromkeys(stage.bots, BotStatus.ONLINE)
    assert await stage.evaluate(120, every_s=30) == ()
    assert await _versions(database) == []


async def _versions(database: Database) -> list[str]:
    """Which transaction last wrote each stored state."""
    async with database.read() as connection:
        rows = await connection.exec_driver_sql("SELECT xmin::text FROM web_alert_subjects ORDER BY rule_id, subject")
        return list(rows.scalars().all())
