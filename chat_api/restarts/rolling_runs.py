"""One rolling restart as it is run: its batches, its gates, and the sign of life that others wait for."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from chat_api.fleet.schemas import BotStatus, SyntheticCheckView
from chat_api.fleet.service import FleetService
from chat_api.restarts import rolling_repository as rolling
from chat_api.restarts.rolling_schemas import RollingStep, RollingView, StepState
from chat_api.restarts.service import RestartsService
from models import ActionOrigin, BotAction, RestartState, RollingState

log = get_logger(__name__)

HEARTBEAT_S = 5.0
CHECK_TRIES = 3
CHECK_PAUSE_S = 2.0
CHECK_TIMEOUT_S = 60.0
Check = Callable[[str], Awaitable[SyntheticCheckView]]
# Of each bot, the prompts of a suite in their order, and whether its answer was as it has to be.
Answers = Mapping[str, Sequence[tuple[str, bool]]]
Checkup = Callable[[Principal, UUID, Sequence[str]], Awaitable[Answers]]


class Book(Protocol):
    """Who shows the steps of a rolling restart, and writes down its end."""

    def tell(self, view: RollingView) -> None:
        """Show a step."""
        ...

    async def end(self, view: RollingView, state: RollingState, error: str | None) -> bool:
        """Write down the end; returns whether it was not over before."""
        ...


class RollingRun:
    """Restarts the bots of one plan, and stops where it must."""

    def __init__(
        self,
        book: Book,
        restarts: RestartsService,
        fleet: FleetService,
        check: Check,
        database: Database,
        *,
        clock: Clock,
        view: RollingView,
        checkup: Checkup | None = None,
        check_suite_id: UUID | None = None,
    ) -> None:
        """With a ``check_suite_id``, what passes before the restart has to pass after it."""
        self._checkup = checkup
        self._check_suite_id = check_suite_id
        self._before: Answers = {}
        self._book = book
        self._restarts = restarts
        self._fleet = fleet
        self._check = check
        self._database = database
        self._clock = clock
        self._is_over = False
        self.view = view

    async def run(self, principal: Principal) -> None:
        """Run to the end, whatever it is, and write it down."""
        beating = asyncio.create_task(self._heartbeat(), name=f"rolling-beat-{self.view.rolling_id}")
        try:
            state, error = await self._batches(principal)
        except asyncio.CancelledError:
            reason = "The console was stopped; the remaining bots were left as they are."
            await self._book.end(self.view, RollingState.INTERRUPTED, reason)
            raise
        except AppError as failure:
            state, error = RollingState.FAILED, failure.message
        except Exception:
            log.exception("rolling_failed", rolling_id=str(self.view.rolling_id))
            state, error = RollingState.FAILED, "It failed unexpectedly; the log of the console says more."
        finally:
            beating.cancel()
        if not self._is_over:
            await self._end(state, error)

    def note_abort(self, by: str) -> None:
        """Somebody in this process wants it to end after this batch."""
        self.view = replace(self.view, abort_requested_by=self.view.abort_requested_by or by)

    async def _batches(self, principal: Principal) -> tuple[RollingState, str | None]:
        self._before = await self._answers(principal, [step.bot_name for step in self.view.steps])
        for batch in _batches_of(self.view):
            await self._save()
            if self._is_over:
                return RollingState.INTERRUPTED, None
            if self.view.abort_requested_by is not None:
                done = f"{self.view.done_count} of {len(self.view.steps)} bots"
                return RollingState.ABORTED, f"Aborted by {self.view.abort_requested_by} after {done}."
            errors = await asyncio.gather(*(self._one(principal, name) for name in batch))
            failed = [f"{name}: {error}" for name, error in zip(batch, errors, strict=True) if error]
            failed = failed or await self._worse(principal, batch)
            if failed:
                return RollingState.FAILED, " ".join(failed)
        return RollingState.DONE, None

    async def _one(self, principal: Principal, name: str) -> str | None:
        """Restart one bot and see that it is well; gives the reason when it is not."""
        started_s = self._clock.monotonic_s()
        self._step(name, state=StepState.RESTARTING)
        try:
            error = await self._restarted(principal, name) or await self._answered(name)
        except AppError as failure:
            error = failure.message
        state = StepState.FAILED if error else StepState.DONE
        self._step(name, state=state, error=error, duration_s=round(self._clock.monotonic_s() - started_s, 1))
        return error

    async def _restarted(self, principal: Principal, name: str) -> str | None:
        rolling_id = self.view.rolling_id
        begun = await self._restarts.act(
            principal, BotAction.RESTART, name, origin=ActionOrigin.ROLLING, group_id=rolling_id
        )
        self._step(name, restart_id=str(begun.restart_id))
        ended = await self._restarts.finished(begun)
        if ended.state is RestartState.ONLINE:
            return None
        return (ended.error or "It did not come back.").partition("\n")[0]

    async def _answered(self, name: str) -> str | None:
        """See whether the bot answers a message, unless operators want no such messages; it may need a moment."""
        policy = self._fleet.policy_of(name)
        if policy is not None and not policy.is_synthetic_check_on:
            return None
        self._step(name, state=StepState.SYNTHETIC_CHECK)
        error: str | None = None
        for attempt in range(CHECK_TRIES):
            if attempt:
                await asyncio.sleep(CHECK_PAUSE_S)
            try:
                async with asyncio.timeout(CHECK_TIMEOUT_S):
                    seen = await self._check(name)
            except TimeoutError:
                error = "It answers its health check, but not a message: no answer in time"
                continue
            if not seen.is_answered:
                error = f"It answers its health check, but not a message: {seen.error or 'no answer'}"
            elif (error := self._degraded(name)) is None:
                return None
        return error

    async def _answers(self, principal: Principal, names: Sequence[str]) -> Answers:
        if self._checkup is None or self._check_suite_id is None:
            return {}
        return await self._checkup(principal, self._check_suite_id, names)

    async def _worse(self, principal: Principal, batch: Sequence[str]) -> list[str]:
        """What bots answered well before they were restarted, and do not any more."""
        if not self._before:
            return []
        for name in batch:
            self._step(name, state=StepState.SYNTHETIC_CHECK)
        after = await self._answers(principal, batch)
        failed = []
        for name in batch:
            worse = regressed(self._before.get(name, ()), after.get(name, ()))
            error = f"It failed a check that it passed before: {worse[0][:200]}" if worse else None
            self._step(name, state=StepState.FAILED if error else StepState.DONE, error=error)
            failed += [f"{name}: {error}"] if error else []
        return failed

    def _degraded(self, name: str) -> str | None:
        """Why the bot is degraded all the same, by the judgement that every page shows."""
        bot = next((bot for bot in self._fleet.current().bots if bot.name == name), None)
        if bot is None or bot.status is not BotStatus.DEGRADED:
            return None
        return f"It came back degraded: {bot.error or 'not ready'}"

    def _step(self, name: str, **changes: Any) -> None:
        steps = tuple(replace(step, **changes) if step.bot_name == name else step for step in self.view.steps)
        self.view = replace(self.view, steps=steps)
        self._book.tell(self.view)

    async def _heartbeat(self) -> None:
        while not self._is_over:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await self._save()
            except AppError as error:
                log.warning("rolling_not_stored", detail=error.detail)

    async def _save(self) -> None:
        """Store how far we are, and hear what others want. Raises: DatabaseUnavailable."""
        async with self._database.statement() as connection:
            stored = await rolling.heartbeat(connection, self.view.rolling_id, self.view.steps)
        if stored is None:
            self._is_over = True  # taken for dead, and ended by another process: we may do no more
        elif stored.abort_requested_by is not None:
            self.note_abort(stored.abort_requested_by)

    async def _end(self, state: RollingState, error: str | None) -> None:
        while True:
            try:
                await self._book.end(self.view, state, error)
            except AppError as failure:
                log.warning("rolling_not_stored", detail=failure.detail)
                await asyncio.sleep(HEARTBEAT_S)
            else:
                return


def regressed(before: Sequence[tuple[str, bool]], after: Sequence[tuple[str, bool]]) -> list[str]:
    """The prompts whose answers were good before, and are not after. Pure."""
    return [
        prompt
        for (prompt, was_good), (same, is_good) in zip(before, after, strict=False)
        if prompt == same and was_good and not is_good
    ]


def _batches_of(view: RollingView) -> Iterator[list[str]]:
    for _, steps in groupby(view.steps, key=_batch):
        yield [step.bot_name for step in steps]


def _batch(step: RollingStep) -> int:
    return step.batch
