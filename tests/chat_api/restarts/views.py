"""Restarts as tests need them."""

from datetime import UTC, datetime
from uuid import UUID

from chat_api.fleet.schemas import RestartView
from models import RestartState


def restart_view(state: RestartState) -> RestartView:
    """A restart of elena in this state."""
    return RestartView(
        restart_id=UUID(int=1),
        bot_name="elena",
        requested_by="admin",
        requested_at=datetime(2026, 1, 1, tzinfo=UTC),
        state=state,
        estimate_s=30,
    )
