"""How our own exchanges were answered: times by mode, complexity and model, as bots tell them with an answer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from chat_api.core.database import Connection
from chat_api.core.rows import many
from chat_api.series.analytics_schemas import ANSWER_TIME_EDGES_S, CLASSES, AnswerTimes

_EDGES = ", ".join(map(str, ANSWER_TIME_EDGES_S))
# By idx_web_conversations_timestamp. An apology is no answer, as everywhere.
_ANSWERS = text(f"""
SELECT bot_name, coalesce(metadata->>'mode', '') AS mode, coalesce(metadata->>'complexity', '') AS complexity,
    coalesce(metadata->>'model_used', '') AS model,
    width_bucket(processing_time, ARRAY[{_EDGES}]::float8[]) AS class, count(*) AS n
FROM web_conversations
WHERE timestamp >= :since AND timestamp < :until AND status = 'answered' AND processing_time IS NOT NULL
    AND coalesce(metadata->>'is_apology', '') <> 'true'
GROUP BY 1, 2, 3, 4, 5""")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswers:
    """The answers of one bot in one mode, complexity and model; empty where the bot does not tell."""

    bot_name: str
    mode: str
    complexity: str
    model: str
    times: AnswerTimes


async def answers(connection: Connection, *, since: datetime, until: datetime) -> list[OwnAnswers]:
    """Those to messages between two times."""
    found: dict[tuple[str, str, str, str], list[int]] = {}
    for row in await many(connection, _ANSWERS, {"since": since, "until": until}):
        key = (row["bot_name"], row["mode"][:40], row["complexity"][:40], row["model"][:100])
        found.setdefault(key, [0] * CLASSES)[row["class"]] += row["n"]
    return [
        OwnAnswers(bot_name=bot, mode=mode, complexity=complexity, model=model, times=AnswerTimes(counts=tuple(counts)))
        for (bot, mode, complexity, model), counts in sorted(found.items())
    ]
