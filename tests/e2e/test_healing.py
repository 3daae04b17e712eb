"""A bot that cannot live, on a real engine, and the operator who looks on."""

from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.fleet.schemas import BotStatus
from chat_api.restarts import healing_worker as healer
from chat_api.restarts.schemas import RestartFilter
from models import ActionOrigin
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.console_app import running_console
from tests.support.docker_engine import BotContainer, DockerEngineHandle

LONG_MS = 90_000
# Written at each start; then it dies, whatever is done for it.
DYING = ["python", "-c", "print('born', flush=True); raise SystemExit(3)"]


@pytest.mark.docker
@pytest.mark.browser
async def test_a_bot_that_cannot_live_is_begun_three_times_and_then_left_alone(
    make_settings: MakeSettings,
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exactly three automatic restarts of the real container, then quarantine in the open page, and no more."""
    monkeypatch.setattr(healer, "FIRST_WAIT_S", 0.2)
    monkeypatch.setattr(healer, "EVALUATE_EVERY_S", 0.3)
    bot = bot_container("elena", command=DYING)
    settings = make_settings(docker_host=docker_engine.host, bot_restart_timeout=0.5, bot_health_check_interval=0.3)
    async with running_console(settings) as console:
        await sign_in(page, console)
        row = page.get_by_test_id("bot-elena")
        await expect(row).to_have_attribute("data-status", BotStatus.OFFLINE, timeout=LONG_MS)
        admin = await console.services.auth.authenticate(await console.admin_login(), is_admin=True)
        policy = PolicyChange(is_auto_healed=True, heal_after_failures=2)
        await console.services.policies.change(admin, "elena", policy)
        await expect(row).to_have_attribute("data-status", BotStatus.QUARANTINED, timeout=LONG_MS)
        await expect(row.get_by_test_id("note")).to_contain_text("3")

        restarts = await console.services.restarts.history.found(admin, RestartFilter(bot_name="elena"))
        assert [restart.origin for restart in restarts] == [ActionOrigin.AUTO_HEAL] * 3
        bot.container.reload()
        assert bot.container.status == "exited"
        assert bot.container.logs().count(b"born") == 1 + 3
