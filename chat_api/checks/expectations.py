"""What an answer has to be like: what may be expected, and whether it is met. Pure.

Patterns are RE2's, as those of the log viewer: matched without backtracking, in time that grows with the text only.
"""

from collections.abc import Iterator
from dataclasses import replace

from chat_api.checks.schemas import CheckPrompt, Expectation, Failure, SuiteDraft
from chat_api.core.errors import InvalidInput
from chat_api.core.language import _
from chat_api.core.text import check_name, check_text
from chat_api.logs.filter import Pattern, log_filter

MAX_PROMPTS = 50
MAX_PROMPT_CHARS = 2000
MAX_TEXTS = 20
MAX_TEXT_CHARS = 500
MAX_SECONDS = 600.0
# What is looked at of an answer, and kept of it.
MAX_ANSWER_CHARS = 16_000


def checked_suite(draft: SuiteDraft) -> SuiteDraft:
    """The suite as it may be stored. Raises: InvalidInput that names the prompt by its number."""
    name = check_name(draft.name, field="name", min_chars=1, max_chars=80)
    if not 1 <= len(draft.prompts) <= MAX_PROMPTS:
        raise InvalidInput(_("1 to {most} prompts", most=MAX_PROMPTS), field="prompts")
    prompts = []
    for number, prompt in enumerate(draft.prompts, start=1):
        try:
            prompts.append(_checked(prompt))
        except InvalidInput as refusal:
            reason = _("number {number}: {reason}", number=number, reason=refusal.reason)
            raise InvalidInput(reason, field="prompts") from None
    return SuiteDraft(name=name, prompts=tuple(prompts))


def pattern_of(prompt: CheckPrompt) -> Pattern | None:
    """The compiled pattern of a prompt. Raises: InvalidInput when it is none."""
    return log_filter(pattern=prompt.matches).pattern if prompt.matches else None


def failures_of(
    prompt: CheckPrompt,
    answer: str,
    *,
    duration_s: float,
    is_apology: bool = False,
    is_truncated: bool = False,
) -> tuple[Failure, ...]:
    """Every expectation that an answer does not meet."""
    return tuple(_failures(prompt, answer, duration_s, is_apology=is_apology, is_truncated=is_truncated))


def _failures(
    prompt: CheckPrompt, answer: str, duration_s: float, *, is_apology: bool, is_truncated: bool
) -> Iterator[Failure]:
    shown, pattern = _folded(answer), pattern_of(prompt)
    if prompt.is_answer_required and not shown:
        yield Failure(kind=Expectation.NOT_EMPTY)
    if is_truncated:
        yield Failure(kind=Expectation.TRUNCATED)
    if prompt.is_apology_refused and is_apology:
        yield Failure(kind=Expectation.NO_APOLOGY)
    for text in prompt.contains:
        if _folded(text) not in shown:
            yield Failure(kind=Expectation.CONTAINS, expected=text)
    for text in prompt.excludes:
        if _folded(text) in shown:
            yield Failure(kind=Expectation.EXCLUDES, expected=text)
    if pattern is not None and pattern.search(answer.encode(errors="replace")) is None:
        yield Failure(kind=Expectation.MATCHES, expected=prompt.matches or "")
    if prompt.max_s is not None and duration_s > prompt.max_s:
        yield Failure(kind=Expectation.MAX_S, expected=f"{prompt.max_s:g} s")


def _checked(prompt: CheckPrompt) -> CheckPrompt:
    text = check_text(prompt.text.strip(), field="prompts", max_chars=MAX_PROMPT_CHARS)
    if prompt.max_s is not None and not 0 < prompt.max_s <= MAX_SECONDS:
        raise InvalidInput(_("from 0 to {most} seconds", most=f"{MAX_SECONDS:g}"), field="prompts")
    checked = replace(
        prompt,
        text=text,
        contains=_texts(prompt.contains),
        excludes=_texts(prompt.excludes),
        matches=check_text(prompt.matches, field="prompts", max_chars=MAX_TEXT_CHARS) if prompt.matches else None,
    )
    pattern_of(checked)
    return checked


def _texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    if len(texts) > MAX_TEXTS:
        raise InvalidInput(_("at most {count} texts", count=MAX_TEXTS), field="prompts")
    return tuple(check_text(one.strip(), field="prompts", max_chars=MAX_TEXT_CHARS) for one in texts)


def _folded(text: str) -> str:
    """As it is compared: without case, and with any white space as one blank."""
    return " ".join(text.casefold().split())
