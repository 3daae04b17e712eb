"""The bots of both generations, with the ports of the field. Source: bot contract."""

from dataclasses import dataclass

TEMPLATE_PORT = 9091  # what v1's template says, and what many of its files still say


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldBot:
    """A bot of a fleet. ``called`` is its ``DISCORD_BOT_NAME``, ``file_port`` its file's port: where they differ."""

    key: str
    port: int
    full_name: str
    emoji: str
    called: str = ""
    file_port: int = 0


V1_BOTS = (
    FieldBot(key="aetheris", port=9099, full_name="Aetheris", emoji="🌌", file_port=TEMPLATE_PORT),
    FieldBot(key="aethys", port=3007, full_name="Aethys", emoji="✨", file_port=TEMPLATE_PORT),
    FieldBot(key="elena", port=9091, full_name="Elena Rodriguez", emoji="🌊"),
    FieldBot(key="gabriel", port=9095, full_name="Gabriel", emoji="🎩", file_port=TEMPLATE_PORT),
    FieldBot(key="marcus", port=9092, full_name="Marcus Thompson", emoji="🤖", called="Marcus Thompson"),
    FieldBot(key="ryan-chen", port=9093, full_name="Ryan Chen", emoji="🎮", called="Ryan Chen"),
)
V2_BOTS = (
    FieldBot(key="elena", port=8000, full_name="Elena Rodriguez", emoji="🌊"),
    FieldBot(key="ryan", port=8001, full_name="Ryan Chen", emoji="🎮"),
    FieldBot(key="dotty", port=8002, full_name="Dotty", emoji="🍸"),
    FieldBot(key="aria", port=8003, full_name="ARIA", emoji="🛰️"),
    FieldBot(key="dream", port=8004, full_name="Dream of the Endless", emoji="🌙"),
    FieldBot(key="jake", port=8005, full_name="Jake Sterling", emoji="🏔️"),
    FieldBot(key="sophia", port=8006, full_name="Sophia Blake", emoji="💼"),
    FieldBot(key="marcus", port=8007, full_name="Marcus Thompson", emoji="🤖"),
    FieldBot(key="nottaylor", port=8008, full_name="NotTaylor Silver", emoji="🎤"),
    FieldBot(key="gabriel", port=8009, full_name="Gabriel", emoji="🎩"),
    FieldBot(key="aethys", port=8010, full_name="Aethys", emoji="✨"),
    FieldBot(key="aetheris", port=8011, full_name="Aetheris", emoji="🌌"),
)
