"""The day's work: when the report is sent, scheduled restarts, and checks of what bots answer."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE web_report_schedule (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        is_on BOOLEAN NOT NULL,
        at_time VARCHAR(5) NOT NULL,
        time_zone VARCHAR(64) NOT NULL,
        channels JSONB,
        last_day DATE,
        updated_by VARCHAR(100) NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE web_restart_schedules (
        id UUID PRIMARY KEY,
        name VARCHAR(80) NOT NULL UNIQUE,
        bots JSONB,
        batch_size INTEGER NOT NULL,
        recurrence VARCHAR(8) NOT NULL,
        weekdays JSONB NOT NULL,
        on_day DATE,
        at_time VARCHAR(5) NOT NULL,
        time_zone VARCHAR(64) NOT NULL,
        is_paused BOOLEAN NOT NULL,
        created_by_id VARCHAR(100) NOT NULL,
        created_by VARCHAR(100) NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        next_at TIMESTAMPTZ,
        last_at TIMESTAMPTZ,
        last_outcome VARCHAR(16),
        last_reason TEXT,
        last_rolling_id UUID
    )
    """,
    "CREATE INDEX idx_web_restart_schedules_next ON web_restart_schedules (next_at) WHERE next_at IS NOT NULL",
    """
    CREATE TABLE web_check_suites (
        id UUID PRIMARY KEY,
        name VARCHAR(80) NOT NULL UNIQUE,
        prompts JSONB NOT NULL,
        updated_by VARCHAR(100) NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE web_check_runs (
        id UUID PRIMARY KEY,
        suite_id UUID NOT NULL REFERENCES web_check_suites (id) ON DELETE CASCADE,
        suite_name VARCHAR(80) NOT NULL,
        prompts JSONB NOT NULL,
        bots JSONB NOT NULL,
        requested_by VARCHAR(100) NOT NULL,
        requested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        state VARCHAR(16) NOT NULL,
        heartbeat_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        finished_at TIMESTAMPTZ
    )
    """,
    "CREATE INDEX idx_web_check_runs_suite ON web_check_runs (suite_id, requested_at)",
    "CREATE UNIQUE INDEX uq_web_check_runs_running ON web_check_runs (state) WHERE finished_at IS NULL",
    """
    CREATE TABLE web_check_results (
        run_id UUID NOT NULL REFERENCES web_check_runs (id) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        bot_name VARCHAR(50) NOT NULL,
        is_passed BOOLEAN NOT NULL,
        outcome VARCHAR(40) NOT NULL,
        answer TEXT NOT NULL,
        duration_s DOUBLE PRECISION NOT NULL,
        failures JSONB NOT NULL,
        at TIMESTAMPTZ NOT NULL DEFAULT now(),
        PRIMARY KEY (run_id, place, bot_name)
    )
    """,
)
DOWNGRADE = (
    "DROP TABLE web_check_results",
    "DROP TABLE web_check_runs",
    "DROP TABLE web_check_suites",
    "DROP TABLE web_restart_schedules",
    "DROP TABLE web_report_schedule",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
