"""What bots say when they could not think: known by its words, extended by operators, and never by a slow pattern."""

import time

import orjson
import pytest
from pydantic import ValidationError

from chat_api.bots.answers import read_answer
from chat_api.bots.apologies import Apologies, is_model_error
from chat_api.bots.connector import BotConnector
from chat_api.bots.http import Reply
from chat_api.bots.schemas import BotSpec
from chat_api.core.settings import Settings
from tests.support.sample_bots import sample_bot


@pytest.mark.parametrize(
    "text",
    [
        "I'm having a bit of trouble thinking right now. Could you try rephrasing that?",
        "I\u2019m having a bit of trouble thinking clearly right now.\n",
        "I'm experiencing high demand right now. Please try again in a moment.",
        "I apologize, but I'm having trouble generating a response right now. Please try again.",
    ],
)
def test_the_words_of_both_generations(text: str) -> None:
    """As their sources have them, whatever the apostrophe; within an answer they are an answer."""
    assert Apologies().has(text)
    assert not Apologies().has(f"My sister said: {text}")
    assert not Apologies().has(f"{text} But let me tell you about the sea.")


def test_what_operators_add() -> None:
    """A pattern for whole answers, in any case; beside the usual ones."""
    apologies = Apologies(r"ay, my brain .{0,40} glitch.*|one more time\?")
    assert apologies.has("Ay, my brain just did a little glitch there.\nCan you try again?")
    assert apologies.has("One more time?")
    assert apologies.has("I'm having connection issues right now. Please try again.")
    assert not apologies.has("Shall we sing it one more time?")


@pytest.mark.parametrize("pattern", ["(", "a{1001}", "x" * 2001, r"(?=no)"])
def test_a_pattern_that_is_none(pattern: str) -> None:
    """Is refused where it is set, by its name."""
    with pytest.raises(ValidationError, match="bot_apology_patterns"):
        Settings(bot_apology_patterns=pattern)


def test_a_hostile_pattern_takes_no_time() -> None:
    """What makes others think for years is matched in the time of its text."""
    apologies = Apologies(r"(a+)+(b|c)*(a|aa)+$")
    started_s = time.perf_counter()
    for _ in range(20):
        assert not apologies.has("a" * 499 + "!")
    assert time.perf_counter() - started_s < 5


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        ("LLMError: HTTP error: 402", True),
        ("Error code: 402 - {'error': {'message': 'Insufficient credits'}}", True),
        ("OpenRouter rate limit exceeded", True),
        ("KeyError: 402", False),
        ("database connection refused", False),
    ],
)
def test_what_exceptions_say(error: str, is_it: bool) -> None:
    """Only what comes from a language model is the language model's."""
    assert is_model_error(error) is is_it
    body = {"success": False, "response": "I am so sorry.", "error": error}
    answer = read_answer(Reply(status=500, body=orjson.dumps(body)), bot_name="elena", processing_time_s=1)
    assert (answer.is_apology, answer.is_model_silent) == (True, is_it)


async def test_they_are_known_while_the_service_runs() -> None:
    """To the second generation such words are its dead language model; what is set anew counts from then on."""
    async with sample_bot("ryan", contract="v2") as ryan:
        await ryan.set_faults(says="Ay, one more time?")
        connector = BotConnector(Settings())
        await connector.initialize()
        spec = BotSpec(name="ryan", display_name="Ryan", url=ryan.url)
        try:
            await connector.get_bot_status(spec)
            assert not (await connector.send_message_to_bot(spec, user_id="u", message="Hi")).is_apology
            connector.configure(Settings(bot_apology_patterns="ay, one more.*"))
            answer = await connector.send_message_to_bot(spec, user_id="u", message="Hi")
            assert (answer.is_apology, answer.is_model_silent) == (True, True)
        finally:
            await connector.cleanup()
