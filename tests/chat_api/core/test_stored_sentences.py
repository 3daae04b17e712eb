"""Sentences that are stored in English are shown in the language of their reader."""

import pytest

from chat_api.alerts import sentences as alert_sentences
from chat_api.core.language import speaking
from chat_api.core.stored_sentences import in_own_language, template_of
from chat_api.fleet.schemas import BotStatus
from chat_api.fleet.sentences import bot_trouble, service_trouble, with_affected
from chat_api.incidents import sentences


def test_a_stored_sentence_is_shown_in_german() -> None:
    """With the name in it as it is, also where that looks like a word; English readers get what is stored."""
    for name in ("Elena Rodriguez", "Offline", "{name}", "is"):
        stored = bot_trouble(name, BotStatus.OFFLINE)
        assert stored == f"{name} is offline"
        with speaking("de"):
            assert in_own_language(stored) == f"{name} ist offline"
        assert in_own_language(stored) == stored


def test_a_sentence_within_a_sentence_is_shown_in_german_too() -> None:
    """What is wrong, and what was seen of it: each part has its template."""
    title = bot_trouble("Elena", BotStatus.OFFLINE)
    with speaking("de"):
        assert in_own_language(sentences.opened(title, "No answer. " + title)) == (
            "Elena ist offline. No answer. Elena ist offline."
        )


@pytest.mark.parametrize(
    ("text", "template", "values"),
    [
        (
            with_affected(service_trouble("Redis", "is down"), 3),
            "{what}: {count} bots affected",
            {"what": "Redis is down", "count": "3"},
        ),
        (sentences.opened("Elena is offline", ""), "{what}.", {"what": "Elena is offline"}),
        (
            sentences.opened("Elena is offline", "It broke. Twice"),
            "{what}. {rest}.",
            {"what": "Elena is offline", "rest": "It broke. Twice"},
        ),
        (
            sentences.also_affected(f"bot{n:02}" for n in range(12)),
            "Also affected: {names}.",
            {"names": ", ".join(f"bot{n:02}" for n in range(10)) + " and 2 more"},
        ),
        (
            sentences.joined([sentences.exited(137), sentences.out_of_memory()])[1:],
            "{what}; {rest}",
            {"what": "ts container exited with code 137", "rest": sentences.out_of_memory()},
        ),
        (
            alert_sentences.RESOLVED.format(what="Elena is degraded: slow"),
            "Resolved: {what}",
            {"what": "Elena is degraded: slow"},
        ),
        ("What somebody wrote", None, None),
        ("", None, None),
    ],
)
def test_a_sentence_is_known_by_its_template(text: str, template: str | None, values: dict[str, str] | None) -> None:
    """The one that says most of it, with what was filled in; what no template made is nobody's."""
    assert template_of(text) == ((template, values) if template else None)


def test_what_is_not_known_is_shown_as_it_is() -> None:
    """Also a fault that a later version tells of, and a text of many lines."""
    with speaking("de"):
        for text in ("Redis sings", "one\ntwo", "", service_trouble("Redis", "sings")):
            assert in_own_language(text) == text
