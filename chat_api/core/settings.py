"""Every setting of the service, read once from the environment into one frozen object.

Field names are the environment variables in lower case. Secrets are masked in ``repr`` and in the generated table.
Durations carry their unit in the description; the variable names of the specification are kept as they are.
"""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chat_api.core.origins import parsed_origin
from chat_api.core.patterns import compiled_pattern
from models.database_url import database_address

MIN_SECRET_CHARS = 32
SAMPLE_SECRETS = frozenset({"<cryptographically-secure-key>", "changeme", "secret", "your-secret-key"})

_PLAIN_ADDRESS = re.compile(r"https?://[\w.:\[\]-]+(/[\w.~-]+)*/?", re.ASCII)
Names = Annotated[tuple[str, ...], NoDecode]


def _pattern(value: str) -> str:
    compiled_pattern(value)
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


def is_strong_secret(secret: str) -> bool:
    """Whether this may be random, and is long enough to sign with."""
    return len(secret) >= MIN_SECRET_CHARS and secret.lower() not in SAMPLE_SECRETS and len(set(secret)) >= 8


class Settings(BaseSettings):
    """The configuration of one process. Frozen: a changed setting is a restarted process."""

    # What is refused is not shown: it may be a secret.
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=False, hide_input_in_errors=True
    )

    # Web UI
    web_ui_host: str = Field("0.0.0.0", description="Address to listen on.")
    web_ui_port: int = Field(8080, ge=0, le=65535, description="Port to listen on.")
    web_ui_secret_key: SecretStr | None = Field(
        None,
        description="Key that signs tokens, at least 32 characters. Without it a random key is created once and kept"
        " in the state directory.",
    )
    web_ui_previous_secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Earlier keys, comma-separated, still accepted for verification during a rotation."
    )
    web_ui_state_dir: Path = Field(
        Path(".state"), description="Where embedded servers, the generated key and run files live."
    )
    web_ui_public_url: str | None = Field(
        None,
        description="Address that browsers use, scheme and host, e.g. `https://chat.example.org`; always an allowed"
        " origin. The console is served at the root of its host name, not under a path.",
    )
    web_ui_language: Literal["en", "de"] = Field(
        "en", description="Language of alerts, and of visitors whose browser asks for none that we have."
    )

    # Database integration
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL ≥ 15, `postgresql://user:password@host:5432/name`. Without it: embedded."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis ≥ 7 or Valkey, `redis://host:6379/0`. Without it: embedded."
    )
    qdrant_url: str | None = Field(None, description="Qdrant, `http://host:6333`. Without it: shown as not configured.")

    llm_health_url: str | None = Field(
        None,
        description="Address of the language model that bots use, e.g. `http://host:1234/v1/models`; any answer below"
        " 500 is well. Without it: shown as not configured.",
    )

    # Bot integration
    bot_api_timeout: float = Field(30.0, gt=0, le=600, description="Seconds a v1 bot may take to answer a message.")
    bot_api_timeout_v2: float = Field(
        90.0,
        gt=0,
        le=600,
        description="Seconds a v2 bot may take: reflective answers take 10 to 30. `timeout` in `BOTS_CONFIG`, or the"
        " label `whisperengine.bot.timeout`, says it for one bot.",
    )
    bot_health_check_interval: float = Field(
        60.0, ge=0.2, le=3600, description="Seconds between two health checks of a bot."
    )
    bot_canary_interval: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="Seconds without a good answer to anyone after which a bot is sent a synthetic check, a tiny real"
        " conversation. `0`: none.",
    )
    bot_quiet_check_interval: float | None = Field(
        None,
        gt=0,
        le=604_800,
        description="The same for a v2 bot, which is checked rarely, for its calls cost money. Without it: 21600"
        " (6 h), or `BOT_CANARY_INTERVAL` where that is under 300. A bot that may fail is checked at once.",
    )
    bot_apology_patterns: Pattern = Field(
        "",
        description="What your bots say when their language model fails, beside the usual words: an RE2 pattern that a"
        " whole answer has to match, e.g. `ay, my brain .*`. Alternatives as in any regular expression.",
    )
    bot_restart_timeout: float = Field(
        120.0, gt=0, le=3600, description="Seconds a restarted bot may take until its health check answers."
    )
    bots_config: Path | None = Field(
        None, description="YAML or JSON file that lists bots and overrides what was discovered."
    )
    bots_env_dir: Path = Field(Path(), description="Folder with the fleet's `.env.<bot>` files.")
    characters_dir: Path = Field(Path("characters"), description="Folder with the characters, both generations.")
    bots_host_mode: Literal["auto", "localhost", "container"] = Field(
        "auto",
        description="Where bots listen: `localhost`, or by `container` name on the compose network."
        " `auto`: by container name when this process itself runs in a container.",
    )
    bot_max_answer_bytes: int = Field(
        1_048_576, ge=1024, le=1_073_741_824, description="Bytes of a bot's answer that are read before it is refused."
    )
    bot_max_parallel_calls: int = Field(20, ge=1, le=10_000, description="Calls one bot serves at once (its bulkhead).")

    # The fleet's own stores, which are only read
    fleet_database_url: SecretStr | None = Field(
        None,
        description="The fleet's own PostgreSQL, `postgresql://reader:password@host:5432/name`: characters, deployments"
        " and what is said on Discord. A role that may only read is enough. Without it: not read.",
    )
    fleet_timezone: str | None = Field(
        None,
        description="Zone of the times that the fleet's PostgreSQL stores without one, e.g. `America/Los_Angeles`."
        " Without it: the zone that the database is set to.",
    )
    fleet_redis_url: SecretStr | None = Field(
        None,
        description="The fleet's own Redis, `redis://host:6379/0`: where v2 bots announce themselves, and the queues of"
        " their workers. Without it: not read.",
    )
    fleet_redis_prefix: str = Field(
        "whisper:", max_length=100, description="What the fleet's keys in Redis begin with, its `REDIS_KEY_PREFIX`."
    )
    influxdb_url: str | None = Field(
        None,
        description="The fleet's InfluxDB 2, `http://host:8086`: answer times and reactions. Without it: not read.",
    )
    influxdb_token: SecretStr | None = Field(None, description="Token that may read the bucket.")
    influxdb_org: str = Field("whisperengine", max_length=200, description="Organization in InfluxDB.")
    influxdb_bucket: str = Field("metrics", max_length=200, description="Bucket that the bots write to.")

    # Containers
    docker_host: str | None = Field(
        None, description="Container engine, `unix:///var/run/docker.sock` or `tcp://proxy:2375`. Without it: none."
    )
    docker_tls_verify: bool = Field(
        False, description="Check the certificate of an engine at `tcp://`, as the `docker` command does."
    )
    docker_cert_path: Path | None = Field(
        None, description="Folder with `ca.pem`, `cert.pem` and `key.pem` for an engine at `tcp://` with TLS."
    )
    docker_label: str = Field(
        "whisperengine.bot", description="Label that marks a container or service as a bot; its value is the bot."
    )

    adopt_compose_projects: Names = Field(
        (),
        description="Compose projects whose containers the console may start, stop and restart without being adopted on"
        " the Adopt page, comma-separated.",
    )

    # Security
    auth_mode: Literal["claim", "open"] = Field(
        "claim", description="`claim`: a name needs proof to be resumed. `open`: the name is the account."
    )
    session_timeout_hours: float = Field(24, gt=0, le=87_600, description="Hours a user's session lives.")
    admin_session_timeout_hours: float = Field(
        8, gt=0, le=87_600, description="Hours an administrator's session lives."
    )
    web_ui_admin_username: str | None = Field(None, description="First administrator, created at the first start.")
    web_ui_admin_password: SecretStr | None = Field(
        None, description="Password of the first administrator; without both a one-time setup code is printed."
    )
    rate_limit_requests_per_minute: int = Field(
        100, ge=1, le=1_000_000_000, description="Requests a principal (else an address) may make in a minute."
    )
    allowed_origins: Names = Field((), description="Further browser origins that may connect, comma-separated.")
    api_allowed_origins: Names = Field(
        (),
        description="Browser origins whose pages may call `/v1` and `/api` with an API key (CORS), such as"
        " `http://localhost:5173`, comma-separated; `*`: all. Cookies are never taken from there.",
    )
    trusted_proxies: Names = Field(
        (),
        description="Addresses or networks whose `X-Forwarded-For` and `-Proto` are believed, comma-separated.",
    )

    # Performance
    max_concurrent_connections: int = Field(
        500, ge=1, le=1_000_000, description="WebSockets one process holds at once."
    )
    max_connections_per_user: int = Field(
        20, ge=1, le=1_000_000, description="WebSockets one user holds at once in a process."
    )
    # Behind one address there may be an office: 150 people with three tabs each, and some pages that are just reloaded.
    max_connections_per_address: int = Field(
        450,
        ge=1,
        le=1_000_000,
        description="WebSockets (`/ws`) that one address (IPv6: a /64) holds at once in a process. Keep it below"
        " `MAX_CONCURRENT_CONNECTIONS`, so that no single address can take all of them.",
    )
    max_pages_per_address: int = Field(
        1000,
        ge=1,
        le=1_000_000,
        description="Pages of the chat and the console that one address (IPv6: a /64) has open at once in a process."
        " Raise it where more people share an address.",
    )
    max_http_connections_per_address: int = Field(
        2000,
        ge=1,
        le=1_000_000,
        description="Connections, WebSockets included, that one address (IPv6: a /64) holds at once in a process. For"
        " one more, the one that has been silent longest is closed. Trusted proxies have no such limit.",
    )
    websocket_frames_per_second: int = Field(
        50, ge=1, le=1_000_000, description="Frames a second one WebSocket may send."
    )
    connection_pool_size: int = Field(100, ge=1, le=10_000, description="HTTP connections to all bots together.")
    database_pool_size: int = Field(20, ge=2, le=1_000, description="PostgreSQL connections of one process.")

    # Observability
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or for people.")
    slow_query_ms: float = Field(
        200.0, ge=1, le=60_000, description="Milliseconds from which on a database statement counts as slow."
    )
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token for `/metrics`. Without it `/metrics` answers loopback addresses and admins."
    )

    # Grafana
    grafana_url: str | None = Field(
        None,
        description="Address at which browsers reach the fleet's Grafana, e.g. `https://grafana.example.org`. Bots and"
        " incidents have a link to it. Without it: none.",
    )
    grafana_dashboard: str | None = Field(
        None,
        pattern=r"^[\w-]+(/[\w-]+)*$",
        max_length=200,
        description="Dashboard that the links open, its uid or its path: `bots`, or `d/bots/all-bots`. Without it:"
        " Grafana's own first page.",
    )
    grafana_bot_variable: str = Field(
        "bot",
        pattern=r"^[A-Za-z_]\w*$",
        max_length=50,
        description="Variable of the dashboard that names the bot.",
    )

    # Alerts
    deadman_url: SecretStr | None = Field(
        None,
        description="Address that the leader calls while all is well, so that an outside service notices when it does"
        " not. Without it: none.",
    )
    deadman_interval: float = Field(60.0, ge=1, le=3600, description="Seconds between two calls of `DEADMAN_URL`.")

    @field_validator(
        "adopt_compose_projects",
        "allowed_origins",
        "api_allowed_origins",
        "trusted_proxies",
        "web_ui_previous_secret_keys",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            database_address(value.get_secret_value())
        return value

    @field_validator("fleet_database_url")
    @classmethod
    def _postgresql_of_the_fleet(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                database_address(value.get_secret_value())
            except ValueError as error:
                raise ValueError(str(error).replace("DATABASE_URL", "FLEET_DATABASE_URL")) from None
        return value

    @field_validator("fleet_timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        try:
            return value and ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be the name of a time zone, such as America/Los_Angeles or UTC") from None

    @field_validator("influxdb_url")
    @classmethod
    def _influxdb(cls, value: str | None) -> str | None:
        """Without a slash at its end, so that a path can be put behind it."""
        if value is not None and (not value.startswith(("http://", "https://")) or "@" in value or "?" in value):
            raise ValueError("must be an address such as http://influxdb:8086; the token is INFLUXDB_TOKEN")
        return value and value.rstrip("/")

    @field_validator("redis_url", "fleet_redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        scheme = value.get_secret_value().partition(":")[0].lower() if value else "redis"
        if "sentinel" in scheme:
            raise ValueError("Redis Sentinel is not supported: give the address of the master, or of a proxy before it")
        if scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must begin with redis://, rediss:// (TLS) or unix://")
        return value

    @field_validator("web_ui_public_url")
    @classmethod
    def _root_of_a_host(cls, value: str | None) -> str | None:
        """Without a slash at its end, so that a path can be put behind it."""
        if value is None:
            return None
        origin = parsed_origin(value.removesuffix("/"))
        if origin is None or origin.scheme not in {"http", "https"}:
            raise ValueError(
                "give scheme and host, and a port where it is not the usual one, such as https://chat.example.org;"
                " the console is served at the root of its host name, not under a path"
            )
        return str(origin)

    @field_validator("grafana_url")
    @classmethod
    def _address_of_grafana(cls, value: str | None) -> str | None:
        """Without a slash at its end; it becomes a link, and so it is nothing but an address of a web page."""
        if value is None:
            return None
        parts = urlsplit(value)
        origin = parsed_origin(f"{parts.scheme}://{parts.netloc}")
        if origin is None or origin.scheme not in {"http", "https"} or not _PLAIN_ADDRESS.fullmatch(value):
            raise ValueError(
                "give the address at which browsers reach Grafana, such as https://grafana.example.org, without a query"
            )
        return value.rstrip("/")

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if parsed_origin(origin.removesuffix("/")) is None:
                raise ValueError("give each origin as scheme and host, such as https://app.example.org, without a path")
        return value

    @field_validator("api_allowed_origins")
    @classmethod
    def _origins_or_all(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return value if value == ("*",) else cls._origins(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError("give addresses or networks, such as 10.0.0.5 or 172.18.0.0/16, not names") from None
        return value

    @field_validator("web_ui_secret_key", "web_ui_previous_secret_keys")
    @classmethod
    def _strong(cls, value: SecretStr | tuple[SecretStr, ...] | None) -> SecretStr | tuple[SecretStr, ...] | None:
        """An earlier key still lets people in: it has to be as good as the current one."""
        keys = value if isinstance(value, tuple) else (value,) if value else ()
        for secret in (key.get_secret_value() for key in keys):
            if not is_strong_secret(secret):
                raise ValueError(f"must be random and at least {MIN_SECRET_CHARS} characters")
        return value
