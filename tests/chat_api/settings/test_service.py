"""What is set in the console: it wins, it lasts, it reaches every process, and nobody sets what would lock them out."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import pytest

from chat_api import background_tasks
from chat_api.audit.schemas import AuditQuery
from chat_api.core.errors import (
    FeatureOff,
    InvalidInput,
    Maintenance,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
)
from chat_api.core.principals import Principal
from chat_api.core.settings import Settings
from chat_api.settings.schemas import Effect, Feature, SettingView, Source
from chat_api.settings.service import MASK
from chat_api.settings.stored_values import AFTER_RESTART, AT_ONCE
from models import Role
from models.migrate import upgrade
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


async def somebody(api: RunningApi, role: Role = Role.ADMIN) -> Principal:
    """An administrator of a role."""
    return await api.services.auth.authenticate(await api.admin_login(role), is_admin=True)


def setting(api: RunningApi, admin: Principal, name: str) -> SettingView:
    """One setting as the console shows it."""
    return next(view for view in api.services.configuration.views(admin) if view.name == name)


Two = tuple[RunningApi, RunningApi]


@pytest.fixture
def two_later(
    make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot
) -> Callable[[], AbstractAsyncContextManager[Two]]:
    """Two processes of one deployment, from when they are wanted."""

    @asynccontextmanager
    async def start() -> AsyncIterator[Two]:
        settings = make_settings(bots=(elena, marcus))
        async with running_api(settings) as one, running_api(settings) as other:
            yield one, other

    return start


async def test_each_setting_says_where_it_comes_from(api: RunningApi) -> None:
    """Default, environment or here, in this order of weakness; a secret's value is in none of it."""
    admin = await somebody(api)
    views = {view.name: view for view in api.services.configuration.views(admin)}
    assert list(views) == list(Settings.model_fields)
    assert all(view.meaning for view in views.values())
    assert (views["bot_api_timeout"].source, views["bot_api_timeout"].value) == (Source.DEFAULT, "30")
    health = views["bot_health_check_interval"]
    assert (health.source, health.value, health.environment, health.default) == (
        Source.ENVIRONMENT,
        "0.5",
        "0.5",
        "60",
    )
    assert views["database_url"].value == MASK
    assert api.settings.database_url
    assert api.settings.database_url.get_secret_value() not in repr(views)
    set_here = await api.services.configuration.set(admin, "bot_health_check_interval", "0.7")
    assert (set_here.source, set_here.value, set_here.environment) == (Source.HERE, "0.7", "0.5")
    assert set_here.changed_by == "test-admin"
    assert "calls a day" in (views["bot_canary_interval"].note or ""), "what it costs stands beside it"
    assert views["bot_api_timeout"].note is None


async def test_what_is_set_here_wins_and_survives_a_restart(make_settings: MakeSettings) -> None:
    """Over the environment, at once where it can, else from the next start on; reset, the environment says it again."""
    settings = make_settings(bot_api_timeout=20)
    async with running_api(settings) as api:
        admin = await somebody(api)
        await api.services.configuration.set(admin, "bot_api_timeout", 12)
        pool = await api.services.configuration.set(admin, "database_pool_size", "7")
        assert (pool.value, pool.waiting, pool.effect) == ("5", "7", Effect.AFTER_RESTART)
        assert api.services.configuration.current.bot_api_timeout == 12
    async with running_api(settings) as api:
        admin = await somebody(api)
        assert setting(api, admin, "bot_api_timeout").source is Source.HERE
        assert api.services.settings.bot_api_timeout == 12
        assert api.services.system._database.pool_size == 7
        assert setting(api, admin, "database_pool_size").waiting is None
        back = await api.services.configuration.reset(admin, "bot_api_timeout")
        assert (back.source, back.value) == (Source.ENVIRONMENT, "20")
        assert api.services.configuration.current.bot_api_timeout == 20


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bot_api_timeout", "0", "bot_api_timeout: must be more than 0"),
        ("bot_api_timeout", "nan", "bot_api_timeout: "),
        ("session_timeout_hours", "inf", "session_timeout_hours: "),
        ("rate_limit_requests_per_minute", "many", "rate_limit_requests_per_minute: must be a whole number"),
        ("log_level", "LOUD", "log_level: must be one of 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("database_url", "postgresql://elsewhere/x", "database_url: can only be set in the environment"),
        ("web_ui_secret_key", "x" * 40, "web_ui_secret_key: can only be set in the environment"),
        ("docker_host", "tcp://evil:2375", "docker_host: can only be set in the environment"),
    ],
)
async def test_what_is_wrong_is_refused_in_the_fields_own_words(
    api: RunningApi, name: str, value: str, words: str
) -> None:
    """And nothing is changed."""
    admin = await somebody(api)
    with pytest.raises(InvalidInput) as refusal:
        await api.services.configuration.set(admin, name, value)
    assert refusal.value.message.startswith(words)
    assert setting(api, admin, name).source is not Source.HERE


async def test_only_administrators_set_and_all_is_audited(api: RunningApi) -> None:
    """Old and new value of what was allowed, and who was denied what."""
    admin, viewer, operator = await somebody(api), await somebody(api, Role.VIEWER), await somebody(api, Role.OPERATOR)
    configuration, feature_flags = api.services.configuration, api.services.feature_flags
    for person in (viewer, operator):
        with pytest.raises(PermissionDenied):
            await configuration.set(person, "bot_api_timeout", 9)
        with pytest.raises(PermissionDenied):
            await configuration.reset(person, "bot_api_timeout")
        with pytest.raises(PermissionDenied):
            await feature_flags.set_feature(person, Feature.GUESTS, is_on=False)
        with pytest.raises(PermissionDenied):
            await feature_flags.maintain(person, is_on=True)
        with pytest.raises(PermissionDenied):
            await feature_flags.announce(person, "Hello")
    with pytest.raises(NotFound):
        await configuration.set(admin, "no_such_setting", 1)
    await configuration.set(admin, "bot_api_timeout", 9)
    await configuration.set(admin, "bot_api_timeout", 8)
    newest, *rest = await api.services.audit.find(admin, AuditQuery(limit=30))
    assert (newest.action, newest.target, newest.details) == (
        "settings.set",
        "bot_api_timeout",
        {"old": 9.0, "new": 8.0},
    )
    assert sum(line.outcome == "denied" and line.action == "settings.manage" for line in rest) == 10


async def test_a_change_reaches_the_other_process(
    monkeypatch: pytest.MonkeyPatch, two_later: Callable[[], AbstractAsyncContextManager[Two]]
) -> None:
    """A setting that is read while it runs, and a switch; told over Redis, and not found by looking around."""
    monkeypatch.setattr(background_tasks, "SETTINGS_S", 3600.0)
    async with two_later() as (one, other):
        await _see_a_change(one, other)


async def _see_a_change(one: RunningApi, other: RunningApi) -> None:
    admin = await somebody(one)
    await one.services.configuration.set(admin, "rate_limit_requests_per_minute", 40)
    # Whatever was missed while they started is found by now; from here on only word of it helps.
    await eventually(lambda: other.services.configuration.current.rate_limit_requests_per_minute == 40)
    await eventually(lambda: one.services.pubsub.is_live and not one.services.pubsub._is_alone)
    await eventually(lambda: not other.app.state.services.configuration._store._is_stale)
    await one.services.feature_flags.maintain(admin, is_on=True, text="Soon back.")
    await eventually(lambda: other.services.feature_flags.current().maintenance == "Soon back.")
    token = await other.login("a fast one")
    async with other.client(token) as client:
        answers = [(await client.get("/api/conversations")).status_code for _ in range(45)]
    assert answers.count(429) == 5


async def test_a_change_whose_word_was_lost_is_found(
    two_later: Callable[[], AbstractAsyncContextManager[Two]],
) -> None:
    """Redis is never authoritative: every process looks for itself every few seconds."""
    async with two_later() as (one, other):
        admin = await somebody(one)
        one.services.pubsub.publish = lambda *_: None  # type: ignore[method-assign]
        await one.services.configuration.set(admin, "bot_api_timeout", 11)
        await eventually(lambda: other.services.configuration.current.bot_api_timeout == 11)


async def test_what_is_set_counts_where_it_is_read() -> None:
    """Each setting that says "at once" is one that the lifespan hands on; nothing is in both sets."""
    assert not AT_ONCE & AFTER_RESTART
    assert set(Settings.model_fields) >= AT_ONCE | AFTER_RESTART


async def test_a_short_time_limit_counts_from_the_next_message(api: RunningApi, elena: RunningBot) -> None:
    """The bot's answer takes longer than an operator allows from now on."""
    admin, token = await somebody(api), await api.login("an impatient one")
    await api.services.configuration.set(admin, "bot_api_timeout", 0.5)
    await elena.set_faults(is_held=True)
    async with api.client(token) as client:
        answer = await client.post("/api/chat", json={"content": "Hello", "bot_name": "elena"})
    assert answer.json()["error"]["code"] == "bot_timeout"


async def test_features_that_are_off_are_refused(api: RunningApi) -> None:
    """By the services themselves: a new name, a guest, an edit, a reaction; who was here before still comes in."""
    admin, feature_flags = await somebody(api), api.services.feature_flags
    token = await api.login("resident", password="a password of theirs")
    principal = await api.services.auth.authenticate(token)
    exchange = await api.services.messages.send(principal, bot_name="elena", content="Hello")
    for feature in Feature:
        await feature_flags.set_feature(admin, feature, is_on=False)
    with pytest.raises(FeatureOff):
        await api.services.auth.login("somebody new")
    with pytest.raises(FeatureOff):
        await api.services.auth.login("resident")
    with pytest.raises(FeatureOff):
        await api.services.changes.edit(principal, exchange.message_id, content="Hi", version=exchange.version)
    with pytest.raises(FeatureOff):
        await api.services.changes.react(principal, exchange.message_id, "👍")
    await api.services.auth.login("resident", password="a password of theirs")
    for feature in Feature:
        await feature_flags.set_feature(admin, feature, is_on=True)
    await api.services.changes.react(principal, exchange.message_id, "👍")
    await api.services.auth.login("somebody new")


async def test_maintenance_takes_no_new_messages_and_keeps_the_old(api: RunningApi) -> None:
    """Sending and trying again is refused with the operator's words; a known message is told, and reading works."""
    admin = await somebody(api)
    principal = await api.principal("a patient one")
    messages = api.services.messages
    sent = await messages.send(principal, bot_name="elena", content="Hello", client_msg_id="first")
    await api.services.feature_flags.maintain(admin, is_on=True, text="Back at six.")
    with pytest.raises(Maintenance, match="Back at six"):
        await messages.send(principal, bot_name="elena", content="Are you there?", client_msg_id="second")
    again = await messages.submit(principal, bot_name="elena", content="Hello", client_msg_id="first")
    assert (again.is_duplicate, again.exchange.message_id) == (True, sent.message_id)
    assert len((await messages.history(principal, "elena")).messages) == 2
    await api.services.feature_flags.maintain(admin, is_on=False)
    assert (await messages.send(principal, bot_name="elena", content="Are you there?", client_msg_id="second")).response


ODD = {
    "here:announcement": ["not json", "[]", "null", '{"value": null, "by": "x"}', '{"value": {"text": 5}, "by": "x"}'],
    "here:setting:bot_api_timeout": ['{"value": {"a": 1}, "by": "x"}', '{"value": "soon", "by": "x"}', "{}", "7"],
    "here:setting:log_level": ['{"value": [], "by": null}'],
    "here:setting:web_ui_secret_key": ['{"value": "x", "by": "x"}'],
    "here:setting:of_another_version": ['{"value": 1, "by": "x"}'],
    "here:feature:guests": ['{"value": "perhaps", "by": "x"}'],
    "here:feature:of_another_version": ['{"value": false, "by": "x"}'],
    "here:maintenance": ['{"value": {"text": "x"}, "by": "x"}'],
    "here:something": ['{"value": 1, "by": "x"}'],
}


async def test_odd_rows_spoil_neither_a_start_nor_a_page(
    make_settings: MakeSettings, elena: RunningBot, database_url: str
) -> None:
    """What somebody wrote by hand, or another version did: left out, said on the page, and set right by setting."""
    connection = await asyncpg.connect(database_url)
    store = "INSERT INTO web_settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2"
    try:
        await upgrade(database_url)
        for key, values in ODD.items():
            await connection.execute(store, key, values[0])
        async with running_api(make_settings(bots=(elena,))) as api:
            admin = await somebody(api)
            configuration = api.services.configuration
            keys = {key.removeprefix("here:") for key in ODD}
            assert all(any(line.startswith(key) for line in configuration.ignored(admin)) for key in keys)
            for key, values in ODD.items():
                for value in values:
                    await connection.execute(store, key, value)
                    await configuration._store.reload()
                    assert any(line.startswith(key.removeprefix("here:")) for line in configuration.ignored(admin))
                    assert setting(api, admin, "bot_api_timeout").value == "30"
                    assert api.services.feature_flags.announcement(admin) is None
                    assert api.services.feature_flags.current().maintenance is None
                    assert all(one.is_on for one in api.services.feature_flags.features(admin))
            async with api.client() as browser:
                assert (await browser.get("/api/announcement")).status_code == 200
                assert (await browser.post("/api/login", json={"username": "newcomer"})).status_code == 200
            async with api.client(await api.admin_login()) as console:
                told = (await console.get("/api/admin/settings")).json()
                assert any(line.startswith("announcement: ") for line in told["ignored"])
            await configuration.set(admin, "bot_api_timeout", 12)
            assert setting(api, admin, "bot_api_timeout").value == "12"
            await api.services.feature_flags.announce(admin, "Well again")
            assert api.services.feature_flags.announcement(admin) is not None
            assert not any(
                line.startswith(("announcement", "setting:bot_api")) for line in configuration.ignored(admin)
            )
    finally:
        await connection.close()


async def test_an_odd_rule_or_role_spoils_no_other(api: RunningApi, database_url: str) -> None:
    """One rule of another version among the alert rules: the others are listed and looked at, and it is said."""
    admin = await somebody(api)
    rules = await api.services.alert_settings.rules(admin)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "UPDATE web_alert_rules SET kind = 'of_another_version' WHERE id = $1", rules[0].rule_id
        )
        await api.services.admin_setup.create_admin("another", "correct horse battery")
        await connection.execute("UPDATE web_admins SET role = 'emperor' WHERE username = 'another'")
    finally:
        await connection.close()
    assert len(await api.services.alert_settings.rules(admin)) == len(rules) - 1
    assert "another" not in {one.username for one in await api.services.administrators.all(admin)}
    with pytest.raises(NotAuthenticated):
        await api.services.auth.admin_login("another", "correct horse battery")

    def is_said(what: str) -> bool:
        return any(what in line for line in api.services.configuration.ignored(admin))

    # A look at the alerts that had begun before may still find all well.
    await eventually(lambda: is_said(str(rules[0].rule_id)))
    await eventually(lambda: is_said("emperor"))
