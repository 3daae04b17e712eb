"""What proves a name belongs to one account and one browser, ends after a time, and can be revoked; a code works once.

What browsers hold from before goes on working, each for the accounts that it opened: people without a password have
nothing else. It is exchanged for one of the new kind at the next sign-in.
"""

from alembic import op

revision = "0015"
down_revision = "0011"
branch_labels = None
depends_on = None

UPGRADE = (
    # The defaults stay for processes of the version before, which run while this one starts. One family is what one browser got for one account, one after the other; it is revoked as a whole.
    "ALTER TABLE web_claims ADD COLUMN family_id UUID NOT NULL DEFAULT gen_random_uuid()",
    "ALTER TABLE web_claims ADD COLUMN expires_at TIMESTAMPTZ NOT NULL DEFAULT now() + interval '90 days'",
    "CREATE INDEX ix_web_claims_family_id ON web_claims (family_id)",
    "CREATE INDEX ix_web_claims_expires_at ON web_claims (expires_at)",
    "ALTER TABLE web_user_sessions ADD COLUMN claim_family UUID",
    "ALTER TABLE web_admins ADD COLUMN totp_used_steps BIGINT[] NOT NULL DEFAULT '{}'",
)
DOWNGRADE = (
    "ALTER TABLE web_admins DROP COLUMN totp_used_steps",
    "ALTER TABLE web_user_sessions DROP COLUMN claim_family",
    "DROP INDEX ix_web_claims_expires_at",
    "DROP INDEX ix_web_claims_family_id",
    "ALTER TABLE web_claims DROP COLUMN expires_at",
    "ALTER TABLE web_claims DROP COLUMN family_id",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
