"""A test message: what comes back as it is, and nothing of it anywhere but in the audit trail."""

import pytest
from sqlalchemy import text

from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput, NotFound, PermissionDenied
from chat_api.core.principals import Permission, Principal
from models import AuditOutcome, Role
from tests.support.api import RunningApi
from tests.support.sample_bots import RunningBot


async def _admin(api: RunningApi, role: Role = Role.OPERATOR) -> Principal:
    return await api.services.auth.authenticate(await api.admin_login(role), is_admin=True)


async def test_a_trial_gives_the_answer_and_is_no_conversation(api: RunningApi, elena: RunningBot) -> None:
    """The bot hears a user of the administrator's own; nothing is stored but who tried what, without the words."""
    who = await _admin(api)
    trial = await api.services.test_messages.try_message(who, "elena", "  Are you there?  ")
    assert trial.is_answered
    assert trial.text
    assert trial.duration_s > 0
    calls = await elena.calls()
    tried = [call.message for call in calls if call.user_id == f"console_{who.user_id}"]
    assert tried == ["Are you there?"]
    assert api.settings.database_url
    database = Database(api.settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with database.read() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM web_conversations"))).scalar_one() == 0
    finally:
        await database.dispose()
    line = (await api.services.audit.find(who))[0]
    assert (line.action, line.target, line.outcome) == (Permission.TRY_BOT, "elena", AuditOutcome.ALLOWED)
    assert line.details == {"message_length": 14}


async def test_a_bot_that_fails_is_a_trial_that_says_so(api: RunningApi, elena: RunningBot) -> None:
    """With the code of the error and what operators want to know."""
    await elena.kill()
    trial = await api.services.test_messages.try_message(await _admin(api), "elena", "Hello")
    assert (trial.is_answered, trial.outcome, trial.text) == (False, "bot_unavailable", None)
    assert trial.error


async def test_who_may_not_try(api: RunningApi) -> None:
    """A viewer is denied, which leaves a line; what is no message and no bot is refused."""
    with pytest.raises(PermissionDenied):
        await api.services.test_messages.try_message(await _admin(api, Role.VIEWER), "elena", "Hello")
    who = await _admin(api)
    lines = await api.services.audit.find(who)
    assert any((line.action, line.outcome) == (Permission.TRY_BOT, AuditOutcome.DENIED) for line in lines)
    for message in ("", "   ", "x" * 2001):
        with pytest.raises(InvalidInput):
            await api.services.test_messages.try_message(who, "elena", message)
    with pytest.raises(NotFound):
        await api.services.test_messages.try_message(who, "nobody", "Hello")
