"""Everything is broken at once, each trouble at least once: nothing is lost, doubled, or left pending."""

import os
import random
from pathlib import Path

from tests.chaos.run import Plan, run


async def test_nothing_is_lost_doubled_or_stuck(tmp_path: Path) -> None:
    """Stored = acknowledged = delivered, in order, once, in every tab; ``CHAOS_SEED`` repeats a run."""
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(2**32)))
    report = await run(Plan(seed=seed), tmp_path)
    print(report.text)  # noqa: T201
    assert report.is_good, f"{report.text}\ntrace and logs: {tmp_path}"
    assert report.verdict.counts["written"] > 5 * 60
    assert report.verdict.counts["connections"] > 2 * 120
