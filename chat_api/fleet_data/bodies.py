"""What the API says of the fleet's life where that is another shape than the services'."""

from datetime import datetime

from pydantic import Field

from chat_api.fleet_data.schemas import BotLife, QueueLife, Store
from chat_api.http.base_models import Answer


class BotLifeEntry(Answer):
    """One bot in a row, for a spreadsheet. What is not known is empty."""

    bot_name: str
    display_name: str
    is_known: bool
    discord_people: int | None
    discord_bot: int | None
    discord_per_min: float | None
    api: int | None
    events: int | None
    console: int | None
    influxdb_answers: int | None
    influxdb_p50_s: float | None
    influxdb_p95_s: float | None
    console_p50_s: float | None
    console_p95_s: float | None
    reactions_positive: int | None
    reactions_negative: int | None
    reactions_removed: int | None
    last_at: datetime | None

    @classmethod
    def of(cls, life: BotLife) -> "BotLifeEntry":
        """The life of one bot without its points."""
        times = {time.store: time for time in life.times}
        theirs, ours, reactions = times.get(Store.INFLUXDB), times.get(Store.CONSOLE), life.reactions
        return cls(
            bot_name=life.bot_name,
            display_name=life.display_name,
            is_known=life.is_known,
            discord_people=life.discord_people,
            discord_bot=life.discord_bot,
            discord_per_min=life.discord_per_min,
            api=life.api,
            events=life.events,
            console=life.console,
            influxdb_answers=theirs.answers if theirs else None,
            influxdb_p50_s=theirs.p50_s if theirs else None,
            influxdb_p95_s=theirs.p95_s if theirs else None,
            console_p50_s=ours.p50_s if ours else None,
            console_p95_s=ours.p95_s if ours else None,
            reactions_positive=reactions.positive if reactions else None,
            reactions_negative=reactions.negative if reactions else None,
            reactions_removed=reactions.removed if reactions else None,
            last_at=life.last_at,
        )


class QueuesAnswer(Answer):
    """The queues of the fleet's workers, in their order."""

    queues: tuple[QueueLife, ...] = Field(
        description="Empty where neither the fleet's Redis nor any bot tells of them."
    )
