"""What one bot is started with: command line first, then environment, then defaults."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_SAMPLE_CHARACTERS = Path(__file__).resolve().parent.parent / "characters"


class ContractName(StrEnum):
    """The two generations of bots in the field."""

    V1 = "v1"
    V2 = "v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModelOptions:
    """Where an OpenAI-compatible language model answers."""

    api_url: str
    api_key: str = field(repr=False)
    model: str
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything a bot process can be told."""

    name: str
    host: str
    port: int
    contract: ContractName
    characters: Path
    delay_ms: int
    piece_delay_ms: int
    startup_ms: int
    failure_rate: float
    hang_rate: float
    babble_rate: float
    seed: int | None
    is_streaming: bool
    allows_faults: bool
    account: str
    language_model: LanguageModelOptions | None


def parse(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> Options:
    """Read ``argv`` over ``environ``; a bad value ends the process with a usage message."""
    env = os.environ if environ is None else environ
    parser = _parser(env)
    given = parser.parse_args(argv)
    return Options(
        name=given.name.strip().lower(),
        host=given.host,
        port=given.port,
        contract=ContractName(given.contract),
        characters=given.characters,
        delay_ms=given.delay_ms,
        piece_delay_ms=given.piece_delay_ms,
        startup_ms=given.startup_ms,
        failure_rate=given.failure_rate,
        hang_rate=given.hang_rate,
        babble_rate=given.babble,
        seed=given.seed,
        is_streaming=given.stream,
        allows_faults=given.allow_faults,
        account=given.account,
        language_model=_language_model(env, parser),
    )


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sample_bot",
        description="One character bot that speaks the WhisperEngine bot contract over HTTP.",
        epilog="With LLM_CHAT_API_URL and LLM_CHAT_MODEL (and LLM_CHAT_API_KEY) in the environment the bot talks "
        "through that OpenAI-compatible endpoint, waiting at most SAMPLE_BOT_LLM_TIMEOUT_S (30) seconds; "
        "without them a rule-based engine from nltk.chat answers.",
    )

    def option(flag: str, variable: str, default: str | None, **settings: object) -> None:
        text = f"{settings.pop('help')} [{variable}, default {default or 'none'}]"
        # argparse converts and checks string defaults exactly like typed-in values.
        parser.add_argument(flag, default=env.get(variable) or default, help=text, **settings)  # type: ignore[arg-type]

    def switch(flag: str, variable: str, help_text: str) -> None:
        is_on = env.get(variable, "").lower() in {"1", "true", "yes", "on"}
        parser.add_argument(flag, action="store_true", default=is_on, help=f"{help_text} [{variable}=true]")

    option("--name", "DISCORD_BOT_NAME", "elena", help="key of the bot")
    option("--port", "HEALTH_CHECK_PORT", "9091", type=_port, help="port; 0 takes a free one and logs it")
    option("--host", "SAMPLE_BOT_HOST", "127.0.0.1", help="address to listen on; 0.0.0.0 in a container")
    option("--contract", "SAMPLE_BOT_CONTRACT", "v1", type=_contract, help="generation to speak: v1 or v2")
    option("--characters", "SAMPLE_BOT_CHARACTERS", str(_SAMPLE_CHARACTERS), type=Path, help="folder of characters")
    option("--delay-ms", "SAMPLE_BOT_DELAY_MS", "0", type=_milliseconds, help="think this long before an answer")
    option(
        "--piece-delay-ms", "SAMPLE_BOT_PIECE_DELAY_MS", "0", type=_milliseconds, help="pause after each streamed piece"
    )
    option(
        "--startup-ms", "SAMPLE_BOT_STARTUP_MS", "0", type=_milliseconds, help="stay unready this long after the start"
    )
    option("--failure-rate", "SAMPLE_BOT_FAILURE_RATE", "0", type=_rate, help="share of chats answered with 500")
    option("--hang-rate", "SAMPLE_BOT_HANG_RATE", "0", type=_rate, help="share of chats never answered")
    option("--babble", "SAMPLE_BOT_BABBLE", "0", type=_rate, help="share of chats with a huge or broken body")
    option("--account", "SAMPLE_BOT_ACCOUNT", "", help="Discord account of a v1 bot without a character of its own")
    option("--seed", "SAMPLE_BOT_SEED", None, type=int, help="make replies and faults repeatable")
    switch("--stream", "SAMPLE_BOT_STREAM", "offer POST /api/chat/stream (server-sent events)")
    switch("--allow-faults", "SAMPLE_BOT_ALLOW_FAULTS", "offer POST /_faults and GET /_calls, for tests")
    return parser


def _language_model(env: Mapping[str, str], parser: argparse.ArgumentParser) -> LanguageModelOptions | None:
    url, model = env.get("LLM_CHAT_API_URL", "").strip(), env.get("LLM_CHAT_MODEL", "").strip()
    if not url:
        return None
    if not model:
        # Falling back to the rules would hide a broken configuration behind a working bot.
        parser.error("LLM_CHAT_API_URL is set but LLM_CHAT_MODEL is not")
    try:
        timeout_s = float(env.get("SAMPLE_BOT_LLM_TIMEOUT_S") or 30)
    except ValueError:
        parser.error("SAMPLE_BOT_LLM_TIMEOUT_S is not a number")
    key = env.get("LLM_CHAT_API_KEY", "").strip()
    return LanguageModelOptions(api_url=url, api_key=key, model=model, timeout_s=timeout_s)


def _port(text: str) -> int:
    if not 0 <= (port := int(text)) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port")
    return port


def _milliseconds(text: str) -> int:
    if (value := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _rate(text: str) -> float:
    if not 0.0 <= (value := float(text)) <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _contract(text: str) -> ContractName:
    try:
        return ContractName(text.lower())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is neither v1 nor v2") from None
