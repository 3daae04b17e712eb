"""Foundation: people, accounts, sessions, exchanges, administrators, audit, restarts, health checks.

Runs on an empty database, on one whose people tables WhisperEngine made, and on one whose ``web_*`` tables were made
from the specification's own SQL (zone-less times, no state per message): nothing that is there is dropped or narrowed.
"""

from alembic import op
from sqlalchemy import inspect

from models.migrations import people
from models.migrations.schema import elsewhere, move_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The columns of the specification's own SQL: a table with all of them was made from it.
SPECIFIED = {
    "web_user_sessions": {
        "id", "session_token", "user_id", "username", "display_name", "created_at", "last_active", "expires_at", "is_admin",
    },
    "web_conversations": {
        "id", "user_id", "bot_name", "user_message", "bot_response", "timestamp", "processing_time", "message_type",
        "metadata",
    },
}

ACCOUNTS = """
CREATE TABLE web_accounts (
    user_id VARCHAR(255) PRIMARY KEY REFERENCES universal_users (universal_id) ON DELETE CASCADE,
    name_key VARCHAR(60) NOT NULL,
    username VARCHAR(30) NOT NULL,
    display_name VARCHAR(50) NOT NULL,
    is_guest BOOLEAN NOT NULL DEFAULT FALSE,
    password_hash VARCHAR(255),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    banned_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX uq_web_accounts_name ON web_accounts (name_key) WHERE NOT is_guest;
CREATE INDEX idx_web_accounts_name ON web_accounts (name_key);
CREATE TABLE web_claims (
    claim_hash VARCHAR(64) NOT NULL,
    user_id VARCHAR(255) NOT NULL REFERENCES web_accounts (user_id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (claim_hash, user_id)
);
CREATE INDEX ix_web_claims_user_id ON web_claims (user_id);
CREATE TABLE web_admins (
    admin_id VARCHAR(100) PRIMARY KEY,
    username VARCHAR(30) NOT NULL UNIQUE,
    password_hash VARCHAR(255) NOT NULL,
    totp_secret VARCHAR(64),
    role VARCHAR(16) NOT NULL DEFAULT 'viewer',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    disabled_at TIMESTAMPTZ
);
CREATE TABLE web_settings (
    key VARCHAR(100) PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
"""

SESSIONS = """
CREATE TABLE IF NOT EXISTS web_user_sessions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    session_token VARCHAR(255) UNIQUE NOT NULL,
    user_id VARCHAR(100) NOT NULL,
    username VARCHAR(30) NOT NULL,
    display_name VARCHAR(50),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_active TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    is_admin BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX IF NOT EXISTS idx_web_sessions_token ON web_user_sessions (session_token);
CREATE INDEX IF NOT EXISTS idx_web_sessions_user ON web_user_sessions (user_id);
ALTER TABLE web_user_sessions
    ADD COLUMN IF NOT EXISTS revoked_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS address VARCHAR(64),
    ADD COLUMN IF NOT EXISTS user_agent VARCHAR(200);
"""

CONVERSATIONS = """
CREATE TABLE IF NOT EXISTS web_conversations (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id VARCHAR(100) NOT NULL,
    bot_name VARCHAR(50) NOT NULL,
    user_message TEXT NOT NULL,
    bot_response TEXT NOT NULL,
    timestamp TIMESTAMPTZ NOT NULL DEFAULT now(),
    processing_time FLOAT,
    message_type VARCHAR(20) NOT NULL DEFAULT 'text',
    metadata JSONB
);
ALTER TABLE web_conversations
    ALTER COLUMN bot_response SET DEFAULT '',
    ADD COLUMN IF NOT EXISTS status VARCHAR(16) NOT NULL DEFAULT 'answered',
    ADD COLUMN IF NOT EXISTS seq BIGINT,
    ADD COLUMN IF NOT EXISTS response_id UUID,
    ADD COLUMN IF NOT EXISTS response_seq BIGINT,
    ADD COLUMN IF NOT EXISTS client_msg_id VARCHAR(100),
    ADD COLUMN IF NOT EXISTS request_hash BYTEA,
    ADD COLUMN IF NOT EXISTS answered_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS error_code VARCHAR(40),
    ADD COLUMN IF NOT EXISTS instance_id UUID;
CREATE INDEX IF NOT EXISTS idx_web_conversations_user_bot ON web_conversations (user_id, bot_name);
CREATE INDEX IF NOT EXISTS idx_web_conversations_timestamp ON web_conversations (timestamp);
"""

# Rows that were there before have no place in a stream: give every exchange two, in the order of their times.
BACKFILL = """
UPDATE web_conversations c
SET seq = o.place * 2 - 1, response_seq = o.place * 2, response_id = gen_random_uuid(), answered_at = c.timestamp
FROM (SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY timestamp, id) AS place FROM web_conversations) o
WHERE o.id = c.id AND c.seq IS NULL;
"""

STREAMS = """
ALTER TABLE web_conversations ALTER COLUMN seq SET NOT NULL, ALTER COLUMN status SET DEFAULT 'pending';
CREATE INDEX idx_web_conversations_seq ON web_conversations (user_id, bot_name, seq);
CREATE INDEX idx_web_conversations_response_seq ON web_conversations (user_id, bot_name, response_seq);
CREATE UNIQUE INDEX uq_web_conversations_client_msg_id ON web_conversations (user_id, client_msg_id);
CREATE INDEX idx_web_conversations_pending ON web_conversations (instance_id) WHERE status = 'pending';
CREATE TABLE web_streams (
    user_id VARCHAR(100) PRIMARY KEY,
    epoch UUID NOT NULL DEFAULT gen_random_uuid(),
    last_seq BIGINT NOT NULL DEFAULT 0
);
INSERT INTO web_streams (user_id, last_seq) SELECT user_id, max(response_seq) FROM web_conversations GROUP BY user_id;
CREATE TABLE web_events (
    user_id VARCHAR(100) NOT NULL,
    seq BIGINT NOT NULL,
    kind VARCHAR(20) NOT NULL,
    conversation_id UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, seq)
);
CREATE INDEX idx_web_events_created ON web_events (created_at);
CREATE TABLE web_instances (
    id UUID PRIMARY KEY,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    heartbeat_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
"""

OPERATIONS = """
CREATE TABLE web_audit (
    id UUID PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    actor_id VARCHAR(100) NOT NULL,
    actor_name VARCHAR(50) NOT NULL,
    action VARCHAR(60) NOT NULL,
    target VARCHAR(100) NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    address VARCHAR(64),
    details JSONB
);
CREATE TABLE web_bot_restarts (
    id UUID PRIMARY KEY,
    bot_name VARCHAR(50) NOT NULL,
    requested_by VARCHAR(100) NOT NULL,
    requested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    state VARCHAR(16) NOT NULL,
    finished_at TIMESTAMPTZ,
    duration_s FLOAT,
    error TEXT
);
CREATE INDEX idx_web_bot_restarts_bot ON web_bot_restarts (bot_name, requested_at);
CREATE UNIQUE INDEX uq_web_bot_restarts_running ON web_bot_restarts (bot_name) WHERE finished_at IS NULL;
CREATE TABLE web_bot_checks (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    bot_name VARCHAR(50) NOT NULL,
    checked_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    status VARCHAR(16) NOT NULL,
    latency_ms FLOAT
);
CREATE INDEX idx_web_bot_checks_bot ON web_bot_checks (bot_name, checked_at);
CREATE INDEX idx_web_bot_checks_at ON web_bot_checks (checked_at);
"""

# The specification's SQL has zone-less times (written in UTC) and nullable columns with defaults.
UPGRADE_SPECIFIED_TABLES = """
DO $$
DECLARE c record;
BEGIN
    FOR c IN SELECT table_name, column_name FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name IN ('web_user_sessions', 'web_conversations')
               AND data_type = 'timestamp without time zone'
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE TIMESTAMPTZ USING %I AT TIME ZONE ''UTC''',
                       c.table_name, c.column_name, c.column_name);
    END LOOP;
END $$;
UPDATE web_user_sessions SET created_at = COALESCE(created_at, now()), last_active = COALESCE(last_active, now()),
    is_admin = COALESCE(is_admin, FALSE);
ALTER TABLE web_user_sessions ALTER COLUMN created_at SET NOT NULL, ALTER COLUMN last_active SET NOT NULL,
    ALTER COLUMN is_admin SET NOT NULL;
-- Their tokens stand there in the clear and were never checked against a key of ours.
UPDATE web_user_sessions SET revoked_at = now() WHERE revoked_at IS NULL;
UPDATE web_conversations SET timestamp = COALESCE(timestamp, now()), message_type = COALESCE(message_type, 'text');
ALTER TABLE web_conversations ALTER COLUMN timestamp SET NOT NULL, ALTER COLUMN message_type SET NOT NULL;
"""


def upgrade() -> None:
    _take_specified_tables()
    people.make(op.get_bind())
    for block in (
        ACCOUNTS, SESSIONS, CONVERSATIONS, UPGRADE_SPECIFIED_TABLES, BACKFILL, STREAMS, OPERATIONS
    ):
        for statement in _statements(block):
            op.execute(statement)


def _take_specified_tables() -> None:
    """Move them into our schema, wherever on the search path they were made; others of these names are not ours."""
    connection = op.get_bind()
    for table, columns in SPECIFIED.items():
        schema = elsewhere(connection, table)
        if schema is not None and columns <= {c["name"] for c in inspect(connection).get_columns(table, schema=schema)}:
            move_tables(connection, schema, [table])


def _statements(block: str) -> list[str]:
    """asyncpg prepares one statement at a time; a ``DO`` body keeps its semicolons."""
    parts, inside = [], False
    current = ""
    for line in block.splitlines(keepends=True):
        inside ^= line.count("$$") % 2 == 1
        current += line
        if line.rstrip().endswith(";") and not inside:
            parts.append(current)
            current = ""
    return [part for part in parts if part.strip()]


def downgrade() -> None:
    for table in (
        "web_bot_checks", "web_bot_restarts", "web_audit", "web_instances", "web_events", "web_streams",
        "web_conversations", "web_user_sessions", "web_settings", "web_admins", "web_claims", "web_accounts",
    ):
        op.execute(f"DROP TABLE {table}")
