"""Alembic migrations of our tables; their version lives in ``web_ui_alembic_version``."""
