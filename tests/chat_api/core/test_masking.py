"""One masker knows what a secret looks like: in logs, evidence, records, downloads and our own lines."""

import json
import time
from collections.abc import Callable

import pytest

from chat_api.core.masking import MASK, mask_lines, mask_secrets

KEY = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEhunter2", "abcd", "-----END RSA PRIVATE KEY-----"]
NESTED = {"api_key": "hunter2", "user": "bob", "inner": {"password": 'hun"ter2'}}


@pytest.mark.parametrize(
    "text",
    [
        *("xoxb-hunter2-1234567890", "xoxp-1-hunter2-abcdef", "xapp-1-A0-hunter2hunter2"),
        "https://hooks.slack.com/services/T00/B00/hunter2",
        *(
            "bot 123456:AAhunter2hunter2hunter2hunter2",
            "https://api.telegram.org/bot110201543:AAhunter2hunter2hunter2/getMe",
        ),
        *("Cookie: we_session=hunter2; other=hunter2", "< Set-Cookie: sid=hunter2; Path=/", "cookie: a=1; b=hunter2"),
        *("Authorization: Basic hunter2", "Proxy-Authorization: hunter2 hunter2", "X-Api-Key: hunter2"),
        "{'Cookie': 'a=hunter2; b=hunter2', 'x': 1}",
        "[(b'cookie', b'a=hunter2; b=c'), (b'authorization', b'Basic hunter2==')]",
        "curl -H 'Authorization: token hunter2' https://example.org",
        *("OPENAI_KEY=hunter2", "openai_key: hunter2", "openaiKey: hunter2", "DISCORD_BOT_TOKEN=hunter2"),
        *("AWS_SECRET_ACCESS_KEY=hunter2/abc+x", "DB_PASS=hunter2", "PGPASSWORD=hunter2", "client_secret: hunter2"),
        *(
            "--api-key hunter2",
            "-token hunter2",
            "API_KEYS=['hunter2','b']",
            'SECRET = "hunter2',
            'password="a\\"hunter2" x',
        ),
        *("sk-proj-hunter2hunter2", "sk-ant-api03-hunter2hunter2", "gsk_hunter2hunter2", "ghp_hunter2hunter2hunter2"),
        *("glpat-hunter2hunter2", "hf_hunter2hunter2hunter2", "r8_hunter2hunter2hunter2"),
        *("postgresql://u:hunter@2hunter2@db/x", "amqp://:hunter2@mq", "https://hunter2hunter2hunter2@github.com/x"),
        *("GET /v1?key=hunter2&y=1", "GET /x?signature=hunter2", "wss://chat.example.org/ws/hunter2"),
        "eyJhbGciOi.hunter2.hunter2",
        json.dumps({"message": json.dumps(NESTED)}),
        json.dumps({"m": json.dumps({"m": json.dumps({"token": "hunter2"})})}),
        "\n".join(KEY),
        'key: "-----BEGIN PRIVATE KEY-----\\nMIIhunter2\\n-----END PRIVATE KEY-----\\n"',
        "-----BEGIN OPENSSH PRIVATE KEY----- hunter2",
        "A1b2" * 14 + "hunter2A",
        *('Cookie: a="b"; session=hunter2', 'Authorization: Digest username="x", response="hunter2"'),
        *("mysql://root:a/hunter2@h/db", "curl -u alice:hunter2 https://example.org", 'password="""hunter2"""'),
        *("ALTER ROLE x WITH PASSWORD 'hunter2'", "IDENTIFIED BY 'hunter2'", "PASS=hunter2", "API key: hunter2"),
        *("we_claim=hunter2", "dckr_pat_hunter2hunter2hunter2", "hvs.hunter2hunter2hunter2", "Basic Hunter2hunter2="),
        *("password: hunter", "secret: hunter", "token: hunter2 expires in 5 s", "auth_token: hunter2"),
    ],
)
def test_secrets_are_masked(text: str) -> None:
    """In every form in which bots have printed one; and what was masked once stays as it is."""
    for line in (text, f"before {text}" if "A1b2" not in text else text):
        masked = mask_secrets(line)
        assert MASK in masked
        assert "hunter" not in masked
        assert "ter2" not in masked
        assert mask_secrets(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        *("tokens used: none yet", "12:30:01 GET /health 200", "https://example.org/a@b", '{"token": null}'),
        *("total_tokens: 1234, prompt_tokens=5 max_token: 512", "author: Bob", "primary_key=5 cache_key=user:1"),
        *(
            "monkey=banana",
            "keyboard: us",
            "https://example.org:8080/a@b",
            "pass: 5 tests",
            "at 10:15:30 id 1234567:89",
        ),
        'duplicate key value violates unique constraint "pk_user_sessions"',
        *(
            "INFO auth: user elena signed in",
            "Authorization: missing",
            "auth: ok",
            "AUTH_MODE=open",
            "token_type=bearer",
        ),
        *("auth_method=scram-sha-256", 'InvalidAuthorizationSpecificationError: role "root" does not exist'),
        *("tokenizer: cl100k_base", "secretary: Anna", "Password: must be at least 8 characters", "cookie: disabled"),
        *(
            "My secret: I love sushi",
            "cookies: chocolate chip and oatmeal",
            "The bearer token is missing",
            "token: 5 of 10",
        ),
        *(
            "token=7 logit=0.33",
            "set-cookie-parser 2.6.0",
            "publicKey: MIIB",
            "wk-scheduler-loop ok",
            "docker run -u 1000:1000 x",
        ),
        *("content_key: intro", "http://[::1]:8080/x@y", "Basic understanding of love", "password: required"),
        *("a" * 64, "sha256:" + "0123456789abcdef" * 4, "-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----"),
    ],
)
def test_harmless_text_stays(text: str) -> None:
    """What only looks a bit like a secret."""
    assert mask_secrets(text) == text


def test_what_stands_beside_a_secret_stays() -> None:
    """A masked line still says what it is about."""
    assert json.loads(json.loads(mask_secrets(json.dumps({"message": json.dumps(NESTED)})))["message"]) == {
        "api_key": MASK,
        "user": "bob",
        "inner": {"password": MASK},
    }
    assert mask_secrets("password: hunter2, retry in 5 s") == f"password: {MASK}, retry in 5 s"
    assert mask_secrets("[(b'cookie', b'a=b'), (b'host', b'x')]") == f"[(b'cookie', b'{MASK}'), (b'host', b'x')]"


def test_a_key_over_several_lines_is_masked_line_by_line() -> None:
    """As a live log has it; after its end, or after what is surely no part of it, lines are shown again."""
    assert mask_lines(["before", *KEY, "after"]) == ["before", *[MASK] * 4, "after"]
    cut = "2026-11-29 12:00:00 the log of the next run begins here"
    assert mask_lines([*KEY[:2], cut, "after"]) == [MASK, MASK, cut, "after"]
    body = "Ab3/" * 16
    assert mask_lines([body, "x"]) == [MASK, "x"]  # a log that is read from the middle of the key on


@pytest.mark.parametrize(
    "text",
    [
        *("token" * 800, "a_key" * 800, "\\" * 4000, "cookie:'" * 500, "://" + "a:" * 2000, "token=" + "\\" * 3990),
        *("A" * 4000, '["token": [' * 300, "1" * 4000 + ":AA", "eyJ" * 1300, "x-api-key, " * 360, "-token " * 570),
        *('cookie: ="' * 500, "basic " + "Ab1" * 1400, "://a:" * 800, "password '" * 400, "curl -u a:" * 400),
        *("secret: a " * 400, "secret: " + "a " * 2000, "password: the " * 300),
        *("secret.secret-" * 280, '\\"token\\": \\"' * 280, "M" + "a" * 3999, "-a" * 2000 + "-token ", "auth=[" * 660),
    ],
)
def test_hostile_lines_take_no_time(text: str) -> None:
    """Nothing in the masker tries everything."""
    assert _work_of(lambda: mask_secrets(text)) < 60


def test_fifty_thousand_lines_a_minute_are_little_work() -> None:
    """Lines without a secret, as nearly all are: a small part of one processor."""
    lines = [
        f"2026-01-01T00:00:00Z [info] answered user=weu_{number:x} in {number} ms, 200 OK" for number in range(5000)
    ]
    assert mask_lines(lines) == lines
    assert _work_of(lambda: mask_lines(lines)) < 60


def _work_of(work: Callable[[], object]) -> float:
    """Counted in counting to 100,000 by the same thread on the same machine, whatever its speed."""
    return _least_s(work) / _least_s(lambda: sum(1 for _ in range(100_000)))


def _least_s(work: Callable[[], object]) -> float:
    def once_s() -> float:
        before_s = time.thread_time()
        work()
        return time.thread_time() - before_s

    return min(once_s() for _ in range(3))
