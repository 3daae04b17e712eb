"""Checks: suites that operators write, and their runs over one bot or all of them side by side."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.checks import repository as checks
from chat_api.checks.expectations import checked_suite
from chat_api.checks.runner import CheckRunner
from chat_api.checks.schemas import CheckResult, RunDetails, RunView, SuiteDraft, SuiteView
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, Conflict, InvalidInput, NotFound
from chat_api.core.ids import new_id
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.pubsub import PubSub
from chat_api.core.text import cleaned
from chat_api.fleet.identity import BotIdentities
from chat_api.fleet.registry import BotRegistry
from models import CheckRunState

log = get_logger(__name__)

TOPIC = "check_run"
MAX_CALLS = 2_000
KEPT_RUNS = 50
# One answer takes a minute and a half at the most.
SILENT_S = 180.0
CLOSE_TIMEOUT_S = 3.0


class ChecksService:
    """The same for the page and for the API. ``changed`` tells the id of a run that went on, in every process."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        identities: BotIdentities,
        audit: AuditService,
        pubsub: PubSub,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._registry = registry
        self._audit = audit
        self._pubsub = pubsub
        self._clock = clock
        self._runner = CheckRunner(identities, clock=clock)
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self.changed: Topic[UUID] = Topic("check_runs")
        pubsub.subscribe(TOPIC, lambda payload: self.changed.publish(UUID(str(payload))))

    # Suites

    async def suites(self, principal: Principal) -> tuple[SuiteView, ...]:
        """All suites, by name. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await checks.suites(connection)

    async def create_suite(self, principal: Principal, draft: SuiteDraft) -> SuiteView:
        """Add a suite. Raises: InvalidInput, Conflict (its name is taken), PermissionDenied, NotAuthenticated."""
        return await self._put(principal, None, draft)

    async def change_suite(self, principal: Principal, suite_id: UUID, draft: SuiteDraft) -> SuiteView:
        """Replace a suite; its runs stay as they were. Raises: NotFound, and as :meth:`create_suite`."""
        return await self._put(principal, suite_id, draft)

    async def delete_suite(self, principal: Principal, suite_id: UUID) -> None:
        """Delete a suite with its runs. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        await self._audit.require(principal, Permission.TRY_BOT, str(suite_id))
        async with self._database.write() as connection:
            name = await checks.remove_suite(connection, suite_id)
            if name is None:
                raise NotFound
            await self._audit.record(principal, "check_suite.delete", name, connection=connection)

    # Runs

    async def begin(self, principal: Principal, suite_id: UUID, bot_names: Sequence[str]) -> RunView:
        """Begin to ask bots (none named: all) the prompts of a suite; one run at a time in the whole deployment.

        Raises: NotFound, Conflict (one is running), InvalidInput (no bots, too many questions), PermissionDenied,
        NotAuthenticated.
        """
        await self._audit.require(principal, Permission.TRY_BOT, str(suite_id))
        names = tuple(dict.fromkeys(self._registry.get(name).name for name in bot_names))
        names = names or tuple(spec.name for spec in self._registry.all())
        if not names:
            raise InvalidInput("there are no bots", field="bot_names")
        run_id, now = new_id(), self._clock.now()
        async with self._database.write() as connection:
            suite = await checks.suite(connection, suite_id)
            if suite is None:
                raise NotFound
            if len(names) * len(suite.prompts) > MAX_CALLS:
                raise InvalidInput(_("at most {count} questions in one run", count=MAX_CALLS), field="bot_names")
            await checks.start(connection, run_id, suite, names, by=principal.username, now=now)
            await checks.prune(connection, suite_id, keep=KEPT_RUNS)
            details = {"bots": list(names), "prompts": len(suite.prompts)}
            await self._audit.record(principal, "check_suite.run", suite.name, details=details, connection=connection)
        task = asyncio.create_task(self._run(run_id, suite, names), name=f"checks-{run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))
        self._tell(run_id)
        return (await self.details(principal, run_id)).run

    async def answers(
        self, principal: Principal, suite_id: UUID, bot_names: Sequence[str]
    ) -> Mapping[str, Sequence[tuple[str, bool]]]:
        """Run a suite to its end: of each bot, the prompts in their order, and whether the answer passed.

        Raises: Conflict (it was stopped), and as :meth:`begin`.
        """
        begun = await self.begin(principal, suite_id, bot_names)
        task = self._tasks.get(begun.run_id)
        if task is not None:
            await asyncio.wait([task])
        details = await self.details(principal, begun.run_id)
        if details.run.state is not CheckRunState.DONE:
            raise Conflict("The checks were stopped.")
        found: dict[str, list[tuple[str, bool]]] = {name: [] for name in details.run.bots}
        for result in details.results:
            found[result.bot_name].append((details.prompts[result.place].text, result.is_passed))
        return found

    async def stop(self, principal: Principal, run_id: UUID) -> RunView:
        """End a run; what was asked already is heard and thrown away. Raises: NotFound, Conflict (it is over)."""
        await self._audit.require(principal, Permission.TRY_BOT, str(run_id))
        details = await self.details(principal, run_id)
        async with self._database.write() as connection:
            if not await checks.finish(connection, run_id, CheckRunState.STOPPED, now=self._clock.now()):
                raise Conflict("These checks have ended.")
            name = details.run.suite_name
            await self._audit.record(principal, "check_suite.stop", name, connection=connection)
        self._tell(run_id)
        return (await self.details(principal, run_id)).run

    async def runs(self, principal: Principal, *, suite_id: UUID | None = None, limit: int = 50) -> tuple[RunView, ...]:
        """The last runs, newest first. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await checks.newest(connection, suite_id=suite_id, limit=limit)

    async def details(self, principal: Principal, run_id: UUID) -> RunDetails:
        """One run with every answer. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            found = await checks.details(connection, run_id)
        if found is None:
            raise NotFound
        return found

    # What the service does for itself

    async def interrupt_dead(self) -> None:
        """End the runs whose process is gone."""
        async with self._database.write() as connection:
            ended = await checks.interrupt(connection, seconds=SILENT_S, now=self._clock.now())
        for run_id in ended:
            self._tell(run_id)

    async def close(self) -> None:
        """End what runs here, and say that it was interrupted."""
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT_S)

    # Inside

    async def _put(self, principal: Principal, suite_id: UUID | None, draft: SuiteDraft) -> SuiteView:
        await self._audit.require(principal, Permission.TRY_BOT, cleaned(draft.name, max_chars=100))
        checked = checked_suite(draft)
        async with self._database.write() as connection:
            stored = await checks.put_suite(
                connection,
                suite_id or new_id(),
                checked,
                is_new=suite_id is None,
                by=principal.username,
                now=self._clock.now(),
            )
            if stored is None:
                raise NotFound
            action = f"check_suite.{'create' if suite_id is None else 'change'}"
            details = {"prompts": len(stored.prompts)}
            await self._audit.record(principal, action, stored.name, details=details, connection=connection)
        return stored

    async def _run(self, run_id: UUID, suite: SuiteView, names: tuple[str, ...]) -> None:
        async def keep(result: CheckResult) -> bool:
            async with self._database.write() as connection:
                is_wanted = await checks.add_result(connection, run_id, result)
            self._tell(run_id)
            return is_wanted

        state = CheckRunState.INTERRUPTED
        try:
            await self._runner.run(names, suite.prompts, keep)
            state = CheckRunState.DONE
        except* AppError as failures:
            log.warning("checks_interrupted", run_id=str(run_id), error=str(failures.exceptions[0]))
        except* Exception:
            log.exception("checks_failed", run_id=str(run_id))
        finally:
            await self._finish(run_id, state)

    async def _finish(self, run_id: UUID, state: CheckRunState) -> None:
        """Store the end; what cannot be stored now is ended by :meth:`interrupt_dead`."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S), self._database.write() as connection:
                await checks.finish(connection, run_id, state, now=self._clock.now())
        except (AppError, TimeoutError) as error:
            log.warning("checks_not_finished", run_id=str(run_id), error=type(error).__name__)
        self._tell(run_id)

    def _tell(self, run_id: UUID) -> None:
        self.changed.publish(run_id)
        self._pubsub.publish(TOPIC, str(run_id))
