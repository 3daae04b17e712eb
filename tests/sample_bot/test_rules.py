"""The rule-based engine and its memory of each user."""

import subprocess
import sys

import aiohttp
import pytest

from sample_bot.character import Character
from sample_bot.memory import MAX_REMEMBERED_CHARS, ConversationMemory
from sample_bot.prompt import Prompt
from sample_bot.rules import RuleEngine
from tests.sample_bot.calls import say
from tests.support.sample_bots import RunningBot

_VOICES = {
    "elena": "nltk.chat.eliza",
    "ryan": "nltk.chat.iesha",
    "dream": "nltk.chat.zen",
    "gabriel": "nltk.chat.rude",
    "sophia": "nltk.chat.suntsu",
    "stranger": "nltk.chat.eliza",
}
_ODD = [
    "100% of %1",
    "%",
    "",
    "   ",
    "\n\nHello\n",
    "🌊🌊",
    "ı am ſo İ",
    "\x00",
    "\ud800",
    "???",
    "a" * 100_000,
    "日本語",
]


def engine(key: str) -> RuleEngine:
    """The engine that a bot of this name gets."""
    return RuleEngine(Character(key=key, display_name=key))


@pytest.mark.parametrize(("key", "name"), _VOICES.items())
async def test_every_voice_answers_whatever_is_said(key: str, name: str) -> None:
    """Each character has its own chatbot, and no text breaks it."""
    voice = engine(key)
    assert voice.name == name
    for message in _ODD * 5:
        answer = await voice.reply(Prompt(message=message, history=()))
        assert answer.strip()
        assert "%1" not in answer or "%1" in message


async def test_every_letter_of_unicode_is_survived() -> None:
    """Letters that change length or kind with their case are a classic way to break a rule table."""
    voices = [engine(key) for key in _VOICES]
    for start in range(0, 0x1_1000, 64):
        message = "I need " + "".join(f" {chr(code)} i{chr(code)}" for code in range(start, start + 64))
        assert await voices[start // 64 % len(voices)].reply(Prompt(message=message, history=()))


async def test_percent_signs_come_back() -> None:
    """The chatbot's own placeholder sign is only a sign when the user types it."""
    assert "50%" in await engine("elena").reply(Prompt(message="I need 50% of it", history=()))


def test_the_toolkit_can_still_be_imported() -> None:
    """Taking the chatbots without their package leaves the package usable, and costs none of it."""
    code = (
        "import sys; from sample_bot.rules import RuleEngine; from sample_bot.character import Character\n"
        "RuleEngine(Character(key='elena', display_name='Elena'))\n"
        "assert not {'nltk', 'nltk.tokenize', 'numpy'} & set(sys.modules)\n"
        "import nltk; nltk.FreqDist"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def test_each_user_is_remembered_alone(http: aiohttp.ClientSession, v1_bot: RunningBot, user_id: str) -> None:
    """What one user said is recalled to that user and to nobody else."""
    await say(http, v1_bot, user_id, "My boat is called Orca")
    assert "My boat is called Orca" in await say(http, v1_bot, user_id, "Do you remember what I said?")
    assert "not told me anything" in await say(http, v1_bot, f"{user_id}-other", "What did I say before?")


def test_memory_is_bounded_in_every_direction() -> None:
    """The last turns of the last users, each of bounded length."""
    memory = ConversationMemory(max_users=2, max_turns=3)
    for number in range(5):
        memory.remember("ada", message=f"{number}", reply="x" * 10_000)
    assert [turn.message for turn in memory.recall("ada")] == ["2", "3", "4"]
    assert len(memory.recall("ada")[0].reply) == MAX_REMEMBERED_CHARS
    memory.remember("bob", message="Hi", reply="Hi")
    memory.remember("ada", message="5", reply="")
    memory.remember("cyd", message="Hi", reply="Hi")
    assert memory.recall("bob") == ()
    assert memory.recall("ada")[-1].message == "5"
