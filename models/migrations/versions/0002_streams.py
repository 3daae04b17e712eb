"""Streams that can be resumed: edits, reactions, read marks, runs, tickets."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    ALTER TABLE web_conversations
        ADD COLUMN run_seq BIGINT,
        ADD COLUMN finish_reason VARCHAR(16),
        ADD COLUMN stop_requested_at TIMESTAMPTZ,
        ADD COLUMN version INTEGER NOT NULL DEFAULT 1,
        ADD COLUMN edited_at TIMESTAMPTZ,
        ADD COLUMN deleted_at TIMESTAMPTZ,
        ADD COLUMN response_deleted_at TIMESTAMPTZ
    """,
    # The order of a history is now part of the specified index.
    "DROP INDEX idx_web_conversations_user_bot",
    "ALTER INDEX idx_web_conversations_seq RENAME TO idx_web_conversations_user_bot",
    # A message that waits for its answer is in as few indexes as possible: it is moved when the answer comes.
    "CREATE INDEX idx_web_conversations_response ON web_conversations (response_id) WHERE response_id IS NOT NULL",
    "DROP INDEX idx_web_conversations_response_seq",
    """
    CREATE INDEX idx_web_conversations_response_seq ON web_conversations (user_id, bot_name, response_seq)
    WHERE response_seq IS NOT NULL
    """,
    "DROP INDEX uq_web_conversations_client_msg_id",
    """
    CREATE UNIQUE INDEX uq_web_conversations_client_msg_id ON web_conversations (user_id, client_msg_id)
    WHERE client_msg_id IS NOT NULL
    """,
    "DROP INDEX idx_web_conversations_pending",
    "CREATE INDEX idx_web_conversations_pending ON web_conversations (user_id, bot_name) WHERE status = 'pending'",
    # Counters are updated in place where their page has room.
    "ALTER TABLE web_streams SET (fillfactor = 50)",
    "ALTER TABLE web_streams ADD COLUMN last_instance UUID, ADD COLUMN previous_instance UUID",
    "ALTER TABLE web_events ALTER COLUMN conversation_id DROP NOT NULL, ADD COLUMN payload JSONB",
    # Events come in the order of time, and are asked for by it only to be forgotten.
    "DROP INDEX idx_web_events_created",
    "CREATE INDEX idx_web_events_created ON web_events USING brin (created_at)",
    """
    CREATE TABLE web_threads (
        user_id VARCHAR(100) NOT NULL,
        bot_name VARCHAR(50) NOT NULL,
        exchange_count BIGINT NOT NULL DEFAULT 0,
        read_up_to BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (user_id, bot_name)
    ) WITH (fillfactor = 50)
    """,
    # What was there before marks existed counts as read.
    """
    INSERT INTO web_threads (user_id, bot_name, exchange_count, read_up_to)
    SELECT user_id, bot_name, count(*), COALESCE(max(response_seq), 0) FROM web_conversations GROUP BY user_id, bot_name
    """,
    """
    CREATE TABLE web_message_versions (
        message_id UUID NOT NULL REFERENCES web_conversations (id) ON DELETE CASCADE,
        version INTEGER NOT NULL,
        content TEXT NOT NULL,
        replaced_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        PRIMARY KEY (message_id, version)
    )
    """,
    """
    CREATE TABLE web_reactions (
        message_id UUID NOT NULL,
        emoji VARCHAR(32) NOT NULL,
        conversation_id UUID NOT NULL REFERENCES web_conversations (id) ON DELETE CASCADE,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        PRIMARY KEY (message_id, emoji)
    )
    """,
    "CREATE INDEX ix_web_reactions_conversation_id ON web_reactions (conversation_id)",
    """
    CREATE TABLE web_ws_tickets (
        ticket_hash VARCHAR(64) PRIMARY KEY,
        session_id UUID NOT NULL REFERENCES web_user_sessions (id) ON DELETE CASCADE,
        expires_at TIMESTAMPTZ NOT NULL
    )
    """,
    "CREATE INDEX ix_web_ws_tickets_session_id ON web_ws_tickets (session_id)",
)
DOWNGRADE = (
    "DROP TABLE web_ws_tickets",
    "DROP TABLE web_reactions",
    "DROP TABLE web_message_versions",
    "DROP TABLE web_threads",
    "DROP INDEX idx_web_events_created",
    "CREATE INDEX idx_web_events_created ON web_events (created_at)",
    "DELETE FROM web_events WHERE conversation_id IS NULL",
    "ALTER TABLE web_events ALTER COLUMN conversation_id SET NOT NULL, DROP COLUMN payload",
    "ALTER TABLE web_streams DROP COLUMN last_instance, DROP COLUMN previous_instance",
    "DROP INDEX idx_web_conversations_pending",
    "CREATE INDEX idx_web_conversations_pending ON web_conversations (instance_id) WHERE status = 'pending'",
    "DROP INDEX uq_web_conversations_client_msg_id",
    "CREATE UNIQUE INDEX uq_web_conversations_client_msg_id ON web_conversations (user_id, client_msg_id)",
    "DROP INDEX idx_web_conversations_response_seq",
    "CREATE INDEX idx_web_conversations_response_seq ON web_conversations (user_id, bot_name, response_seq)",
    "DROP INDEX idx_web_conversations_response",
    "ALTER INDEX idx_web_conversations_user_bot RENAME TO idx_web_conversations_seq",
    "CREATE INDEX idx_web_conversations_user_bot ON web_conversations (user_id, bot_name)",
    """
    ALTER TABLE web_conversations DROP COLUMN run_seq, DROP COLUMN finish_reason, DROP COLUMN stop_requested_at,
        DROP COLUMN version, DROP COLUMN edited_at, DROP COLUMN deleted_at, DROP COLUMN response_deleted_at
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
