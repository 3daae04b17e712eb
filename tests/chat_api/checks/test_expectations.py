"""What is expected of an answer, and what of a suite."""

from typing import Any

import pytest

from chat_api.checks.expectations import checked_suite, failures_of
from chat_api.checks.schemas import CheckPrompt, Expectation, SuiteDraft
from chat_api.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("expected", "answer", "fails"),
    [
        ({"contains": ("ELENA",)}, "I am  elena.", []),
        ({"contains": ("i am elena",)}, "I am\n elena.", []),
        ({"contains": ("Marcus", "Elena")}, "I am Elena.", [(Expectation.CONTAINS, "Marcus")]),
        ({"excludes": ("language model",)}, "I'm a Language Model", [(Expectation.EXCLUDES, "language model")]),
        ({"matches": r"^\d+ fish$"}, "12 fish", []),
        ({"matches": "Fish"}, "12 fish", [(Expectation.MATCHES, "Fish")]),
        ({}, " ", [(Expectation.NOT_EMPTY, "")]),
        ({"is_answer_required": False}, "", []),
        ({"max_s": 1.5}, "yes", [(Expectation.MAX_S, "1.5 s")]),
    ],
)
def test_an_answer_fails_what_it_does_not_meet(
    expected: dict[str, Any], answer: str, fails: list[tuple[Expectation, str]]
) -> None:
    """Case and white space make no difference in texts; a pattern is as it is written."""
    found = failures_of(CheckPrompt(text="?", **expected), answer, duration_s=2)
    assert [(one.kind, one.expected) for one in found] == fails


def test_an_apology_and_a_broken_answer_fail() -> None:
    """The first unless it is allowed."""
    prompt = CheckPrompt(text="?")
    assert [one.kind for one in failures_of(prompt, "Sorry", duration_s=1, is_apology=True)] == ["no_apology"]
    assert [one.kind for one in failures_of(prompt, "So", duration_s=1, is_truncated=True)] == ["truncated"]
    allowed = CheckPrompt(text="?", is_apology_refused=False)
    assert failures_of(allowed, "Sorry", duration_s=1, is_apology=True) == ()


def test_a_pattern_that_takes_others_for_ever_takes_a_moment() -> None:
    """RE2 does not go back: what makes an ordinary engine try for years is over at once."""
    prompt = CheckPrompt(text="?", matches="(a+)+$")
    assert failures_of(prompt, "a" * 15_000 + "!", duration_s=1)[0].kind is Expectation.MATCHES


@pytest.mark.parametrize(
    "prompt",
    [
        {"text": "  "},
        {"text": "x" * 2001},
        {"text": "?", "contains": ("",)},
        {"text": "?", "contains": ("x",) * 21},
        {"text": "?", "matches": "("},
        {"text": "?", "matches": "(?=x)"},
        {"text": "?", "matches": "((a{100}){100})"},
        {"text": "?", "max_s": 0.0},
    ],
)
def test_a_prompt_that_makes_no_sense_is_refused(prompt: dict[str, Any]) -> None:
    """With its number, so that one finds it among fifty."""
    good = CheckPrompt(text="fine")
    with pytest.raises(InvalidInput) as refused:
        checked_suite(SuiteDraft(name="Suite", prompts=(good, CheckPrompt(**prompt))))
    assert refused.value.field == "prompts"
    assert refused.value.message.startswith("prompts: number 2: ")
    for prompts in ((), (good,) * 51):
        with pytest.raises(InvalidInput):
            checked_suite(SuiteDraft(name="Suite", prompts=prompts))
