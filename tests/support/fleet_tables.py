"""The tables of real fleets, as their own migrations make them, and rows in them. Source: bot contract."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

V1_TABLES = """
CREATE TABLE characters (
    id serial PRIMARY KEY, name varchar(200) NOT NULL, normalized_name varchar(200) NOT NULL UNIQUE,
    occupation varchar(500), location varchar(500), description text, is_active boolean DEFAULT true,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE bot_deployments (
    id serial PRIMARY KEY, character_id integer NOT NULL REFERENCES characters(id) ON DELETE CASCADE,
    container_name varchar(255) NOT NULL UNIQUE, port integer NOT NULL UNIQUE,
    status varchar(50) NOT NULL DEFAULT 'deploying', config jsonb, error_message text,
    created_at timestamptz DEFAULT now(), deployed_at timestamptz, stopped_at timestamptz
);
"""
V2_TABLES = """
CREATE TABLE v2_chat_history (
    id serial PRIMARY KEY, user_id text NOT NULL, character_name text NOT NULL, role text NOT NULL,
    content text NOT NULL, timestamp timestamp DEFAULT CURRENT_TIMESTAMP, channel_id text, message_id text,
    user_name text DEFAULT 'User', author_id text, author_is_bot boolean DEFAULT false, reply_to_msg_id text,
    session_id varchar, metadata jsonb DEFAULT '{}'
);
CREATE INDEX idx_v2_chat_history_user_char ON v2_chat_history (user_id, character_name);
CREATE UNIQUE INDEX idx_v2_chat_history_message_id ON v2_chat_history (message_id);
"""
READER = "fleet_reader"


async def say(connection: asyncpg.Connection, rows: Sequence[tuple[str, str, datetime, str]]) -> None:
    """Messages ``(bot, role, naive time, id)``, in order."""
    await connection.executemany(
        "INSERT INTO v2_chat_history (user_id, character_name, role, content, timestamp, message_id)"
        " VALUES ('672814231002939413', $1, $2, 'a secret of somebody', $3, $4)",
        rows,
    )
