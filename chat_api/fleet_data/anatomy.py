"""How answers divide by mode, complexity and model: shares, and percentiles of merged classes of times."""

from collections.abc import Iterable, Iterator, Sequence

from chat_api.fleet_data.answers_repository import OwnAnswers
from chat_api.fleet_data.influx_queries import InfluxLife
from chat_api.fleet_data.schemas import AnswerPart, Dimension, Store
from chat_api.series.analytics_schemas import AnswerTimes

# In the order of the page.
DIMENSIONS: tuple[Dimension, ...] = ("mode", "complexity", "model")


def anatomy(*, influx: InfluxLife | None, own: Sequence[OwnAnswers] | None) -> tuple[AnswerPart, ...]:
    """How the answers divide, of all bots and of each; the largest part first. What tells nothing is left out."""
    found: list[AnswerPart] = []
    for dimension in DIMENSIONS:
        for store, parts in _told(dimension, influx, own):
            for bot_name in ("", *sorted({name for name, _, _ in parts})):
                found += _divided(store, dimension, bot_name, parts)
    return tuple(found)


_Parts = Sequence[tuple[str, str, AnswerTimes]]


def _told(
    dimension: Dimension, influx: InfluxLife | None, own: Sequence[OwnAnswers] | None
) -> Iterator[tuple[Store, _Parts]]:
    if influx is not None and dimension != "model":  # which it does not have
        yield Store.INFLUXDB, [(one.bot_name, str(getattr(one, dimension)), one.times) for one in influx.answers]
    if own is not None:
        yield Store.CONSOLE, [(one.bot_name, str(getattr(one, dimension)), one.times) for one in own]


def _divided(store: Store, dimension: Dimension, bot_name: str, parts: _Parts) -> list[AnswerPart]:
    by_value: dict[str, list[AnswerTimes]] = {}
    for name, value, times in parts:
        if value and (not bot_name or name == bot_name):
            by_value.setdefault(value, []).append(times)
    sums = {value: together(times) for value, times in by_value.items()}
    total = sum(sum(times.counts) for times in sums.values())
    divided = [
        AnswerPart(
            store=store,
            dimension=dimension,
            value=value,
            bot_name=bot_name,
            answers=sum(times.counts),
            share=sum(times.counts) / total,
            p50_s=times.percentile_s(0.5),
            p95_s=times.percentile_s(0.95),
        )
        for value, times in sums.items()
        if total
    ]
    return sorted(divided, key=lambda one: (-one.answers, one.value))


def together(parts: Iterable[AnswerTimes]) -> AnswerTimes:
    """The answers of several modes, of several bots, as one."""
    return sum(parts, AnswerTimes())
