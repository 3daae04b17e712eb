"""The connector against real sample bots of both generations: the same promises for both."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from chat_api.bots.chat import BotChat
from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotAnswer, BotSpec, Contract, Discord
from chat_api.core.errors import BotFailed, BotStarting, BotTimeout, BotUnavailable, Upstream
from chat_api.core.settings import Settings
from tests.chat_api.bots.conftest import Ticking
from tests.support.sample_bots import RunningBot, sample_bot


@pytest.fixture(scope="module", params=["v1", "v2"])
async def bot(request: pytest.FixtureRequest) -> AsyncIterator[RunningBot]:
    """One bot process of each generation."""
    async with sample_bot("elena", contract=request.param) as running:
        running.contract = request.param  # type: ignore[attr-defined]
        yield running


@pytest.fixture
async def well_bot(bot: RunningBot) -> AsyncIterator[RunningBot]:
    """The bot, behaving again after the test."""
    yield bot
    await bot.set_faults(mode="ok", scope="chat", delay_ms=0)


def spec(bot: RunningBot) -> BotSpec:
    """The bot as the registry would describe it."""
    return BotSpec(name=bot.name, display_name="Elena Rodriguez", url=bot.url)


async def test_answers(connector: BotConnector, well_bot: RunningBot, ticking: Ticking) -> None:
    """A message gets a text, under our key whatever name the bot gives itself; the bot has seen who asked."""
    before = len(await well_bot.calls())
    answer = await connector.send_message_to_bot(spec(well_bot), user_id="weu_1", message="Hello 🌊", user_name="Ada")
    assert answer.text.strip()
    assert (answer.bot_name, answer.is_apology, answer.memory_stored) == ("elena", False, True)
    assert [(call.user_id, call.message) for call in (await well_bot.calls())[before:]] == [("weu_1", "Hello 🌊")]
    assert ticking.observed == [("elena", "ok")]


async def test_health_and_self_description(connector: BotConnector, well_bot: RunningBot) -> None:
    """Both generations are recognised, and say whether they are ready."""
    for _ in range(2):
        probe = await connector.get_bot_status(spec(well_bot))
        assert probe.is_healthy
        assert probe.latency_ms is not None
        assert probe.error is None
        assert (probe.contract, probe.is_ready) in {("v1", True), ("v2", True)}
    info = await connector.get_bot_info(spec(well_bot))
    assert info.contract == probe.contract
    assert info.facts


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("exception", BotFailed),
        ("badjson", BotFailed),
        ("notjson", BotFailed),
        ("huge", BotFailed),
        ("truncate", BotUnavailable),
        ("reset", BotUnavailable),
        ("hang", BotTimeout),
    ],
)
async def test_every_failure_is_typed(
    connector: BotConnector, well_bot: RunningBot, mode: str, error: type[Upstream]
) -> None:
    """A failing bot is one of our errors with our own words, and is called once, for it may have remembered."""
    await well_bot.set_faults(mode=mode)
    before = len(await well_bot.calls())
    timeout_s = 0.5 if mode == "hang" else 20
    with pytest.raises(error) as caught:
        await connector.send_message_to_bot(spec(well_bot), user_id="u", message="Hi", timeout_s=timeout_s)
    assert caught.value.message == error.public_message
    assert caught.value.detail
    assert not caught.value.extra.get("connect_failed")
    assert len(await well_bot.calls()) - before <= 1


async def test_an_apology_in_character_is_shown(connector: BotConnector, ticking: Ticking) -> None:
    """v1 answers 500 with a text for the user: it is an answer, marked as an apology, and no reason to open."""
    async with sample_bot("elena", contract="v1") as bot:
        await bot.set_faults(mode="http500")
        for _ in range(6):
            answer = await connector.send_message_to_bot(spec(bot), user_id="u", message="Hi")
            assert answer.is_apology
            assert "apolog" in answer.text.lower()
    assert ticking.observed == [("elena", "apology")] * 6


async def test_a_starting_bot_is_unavailable(connector: BotConnector) -> None:
    """While a v1 bot starts it is alive but not ready, and chat says to come back."""
    async with sample_bot("elena", contract="v1") as bot:
        await bot.set_faults(mode="not_ready")
        with pytest.raises(BotStarting) as caught:
            await connector.send_message_to_bot(spec(bot), user_id="u", message="Hi")
        assert caught.value.retry_after_s


async def test_a_bot_may_choose_to_say_nothing(connector: BotConnector, ticking: Ticking) -> None:
    """A success without a text: of v1 it is an answer and no failure, of v2 the contract knows no such thing."""
    async with sample_bot("elena", contract="v1") as bot:
        await bot.set_faults(mode="empty")
        answer = await connector.send_message_to_bot(spec(bot), user_id="u", message="Hi")
        assert (answer.text, answer.is_silent, answer.is_apology) == ("", True, False)
    async with sample_bot("ryan", contract="v2") as bot:
        await bot.set_faults(mode="empty")
        with pytest.raises(BotFailed):
            await connector.send_message_to_bot(spec(bot), user_id="u", message="Hi")
    assert ticking.observed == [("elena", "silent"), ("ryan", "bot_failed")]


@pytest.mark.parametrize("contract", ["v1", "v2"])
async def test_a_bot_tells_whether_it_is_on_discord(connector: BotConnector, contract: Contract) -> None:
    """Both generations say so, each in its way; a v1 bot also as whom and on how many servers."""
    async with sample_bot("elena", contract=contract) as bot:
        seen = await connector.get_bot_status(spec(bot))
        assert seen.is_ready
        if contract == "v1":
            assert seen.discord == Discord(is_connected=True, account="Elena#0001", guilds=1, latency_ms=0.0)
        else:
            assert seen.discord == Discord(is_connected=True)
        await bot.set_faults(is_off_discord=True)
        seen = await connector.get_bot_status(spec(bot))
        assert (seen.is_healthy, seen.is_ready, seen.discord) == (True, False, Discord(is_connected=False))


@pytest.mark.parametrize(("contract", "own_s", "may_take_s"), [("v1", None, 30), ("v2", None, 90), ("v2", 3.0, 3)])
async def test_how_long_a_bot_may_take(
    connector: BotConnector,
    monkeypatch: pytest.MonkeyPatch,
    contract: Contract,
    own_s: float | None,
    may_take_s: float,
) -> None:
    """Each generation has its default, and a bot may have its own."""
    given: list[float] = []
    ask = BotChat.ask

    async def noted(self: BotChat, bot: BotSpec, content: bytes, *, timeout_s: float, **others: Any) -> BotAnswer:
        given.append(timeout_s)
        return await ask(self, bot, content, timeout_s=timeout_s, **others)

    monkeypatch.setattr(BotChat, "ask", noted)
    connector.configure(Settings())
    async with sample_bot("elena", contract=contract) as bot:
        asked = replace(spec(bot), timeout_s=own_s)
        await connector.get_bot_status(asked)
        await connector.send_message_to_bot(asked, user_id="u", message="Hi")
    assert given == [may_take_s]


async def test_a_dead_bot_is_unavailable_and_comes_back(connector: BotConnector, ticking: Ticking) -> None:
    """A killed bot is refused at once when its breaker is open; a healthy probe lets the next call through."""
    async with sample_bot("elena") as bot:
        await bot.kill()
        for _ in range(6):
            with pytest.raises(BotUnavailable) as caught:
                await connector.send_message_to_bot(spec(bot), user_id="u", message="Hi")
            assert caught.value.extra["connect_failed"]
        assert connector.breaker_state("elena") == "open"
        probe = await connector.get_bot_status(spec(bot))
        assert (probe.is_healthy, probe.error) == (False, "cannot connect")
        await bot.restart()
        assert (await connector.get_bot_status(spec(bot))).is_healthy
        assert (await connector.send_message_to_bot(spec(bot), user_id="u", message="Hi")).text
        assert connector.breaker_state("elena") == "closed"
