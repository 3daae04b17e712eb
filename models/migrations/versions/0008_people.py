"""What the pages about people, conversations, audit and analytics need."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    "ALTER TABLE web_accounts ADD COLUMN ban_reason VARCHAR(500)",
    """
    CREATE TABLE web_merges (
        source_id VARCHAR(255) PRIMARY KEY,
        target_id VARCHAR(255) NOT NULL,
        merged_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_web_merges_target_id ON web_merges (target_id)",
    """
    CREATE TABLE web_activity_days (
        user_id VARCHAR(100) NOT NULL,
        day DATE NOT NULL,
        bot_name VARCHAR(50) NOT NULL,
        messages BIGINT NOT NULL,
        PRIMARY KEY (user_id, day, bot_name)
    )
    """,
    "CREATE INDEX idx_web_activity_days_day ON web_activity_days (day, bot_name, user_id)",
    """
    CREATE TABLE web_usage (
        grain VARCHAR(4) NOT NULL,
        start TIMESTAMPTZ NOT NULL,
        bot_name VARCHAR(50) NOT NULL,
        users BIGINT NOT NULL,
        messages BIGINT NOT NULL,
        answered BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        visits BIGINT NOT NULL DEFAULT 0,
        visit_seconds FLOAT NOT NULL DEFAULT 0,
        answer_times BIGINT[] NOT NULL,
        PRIMARY KEY (grain, start, bot_name)
    )
    """,
    """
    CREATE TABLE web_retention (
        cohort DATE NOT NULL,
        week DATE NOT NULL,
        people BIGINT NOT NULL,
        PRIMARY KEY (cohort, week)
    )
    """,
    "CREATE TABLE web_usage_dirty (hour TIMESTAMPTZ PRIMARY KEY)",
    # What was there before is counted by the first run.
    """
    INSERT INTO web_usage_dirty (hour)
    SELECT DISTINCT date_trunc('hour', timestamp, 'UTC') FROM web_conversations
    """,
)
DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE web_usage_dirty",
    "DROP TABLE web_retention",
    "DROP TABLE web_usage",
    "DROP TABLE web_activity_days",
    "DROP TABLE web_merges",
    "ALTER TABLE web_accounts DROP COLUMN ban_reason",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
