"""What is asked of InfluxDB: counts and classes of times, never who a message was from.

Source: bot contract, "Shared stores", for the measurements; the Flux documentation for the functions.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from chat_api.fleet_data.influx_csv import Row
from chat_api.series.analytics_schemas import ANSWER_TIME_EDGES_S, CLASSES, AnswerTimes

_EDGES = ", ".join(f"{edge:.6f}" for edge in ANSWER_TIME_EDGES_S)
ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedAnswers:
    """The answers of one bot in one mode and complexity."""

    bot_name: str
    mode: str
    complexity: str
    times: AnswerTimes


@dataclass(slots=True, kw_only=True)
class InfluxLife:
    """What was found: steps by bot and time, answers by bot, mode and complexity, reactions by bot and kind."""

    events: dict[tuple[str, datetime], int] = field(default_factory=dict)
    p95_s: dict[tuple[str, datetime], float] = field(default_factory=dict)
    answers: list[TimedAnswers] = field(default_factory=list)
    reactions: dict[tuple[str, str], int] = field(default_factory=dict)


def life_query(bucket: str, *, since: datetime, until: datetime, step_s: int) -> str:
    """One query for all of it: four results, told apart by their names."""
    window = f"|> range(start: {_time(since)}, stop: {_time(until)})"
    source = f"from(bucket: {_text(bucket)}) {window}"
    step = f"every: {step_s}s, createEmpty: false, timeSrc: " + '"_start"'
    return f"""
{source} |> filter(fn: (r) => r._measurement == "message_event" and r._field == "length")
  |> group(columns: ["bot_name"]) |> aggregateWindow({step}, fn: count) |> yield(name: "events")
answers = {source} |> filter(fn: (r) => r._measurement == "response_metrics" and r._field == "latency")
answers |> group(columns: ["bot_name"])
  |> aggregateWindow({step}, fn: (column, tables=<-) => tables |> quantile(q: 0.95, column: column))
  |> yield(name: "p95")
answers |> group(columns: ["bot_name", "mode", "complexity"])
  |> histogram(bins: [{_EDGES}, float(v: "+Inf")]) |> yield(name: "times")
{source} |> filter(fn: (r) => r._measurement == "reaction_event" and r._field == "reaction" and r.action == "remove")
  |> group(columns: ["bot_name", "action"]) |> count() |> yield(name: "removed")
{source} |> filter(fn: (r) => r._measurement == "reaction_event" and r._field == "feedback_type" and r.action == "add")
  |> group(columns: ["bot_name", "_value"]) |> count(column: "_field") |> yield(name: "reactions")
"""


def life_of(rows: Iterable[Row], *, name_of: Callable[[str], str] = str) -> InfluxLife:
    """What the answer says; a row that lacks what it should have is left out. ``name_of`` spells a bot as we do."""
    life = InfluxLife()
    cumulated: dict[tuple[str, str, str], dict[float, int]] = {}
    for row in rows:
        bot, value, at = row.get("bot_name"), row.get("_value"), row.get("_time")
        if not isinstance(bot, str) or not bot:
            continue
        bot = name_of(bot)
        match row.get("result"):
            case "events" if isinstance(value, int) and isinstance(at, datetime):
                life.events[bot, at] = life.events.get((bot, at), 0) + value
            case "p95" if isinstance(value, float) and isinstance(at, datetime):
                life.p95_s[bot, at] = value
            case "times" if isinstance(row.get("le"), float) and isinstance(value, int | float):
                key = (bot, str(row.get("mode") or ""), str(row.get("complexity") or ""))
                edges = cumulated.setdefault(key, {})
                edges[float(str(row["le"]))] = edges.get(float(str(row["le"])), 0) + int(value)
            case "removed" if isinstance(value, int):
                life.reactions[bot, "removed"] = life.reactions.get((bot, "removed"), 0) + value
            case "reactions" if isinstance(row.get("_field"), int):
                life.reactions[bot, str(value)] = life.reactions.get((bot, str(value)), 0) + int(str(row["_field"]))
    life.answers = [
        TimedAnswers(bot_name=bot, mode=mode, complexity=complexity, times=_classes(counts))
        for (bot, mode, complexity), counts in sorted(cumulated.items())
    ]
    return life


def _classes(cumulated: Mapping[float, int]) -> AnswerTimes:
    """A cumulative histogram as counts; its last edge has no end."""
    counts, before = [0] * CLASSES, 0
    for edge in sorted(cumulated):
        counts[bisect_left(ANSWER_TIME_EDGES_S, edge - ROUNDING_S)] += max(0, cumulated[edge] - before)
        before = max(before, cumulated[edge])
    return AnswerTimes(counts=tuple(counts))


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _text(value: str) -> str:
    """A string of Flux: as JSON's, but ``${`` would be evaluated."""
    return orjson.dumps(value).decode().replace("${", "\\${")
