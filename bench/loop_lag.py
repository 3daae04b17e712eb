"""How late the product's event loop runs what is due, from its own metrics, while a load goes on."""

from collections import Counter
from collections.abc import Awaitable, Callable

from prometheus_client.parser import text_string_to_metric_families

from bench.figures import Load, histogram_percentile
from bench.http import fetch, request_bytes
from chat_api.core.metrics import PREFIX

_NAME = f"{PREFIX}_event_loop_lag_seconds"
_METRICS = request_bytes("GET", "/metrics")


class LoopLag:
    """Adds up what a product observes during the turns that are run through :meth:`during`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._counts: Counter[float] = Counter()

    async def during(self, turn: Callable[[], Awaitable[Load]]) -> Load:
        """Run one turn, and count the lags observed meanwhile."""
        before = await self._read()
        load = await turn()
        after = await self._read()
        self._counts.update({bound: after[bound] - before[bound] for bound in after})
        return load

    @property
    def p99_ms(self) -> float | None:
        """The lag that one in a hundred exceeded, ``None`` when nothing was observed."""
        counts = sorted(self._counts.items())
        return histogram_percentile(counts, 0.99) * 1000 if counts and counts[-1][1] else None

    async def _read(self) -> Counter[float]:
        text = (await fetch(self._port, _METRICS)).decode()
        return Counter(
            {
                float(sample.labels["le"]): sample.value
                for family in text_string_to_metric_families(text)
                if family.name == _NAME
                for sample in family.samples
                if sample.name == f"{_NAME}_bucket"
            }
        )
