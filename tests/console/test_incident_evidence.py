"""Evidence as it is read: how a bot ended comes first, and whatever it wrote is only text."""

from datetime import UTC, datetime

import pytest

from chat_api.incidents.schemas import EvidenceView
from console.pages.incidents.evidence import evidence_panel
from console.widgets.fact_words import fact_label

START = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "<img src=x>"


def _evidence(*lines: str) -> EvidenceView:
    return EvidenceView(
        bot_name="elena",
        captured_at=START,
        reason="the incident opened",
        facts={"image": HOSTILE, "oom_killed": True, "started_at": START.isoformat(), "exit_code": 137, "health": None},
        checks=({"at": START.isoformat(), "status": "offline", "latency_ms": None},),
        log_lines=lines,
    )


def test_what_matters_comes_first() -> None:
    """The exit code and the memory before the image; moments as moments, what is unknown not at all."""
    shown = evidence_panel([_evidence("one", "two")])
    assert shown.index("Exit code") < shown.index("OOM killed") < shown.index("Started") < shown.index("Image")
    assert f'<we-time datetime="{START.isoformat()}">' in shown
    assert "Health" not in shown
    assert "Last 2 log lines" in shown


def test_lines_are_text() -> None:
    """One line is not "1 log lines", and markup in it is shown as it was written."""
    shown = evidence_panel([_evidence(HOSTILE)])
    assert "Last log line<" in shown
    assert HOSTILE not in shown
    assert "Nothing captured" in evidence_panel([])


@pytest.mark.parametrize(("name", "label"), [("oom_killed", "OOM killed"), ("api_version", "API version"), ("", "")])
def test_facts_have_names_for_people(name: str, label: str) -> None:
    """Abbreviations stay such."""
    assert fact_label(name) == label
