"""Links to Grafana: what they lead to, and which addresses are refused at the start."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from chat_api.core.grafana import grafana_link
from chat_api.core.settings import Settings

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dashboard", "path"), [(None, "/"), ("bots", "/d/bots"), ("d/abc-1/all_bots", "/d/abc-1/all_bots")]
)
def test_it_leads_to_a_dashboard_with_bot_and_time(dashboard: str | None, path: str) -> None:
    """Times in milliseconds; a bot more is a value more, and its name cannot add a part to the address."""
    settings = Settings(grafana_url="https://h.example/g/", grafana_dashboard=dashboard, grafana_bot_variable="name")
    assert grafana_link(settings, ["elena", "r&d=x"], since=SINCE, until=UNTIL) == (
        f"https://h.example/g{path}?var-name=elena&var-name=r%26d%3Dx&from=1767225600000&to=1767229200000"
    )


def test_without_an_address_there_is_no_link() -> None:
    """Nothing is guessed."""
    assert grafana_link(Settings(), ["elena"], since=SINCE, until=UNTIL) is None


@pytest.mark.parametrize(
    "setting",
    [
        {"grafana_url": "javascript:alert(1)"},
        {"grafana_url": "grafana:3000"},
        {"grafana_url": "https://h/?orgId=1"},
        {"grafana_url": "https://user:pass@h"},
        {"grafana_url": 'https://h/"><b>'},
        {"grafana_url": "https://h:99999"},
        {"grafana_dashboard": "../admin"},
        {"grafana_dashboard": "d/x?y"},
        {"grafana_bot_variable": "a b"},
    ],
)
def test_what_is_no_address_is_refused(setting: dict[str, str]) -> None:
    """At the start, by the name of the setting."""
    with pytest.raises(ValidationError):
        Settings(**setting)  # type: ignore[arg-type]
