"""An operator's word with a bot, to see what comes back: not a conversation, not stored, counted in no figure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from chat_api.audit.service import AuditService
from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotAnswer, BotInfo
from chat_api.core.call_outcomes import APOLOGY, SILENT, TRUNCATED
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import InvalidInput, Upstream
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from chat_api.core.read_models import ReadModel
from chat_api.fleet.identity import BotIdentities
from chat_api.fleet.registry import BotRegistry

MAX_TEST_MESSAGE_CHARS = 2000
TEST_MESSAGE_TIMEOUT_S = 60.0
TEST_USER_PREFIX = "console_"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestMessage(ReadModel):
    """How a test message went, as raw as the connector has it."""

    bot_name: str
    user_id: Annotated[str, Field(description="Who the bot was told it talks with.")]
    outcome: Annotated[
        str,
        Field(description="`answered`, `apology`, `silent`, `truncated`, or an error's code.", examples=["answered"]),
    ]
    duration_s: Annotated[float, Field(examples=[1.204])]
    text: str | None = None
    memory_stored: bool = False
    metadata: Annotated[Mapping[str, object], Field(description="What else the bot sent along.")] = field(
        default_factory=dict
    )
    error: str | None = None
    detail: Annotated[str | None, Field(description="What went wrong, for operators.")] = None

    @property
    def is_answered(self) -> bool:
        """Whether the bot really answered."""
        return self.outcome == "answered"


class TestMessagesService:
    """Behind the "Try a message" dialog and its route."""

    def __init__(
        self,
        registry: BotRegistry,
        connector: BotConnector,
        identities: BotIdentities,
        audit: AuditService,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._registry = registry
        self._connector = connector
        self._identities = identities
        self._audit = audit
        self._clock = clock

    async def try_message(self, principal: Principal, bot_name: str, text: str) -> TestMessage:
        """Say something to a bot as a synthetic user of this administrator's own, and wait for the whole answer.

        A bot that fails is a trial that says so.
        Raises: NotFound, InvalidInput, PermissionDenied, NotAuthenticated.
        """
        spec = self._registry.get(bot_name)
        await self._audit.require(principal, Permission.TRY_BOT, spec.name)
        message = text.strip()
        if not 0 < len(message) <= MAX_TEST_MESSAGE_CHARS:
            raise InvalidInput(_("A test message has 1 to {most} characters.", most=MAX_TEST_MESSAGE_CHARS))
        await self._audit.record(principal, Permission.TRY_BOT, spec.name, details={"message_length": len(message)})
        user_id = f"{TEST_USER_PREFIX}{principal.user_id}"
        started_s = self._clock.monotonic_s()
        try:
            answer = await self._identities.send(
                spec.name,
                user_id=user_id,
                message=message,
                user_name=principal.display_name,
                timeout_s=TEST_MESSAGE_TIMEOUT_S,
                is_counted=False,
            )
        except Upstream as error:
            return TestMessage(
                bot_name=spec.name,
                user_id=user_id,
                outcome=error.code,
                duration_s=round(self._clock.monotonic_s() - started_s, 3),
                error=error.message,
                detail=error.detail,
            )
        return TestMessage(
            bot_name=spec.name,
            user_id=user_id,
            outcome=_outcome(answer),
            duration_s=round(answer.processing_time_s, 3),
            text=answer.text,
            memory_stored=answer.memory_stored,
            metadata=answer.metadata,
        )

    async def self_description(self, principal: Principal, bot_name: str) -> BotInfo:
        """What a bot says of itself. Raises: NotFound, Upstream, PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        return await self._connector.get_bot_info(self._registry.get(bot_name))


def _outcome(answer: BotAnswer) -> str:
    if answer.is_silent:
        return SILENT
    return APOLOGY if answer.is_apology else TRUNCATED if answer.is_truncated else "answered"
