"""Alert rules, channels, alerts, what was sent, and maintenance windows."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    CREATE TABLE web_alert_rules (
        id UUID PRIMARY KEY,
        name VARCHAR(80) NOT NULL UNIQUE,
        kind VARCHAR(20) NOT NULL,
        threshold DOUBLE PRECISION,
        bots JSONB,
        for_s INTEGER NOT NULL,
        keep_firing_for_s INTEGER NOT NULL,
        no_data VARCHAR(8) NOT NULL,
        severity VARCHAR(10) NOT NULL,
        channels JSONB,
        repeat_s INTEGER NOT NULL,
        is_enabled BOOLEAN NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE web_alert_channels (
        id UUID PRIMARY KEY,
        name VARCHAR(50) NOT NULL UNIQUE,
        url TEXT NOT NULL,
        severities JSONB NOT NULL,
        quiet_from VARCHAR(5),
        quiet_to VARCHAR(5),
        time_zone VARCHAR(64) NOT NULL,
        does_critical_break_quiet BOOLEAN NOT NULL,
        is_enabled BOOLEAN NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE web_alert_subjects (
        rule_id UUID NOT NULL REFERENCES web_alert_rules (id) ON DELETE CASCADE,
        subject VARCHAR(100) NOT NULL,
        status VARCHAR(10) NOT NULL,
        since TIMESTAMPTZ NOT NULL DEFAULT now(),
        fired_at TIMESTAMPTZ,
        well_since TIMESTAMPTZ,
        words VARCHAR(300) NOT NULL,
        cause VARCHAR(50),
        cause_lost_at TIMESTAMPTZ,
        PRIMARY KEY (rule_id, subject)
    )
    """,
    """
    CREATE TABLE web_alerts (
        id UUID PRIMARY KEY,
        key VARCHAR(120) NOT NULL,
        status VARCHAR(10) NOT NULL,
        severity VARCHAR(10) NOT NULL,
        title VARCHAR(200) NOT NULL,
        body TEXT NOT NULL,
        subjects JSONB NOT NULL,
        told_subjects JSONB NOT NULL,
        told_channels JSONB NOT NULL,
        opened_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        told_at TIMESTAMPTZ,
        resolved_at TIMESTAMPTZ,
        silenced_until TIMESTAMPTZ,
        silenced_by VARCHAR(50),
        silence_reason VARCHAR(300)
    )
    """,
    "CREATE UNIQUE INDEX uq_web_alerts_open ON web_alerts (key) WHERE resolved_at IS NULL",
    "CREATE INDEX idx_web_alerts_opened ON web_alerts (opened_at)",
    """
    CREATE TABLE web_notifications (
        id UUID PRIMARY KEY,
        alert_id UUID REFERENCES web_alerts (id) ON DELETE CASCADE,
        channel_id UUID REFERENCES web_alert_channels (id) ON DELETE SET NULL,
        channel_name VARCHAR(50) NOT NULL,
        kind VARCHAR(10) NOT NULL,
        severity VARCHAR(10) NOT NULL,
        title VARCHAR(200) NOT NULL,
        body TEXT NOT NULL,
        status VARCHAR(10) NOT NULL,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        due_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        leased_until TIMESTAMPTZ,
        attempts INTEGER NOT NULL,
        give_up_at TIMESTAMPTZ,
        done_at TIMESTAMPTZ,
        error VARCHAR(300)
    )
    """,
    "CREATE INDEX idx_web_notifications_waiting ON web_notifications (due_at) WHERE status = 'waiting'",
    "CREATE INDEX idx_web_notifications_created ON web_notifications (created_at)",
    """
    CREATE TABLE web_maintenance_windows (
        id UUID PRIMARY KEY,
        name VARCHAR(80) NOT NULL,
        bots JSONB,
        starts_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        ends_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        is_weekly BOOLEAN NOT NULL,
        time_zone VARCHAR(64) NOT NULL,
        created_by VARCHAR(50) NOT NULL
    )
    """,
    # What an operator wants to hear of before having thought about it; all can be changed or deleted.
    """
    INSERT INTO web_alert_rules
        (id, name, kind, threshold, for_s, keep_firing_for_s, no_data, severity, repeat_s, is_enabled) VALUES
        (gen_random_uuid(), 'Bot down', 'bot_down', NULL, 60, 60, 'keep', 'critical', 14400, TRUE),
        (gen_random_uuid(), 'Bot degraded', 'bot_degraded', NULL, 300, 120, 'keep', 'warning', 43200, TRUE),
        (gen_random_uuid(), 'Slow answers', 'slow_p95', 15000, 600, 300, 'ok', 'warning', 43200, TRUE),
        (gen_random_uuid(), 'Many failed answers', 'error_rate', 0.2, 300, 300, 'ok', 'warning', 43200, TRUE),
        (gen_random_uuid(), 'Restarts again and again', 'restarts', 3, 0, 600, 'keep', 'warning', 43200, TRUE),
        (gen_random_uuid(), 'Bot quarantined', 'quarantined', NULL, 0, 0, 'keep', 'critical', 43200, TRUE),
        (gen_random_uuid(), 'Service down', 'service_down', NULL, 20, 30, 'keep', 'critical', 14400, TRUE),
        (gen_random_uuid(), 'Disk almost full', 'disk', 0.1, 60, 300, 'alert', 'critical', 43200, TRUE),
        (gen_random_uuid(), 'Nothing heard', 'no_data', NULL, 300, 30, 'ok', 'warning', 14400, TRUE),
        (gen_random_uuid(), 'Console busy', 'loop_lag', 250, 60, 120, 'keep', 'warning', 43200, TRUE)
    """,
)
DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE web_maintenance_windows",
    "DROP TABLE web_notifications",
    "DROP TABLE web_alerts",
    "DROP TABLE web_alert_subjects",
    "DROP TABLE web_alert_channels",
    "DROP TABLE web_alert_rules",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
