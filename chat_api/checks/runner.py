"""One run: a few bots at once, each asked its prompts in order, and no two in the same moment.

Source of the last: bot contract, "v2 names messages ``api_<ms>`` and drops conflicts".
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from chat_api.bots.schemas import BotAnswer
from chat_api.checks.expectations import MAX_ANSWER_CHARS, failures_of
from chat_api.checks.schemas import CheckPrompt, CheckResult, Expectation, Failure
from chat_api.core.call_outcomes import APOLOGY, SILENT, TRUNCATED
from chat_api.core.clock import Clock
from chat_api.core.errors import InvalidInput, NotFound, Upstream
from chat_api.core.text import cleaned
from chat_api.fleet.identity import BotIdentities
from chat_api.fleet.test_messages import TEST_USER_PREFIX

MAX_BOTS_AT_ONCE = 4
APART_S = 0.05
TIMEOUT_S = 90.0
# Always the same person, so that a run is like the one before: what bots remember of it is of checks only.
CHECK_USER = f"{TEST_USER_PREFIX}checks"

Keep = Callable[[CheckResult], Awaitable[bool]]


class CheckRunner:
    """Asks. What it hears goes to ``keep``, which says whether anything more is wanted."""

    def __init__(self, identities: BotIdentities, *, clock: Clock) -> None:
        self._identities = identities
        self._clock = clock
        self._turn = asyncio.Lock()

    async def run(self, bots: tuple[str, ...], prompts: tuple[CheckPrompt, ...], keep: Keep) -> bool:
        """Ask all bots all prompts; returns whether that was wanted to the end."""
        slots = asyncio.Semaphore(MAX_BOTS_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._bot(slots, name, prompts, keep)) for name in bots]
        return all(task.result() for task in running)

    async def _bot(self, slots: asyncio.Semaphore, name: str, prompts: tuple[CheckPrompt, ...], keep: Keep) -> bool:
        async with slots:
            for place, prompt in enumerate(prompts):
                if not await keep(await self._ask(name, place, prompt)):
                    return False
        return True

    async def _ask(self, name: str, place: int, prompt: CheckPrompt) -> CheckResult:
        async with self._turn:
            await asyncio.sleep(APART_S)
        began_s = self._clock.monotonic_s()
        try:
            answer = await self._identities.send(
                name,
                user_id=CHECK_USER,
                message=prompt.text,
                user_name="Checks",
                timeout_s=TIMEOUT_S,
                is_counted=False,
            )
        except (Upstream, NotFound, InvalidInput) as error:
            failures: tuple[Failure, ...] = (Failure(kind=Expectation.ERROR, expected=error.message),)
            outcome, text, spent_s = error.code, "", self._clock.monotonic_s() - began_s
        else:
            outcome, text, spent_s = _outcome(answer), answer.text[:MAX_ANSWER_CHARS], answer.processing_time_s
            failures = await asyncio.to_thread(
                partial(
                    failures_of,
                    prompt,
                    text,
                    duration_s=spent_s,
                    is_apology=answer.is_apology,
                    is_truncated=answer.is_truncated,
                )
            )
        return CheckResult(
            place=place,
            bot_name=name,
            is_passed=not failures,
            outcome=outcome[:40],
            answer=cleaned(text, max_chars=MAX_ANSWER_CHARS),
            duration_s=round(spent_s, 3),
            failures=failures,
            at=self._clock.now(),
        )


def _outcome(answer: BotAnswer) -> str:
    if answer.is_silent:
        return SILENT
    return APOLOGY if answer.is_apology else TRUNCATED if answer.is_truncated else "answered"
