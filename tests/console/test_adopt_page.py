"""The Adopt page without a browser: what the containers of others say of themselves is text."""

import pytest

from chat_api.engine.adopted import AdoptedContainers
from chat_api.engine.schemas import ContainerSummary
from chat_api.engine.summaries import container_summary
from models import Role
from tests.support.console_app import RunningConsole
from tests.support.console_page import opened_page
from tests.support.elements import by_testid, text

HOSTILE = 'shop" innerHTML="<img src=x onerror=alert(1)>'


async def test_a_project_is_called_what_an_image_wants_and_nothing_more(
    console_app: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label, which an image can bring along, gives the page no property."""
    labels = {"com.docker.compose.project": HOSTILE, "com.docker.compose.service": HOSTILE}
    listed = {"Id": "1", "Names": ["/shop-db"], "Image": "postgres:16", "State": "running", "Labels": labels}

    async def list_containers() -> tuple[ContainerSummary, ...]:
        summary = container_summary(listed, label="whisperengine.bot", adopted=AdoptedContainers())
        assert summary is not None
        return (summary,)

    monkeypatch.setattr(console_app.services.adoption._engine, "list_containers", list_containers)
    async with opened_page(console_app, await console_app.admin_login(Role.ADMIN), "/admin/adopt") as page:
        panel = by_testid(page.client, f"project-{HOSTILE}")
        assert "innerHTML" not in panel.props
        assert panel.props["aria-label"] == HOSTILE
        assert "No bots were found here" in text(panel)
