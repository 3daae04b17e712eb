"""API keys, who speaks through them, and by which door a message came."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE web_api_keys (
        id UUID PRIMARY KEY,
        owner_id VARCHAR(255) NOT NULL,
        is_admin BOOLEAN NOT NULL,
        name VARCHAR(60) NOT NULL,
        scopes VARCHAR(16)[] NOT NULL,
        bots VARCHAR(50)[] NOT NULL DEFAULT '{}',
        background VARCHAR(8) NOT NULL,
        requests_per_minute INTEGER,
        messages_per_day INTEGER,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        created_by VARCHAR(100) NOT NULL,
        expires_at TIMESTAMPTZ,
        last_used_at TIMESTAMPTZ,
        revoked_at TIMESTAMPTZ,
        revoked_by VARCHAR(100)
    )
    """,
    "CREATE INDEX idx_web_api_keys_owner ON web_api_keys (owner_id, created_at)",
    """
    CREATE TABLE web_api_key_secrets (
        key_hash VARCHAR(64) PRIMARY KEY,
        key_id UUID NOT NULL REFERENCES web_api_keys (id) ON DELETE CASCADE,
        last_four VARCHAR(4) NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        expires_at TIMESTAMPTZ
    )
    """,
    "CREATE INDEX ix_web_api_key_secrets_key_id ON web_api_key_secrets (key_id)",
    """
    CREATE TABLE web_api_key_usage (
        key_id UUID NOT NULL REFERENCES web_api_keys (id) ON DELETE CASCADE,
        day DATE NOT NULL,
        messages BIGINT NOT NULL DEFAULT 0,
        requests BIGINT NOT NULL DEFAULT 0,
        refused BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (key_id, day)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE web_api_identities (
        owner_id VARCHAR(255) NOT NULL,
        name_hash VARCHAR(64) NOT NULL,
        user_id VARCHAR(255) NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        PRIMARY KEY (owner_id, name_hash)
    )
    """,
    "CREATE INDEX ix_web_api_identities_user_id ON web_api_identities (user_id)",
    """
    CREATE TABLE web_usage_sources (
        start TIMESTAMPTZ NOT NULL,
        source VARCHAR(16) NOT NULL,
        messages BIGINT NOT NULL,
        PRIMARY KEY (start, source)
    )
    """,
    # Nothing is rewritten: a message without a source came by the chat itself.
    "ALTER TABLE web_conversations ADD COLUMN source VARCHAR(16)",
    "ALTER TABLE web_conversations ADD COLUMN api_key_id UUID",
    "ALTER TABLE web_conversations ADD COLUMN client_conversation VARCHAR(100)",
)
DOWNGRADE = (
    "ALTER TABLE web_conversations DROP COLUMN client_conversation",
    "ALTER TABLE web_conversations DROP COLUMN api_key_id",
    "ALTER TABLE web_conversations DROP COLUMN source",
    "DROP TABLE web_usage_sources",
    "DROP TABLE web_api_identities",
    "DROP TABLE web_api_key_usage",
    "DROP TABLE web_api_key_secrets",
    "DROP TABLE web_api_keys",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
