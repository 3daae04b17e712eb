"""Incidents, what happened in them, and their evidence."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    CREATE TABLE web_incidents (
        id UUID PRIMARY KEY,
        cause VARCHAR(100) NOT NULL,
        title VARCHAR(200) NOT NULL,
        detail TEXT NOT NULL DEFAULT '',
        opened_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        resolved_at TIMESTAMPTZ,
        acknowledged_at TIMESTAMPTZ,
        acknowledged_by VARCHAR(100),
        acknowledge_reason TEXT,
        reopened INTEGER NOT NULL DEFAULT 0,
        merged_into UUID REFERENCES web_incidents (id) ON DELETE SET NULL
    )
    """,
    "CREATE INDEX idx_web_incidents_opened ON web_incidents (opened_at)",
    "CREATE UNIQUE INDEX uq_web_incidents_open ON web_incidents (cause) WHERE resolved_at IS NULL",
    """
    CREATE TABLE web_incident_bots (
        incident_id UUID NOT NULL REFERENCES web_incidents (id) ON DELETE CASCADE,
        bot_name VARCHAR(50) NOT NULL,
        failed_at TIMESTAMPTZ,
        recovered_at TIMESTAMPTZ,
        status VARCHAR(16) NOT NULL,
        error TEXT,
        PRIMARY KEY (incident_id, bot_name)
    )
    """,
    "CREATE INDEX ix_web_incident_bots_bot_name ON web_incident_bots (bot_name)",
    """
    CREATE TABLE web_incident_entries (
        id UUID PRIMARY KEY,
        incident_id UUID NOT NULL REFERENCES web_incidents (id) ON DELETE CASCADE,
        at TIMESTAMPTZ NOT NULL DEFAULT now(),
        kind VARCHAR(20) NOT NULL,
        actor_name VARCHAR(100),
        bot_name VARCHAR(50),
        content TEXT NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX ix_web_incident_entries_incident_id ON web_incident_entries (incident_id)",
    """
    CREATE TABLE web_incident_evidence (
        id UUID PRIMARY KEY,
        incident_id UUID REFERENCES web_incidents (id) ON DELETE CASCADE,
        bot_name VARCHAR(50) NOT NULL,
        captured_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        reason VARCHAR(200) NOT NULL,
        facts JSONB NOT NULL,
        checks JSONB NOT NULL,
        log TEXT NOT NULL DEFAULT '',
        problem TEXT
    )
    """,
    "CREATE INDEX ix_web_incident_evidence_incident_id ON web_incident_evidence (incident_id)",
    "CREATE INDEX idx_web_incident_evidence_bot ON web_incident_evidence (bot_name, captured_at)",
)
DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE web_incident_evidence",
    "DROP TABLE web_incident_entries",
    "DROP TABLE web_incident_bots",
    "DROP TABLE web_incidents",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
