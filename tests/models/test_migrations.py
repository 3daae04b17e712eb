"""Migrations: from nothing, from WhisperEngine's own tables, and from the specification's SQL."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import models
from chat_api.audit.service import AuditService
from chat_api.core.database import Database
from chat_api.core.security import load_key_ring, token_hash
from chat_api.core.settings import Settings
from chat_api.people.auth import AuthService
from chat_api.people.identity import IdentityService
from models.database_url import async_database_url
from models.migrate import HEAD, MigrationFailed, upgrade

# The people tables as WhisperEngine makes them, with zone-less times, and a Discord user in them.
WHISPERENGINE = """
CREATE TABLE universal_users (universal_id VARCHAR(255) PRIMARY KEY, primary_username VARCHAR(255) NOT NULL,
    display_name VARCHAR(255), email VARCHAR(255), created_at TIMESTAMP NOT NULL DEFAULT NOW(),
    last_active TIMESTAMP NOT NULL DEFAULT NOW(), preferences TEXT DEFAULT '{}', privacy_settings TEXT DEFAULT '{}');
CREATE TABLE platform_identities (id SERIAL PRIMARY KEY,
    universal_id VARCHAR(255) REFERENCES universal_users (universal_id) ON DELETE CASCADE,
    platform VARCHAR(50) NOT NULL,
    platform_user_id VARCHAR(255) NOT NULL, username VARCHAR(255) NOT NULL, display_name VARCHAR(255),
    email VARCHAR(255), verified_at TIMESTAMP DEFAULT NOW(), UNIQUE (platform, platform_user_id));
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('theirs');
INSERT INTO universal_users (universal_id, primary_username) VALUES ('weu_0123456789abcdef', 'discordian');
INSERT INTO platform_identities (universal_id, platform, platform_user_id, username)
    VALUES ('weu_0123456789abcdef', 'discord', '42', 'discordian');
"""
# Source: specification, "Database Schema".
SPECIFIED = """
CREATE TABLE web_user_sessions (id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    session_token VARCHAR(255) UNIQUE NOT NULL,
    user_id VARCHAR(100) NOT NULL, username VARCHAR(30) NOT NULL, display_name VARCHAR(50),
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, last_active TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    expires_at TIMESTAMP NOT NULL, is_admin BOOLEAN DEFAULT FALSE);
CREATE INDEX idx_web_sessions_token ON web_user_sessions(session_token);
CREATE INDEX idx_web_sessions_user ON web_user_sessions(user_id);
CREATE TABLE web_conversations (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), user_id VARCHAR(100) NOT NULL,
    bot_name VARCHAR(50) NOT NULL, user_message TEXT NOT NULL, bot_response TEXT NOT NULL,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP, processing_time FLOAT, message_type VARCHAR(20) DEFAULT 'text',
    metadata JSONB);
CREATE INDEX idx_web_conversations_user_bot ON web_conversations(user_id, bot_name);
CREATE INDEX idx_web_conversations_timestamp ON web_conversations(timestamp);
INSERT INTO web_user_sessions (session_token, user_id, username, expires_at)
    VALUES ('plain-token', 'u', 'old', '2099-01-01');
INSERT INTO web_conversations (user_id, bot_name, user_message, bot_response, timestamp)
    VALUES ('u', 'elena', 'one', 'eins', '2025-01-01 12:00'), ('u', 'elena', 'two', 'zwei', '2025-01-02 12:00');
"""


async def test_an_empty_database_gets_what_the_models_say(empty_database_url: str) -> None:
    """After the migration nothing is left to compare, and a second run has nothing to do."""
    assert await upgrade(empty_database_url) is True
    assert await upgrade(empty_database_url) is False
    assert await _differences(empty_database_url) == []


async def test_the_head_that_is_checked_at_start_is_the_newest_migration() -> None:
    """A forgotten constant would skip a migration."""
    config = Config()
    config.set_main_option("script_location", str(Path(models.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_whisperengines_own_tables_stay_as_they_are(empty_database_url: str) -> None:
    """Its people, their identities and its own migration version are untouched, and ours work beside them."""
    connection = await _connect(empty_database_url)
    await connection.execute(WHISPERENGINE)
    await upgrade(empty_database_url)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "theirs"
    assert await connection.fetchval("SELECT username FROM platform_identities WHERE platform = 'discord'")
    kind = await connection.fetchval(
        "SELECT data_type FROM information_schema.columns"
        " WHERE table_name = 'universal_users' AND column_name = 'created_at'"
    )
    assert kind == "timestamp without time zone"
    assert await connection.fetchval("SELECT count(*) FROM web_accounts") == 0
    await connection.close()


async def test_tables_made_from_the_specification_are_taken_over(empty_database_url: str) -> None:
    """Old exchanges keep their texts and times and get a place in the stream; old sessions are revoked."""
    connection = await _connect(empty_database_url)
    await connection.execute(WHISPERENGINE + SPECIFIED)
    await upgrade(empty_database_url)
    rows = await connection.fetch("SELECT * FROM web_conversations ORDER BY seq")
    assert [(r["user_message"], r["seq"], r["response_seq"], r["status"]) for r in rows] == [
        ("one", 1, 2, "answered"),
        ("two", 3, 4, "answered"),
    ]
    assert rows[0]["timestamp"].isoformat() == "2025-01-01T12:00:00+00:00"
    assert await connection.fetchval("SELECT last_seq FROM web_streams WHERE user_id = 'u'") == 4
    assert await connection.fetchval("SELECT count(*) FROM web_user_sessions WHERE revoked_at IS NULL") == 0
    await connection.close()


async def test_many_processes_may_migrate_at_once(empty_database_url: str) -> None:
    """Starts at the same moment make one schema and no error."""
    code = f"import asyncio, models.migrate as m; asyncio.run(m.upgrade({empty_database_url!r}))"
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(3)]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert await _differences(empty_database_url) == []


async def test_what_cannot_be_migrated_says_why_and_stays_as_it_is(empty_database_url: str) -> None:
    """E.g. a database that a newer version of the product has been at."""
    connection = await _connect(empty_database_url)
    await connection.execute(
        "CREATE TABLE web_ui_alembic_version (version_num VARCHAR(32) PRIMARY KEY);"
        "INSERT INTO web_ui_alembic_version VALUES ('9999')"
    )
    with pytest.raises(MigrationFailed, match="Can't locate revision identified by '9999'"):
        await upgrade(empty_database_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'web%'") == 1
    await connection.close()


async def _differences(url: str) -> list[object]:
    engine = create_async_engine(async_database_url(url))

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": "web_ui_alembic_version"}
        )
        return list(compare_metadata(context, SQLModel.metadata))

    try:
        async with engine.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await engine.dispose()


async def _connect(url: str) -> asyncpg.Connection:
    connection: asyncpg.Connection = await asyncpg.connect(url)
    return connection


async def test_what_browsers_held_before_claims_were_bound_goes_on_working(empty_database_url: str) -> None:
    """Somebody without a password has nothing else: their old cookie opens their account after the upgrade, once
    more for each account that it opened, and gives way to one of the new kind."""
    config = Config()
    config.set_main_option("script_location", str(Path(models.__file__).parent / "migrations"))
    config.attributes["database_url"] = async_database_url(empty_database_url)
    await asyncio.to_thread(command.upgrade, config, "0011")
    old = "a-claim-of-the-version-before-0123456789abcdef"
    connection = await _connect(empty_database_url)
    for user_id, name in (("weu_1", "alice"), ("weu_2", "bobby")):
        await connection.execute(
            "INSERT INTO universal_users (universal_id, primary_username) VALUES ($1, $2)", user_id, name
        )
        await connection.execute(
            "INSERT INTO web_accounts (user_id, name_key, username, display_name) VALUES ($1, $2, $2, $2)",
            user_id,
            name,
        )
        await connection.execute(
            "INSERT INTO web_claims (claim_hash, user_id) VALUES ($1, $2)", token_hash(old), user_id
        )
    await upgrade(empty_database_url)
    names = await connection.fetch("SELECT skeletons FROM web_accounts ORDER BY user_id")
    assert [row["skeletons"] for row in names] == [["alice"], ["bobby"]]
    # What a process of the version before still writes, while this one starts.
    await connection.execute("INSERT INTO web_claims (claim_hash, user_id) VALUES ('late', 'weu_1')")
    await connection.close()
    settings = Settings(web_ui_secret_key=SecretStr("Zq8-a-key-for-this-test-0123456789ab"))
    database = Database(empty_database_url, pool_size=2)
    try:
        identity, audit = IdentityService(database, settings), AuditService(database)
        auth = AuthService(database, load_key_ring(settings), identity, audit, settings)
        alice = await auth.login("alice", claim=old)
        assert alice.principal.user_id == "weu_1"
        bob = await auth.login("bobby", claim=alice.claim)
        assert bob.principal.user_id == "weu_2"
        await auth.leave(alice.token, claim=bob.claim)
        assert (await auth.login("alice", claim=old)).principal.is_guest
    finally:
        await database.dispose()


async def test_what_was_a_canary_goes_on_as_a_synthetic_check(empty_database_url: str) -> None:
    """Who had them switched off has them off, and their charts reach as far back as before."""
    config = Config()
    config.set_main_option("script_location", str(Path(models.__file__).parent / "migrations"))
    config.attributes["database_url"] = async_database_url(empty_database_url)
    await asyncio.to_thread(command.upgrade, config, "0016")
    connection = await _connect(empty_database_url)
    await connection.execute(
        "INSERT INTO web_bot_policies (bot_name, changed_at, is_canary_on) VALUES ('elena', now(), false)"
    )
    for subject in ("canary:elena", "answers:elena"):
        await connection.execute(
            "INSERT INTO web_series (subject, span_s, started_at, count, errors, sum_ms, max_ms, buckets, counts)"
            " VALUES ($1, 60, now(), 3, 1, 20, 15, '{}', '{}')",
            subject,
        )
    await upgrade(empty_database_url)
    assert await connection.fetchval("SELECT is_synthetic_check_on FROM web_bot_policies") is False
    subjects = await connection.fetch("SELECT subject FROM web_series ORDER BY subject")
    assert [row["subject"] for row in subjects] == ["answers:elena", "synthetic_check:elena"]
    await connection.close()
