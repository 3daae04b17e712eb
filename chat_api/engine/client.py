"""The Docker SDK's client, made safe against an engine that hangs, floods or speaks nonsense."""

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from requests.exceptions import ContentDecodingError

from chat_api.core.errors import AppError, EngineFailed, EngineUnavailable, NotFound
from chat_api.core.language import N_, _
from chat_api.core.settings import Settings

MAX_ANSWER_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 65_536
MAX_CONNECTIONS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTls:
    """TLS to an engine at ``tcp://``. Source: Docker's CLI, ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH``."""

    cert_path: Path | None
    is_verified: bool

    @classmethod
    def of(cls, settings: Settings) -> "EngineTls | None":
        """As the settings say; None for plain connections."""
        if settings.docker_cert_path is None and not settings.docker_tls_verify:
            return None
        return cls(cert_path=settings.docker_cert_path, is_verified=settings.docker_tls_verify)

    def config(self) -> TLSConfig:
        """What the SDK needs. Raises: docker.errors.TLSParameterError when a file is missing."""
        folder = self.cert_path or Path.home() / ".docker"
        own = (str(folder / "cert.pem"), str(folder / "key.pem"))
        return TLSConfig(
            client_cert=own if Path(own[0]).exists() else None,
            ca_cert=str(folder / "ca.pem") if self.is_verified and (folder / "ca.pem").exists() else None,
            verify=self.is_verified,
        )


class BoundedClient(docker.APIClient):
    """An ``APIClient`` whose answers are bounded in size and, as a whole, in time; it follows no redirects."""

    def __init__(self, host: str, *, timeout_s: int, tls: EngineTls | None = None) -> None:
        self._socket_path = host.removeprefix("unix://") if host.startswith("unix://") else None
        is_tls = tls is not None and host.startswith("tcp://")
        # As many connections as logs may be followed at once: each holds one.
        super().__init__(
            base_url=host.replace("tcp://", "https://", 1) if is_tls else host,
            version="auto",
            timeout=timeout_s,
            max_pool_size=MAX_CONNECTIONS,
            tls=tls.config() if tls and is_tls else False,
        )

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request and, unless a stream was asked for, read the whole answer within the limits."""
        if self._socket_path is not None:
            _knock(self._socket_path, self.timeout)
        is_stream = kwargs.get("stream", False)
        deadline = time.monotonic() + _read_timeout_s(kwargs.get("timeout"), default=self.timeout)
        # The engine's own authority counts: requests would rather believe REQUESTS_CA_BUNDLE.
        ours = {"stream": True, "allow_redirects": False, "verify": self.verify}
        response = super().send(request, **{**kwargs, **ours})
        if not is_stream:
            with response:
                # The SDK asks for no streams where it reads `content`, which requests keeps in `_content`.
                response._content = _read(response, deadline)
                response._content_consumed = True  # type: ignore[attr-defined]
        return response

    def act(self, name: str, action: str, *, wait_s: float, **params: int) -> None:
        """``POST /containers/{name}/{action}``; the engine answers when it is done, within ``wait_s``.

        The SDK waits as long for this as for any other answer. Raises: docker.errors.APIError.
        """
        url = f"{self.base_url}/v{self.api_version}/containers/{quote(name)}/{action}"
        response = self.post(url, params=params, timeout=(self.timeout, wait_s))
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            raise docker.errors.create_api_error_from_http_exception(error) from error


def _knock(path: str, timeout_s: float) -> None:
    # The SDK's own connection leaves its socket open when nobody listens.
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(timeout_s)
        probe.connect(path)


def _read_timeout_s(timeout: object, *, default: float) -> float:
    value = timeout[1] if isinstance(timeout, tuple) else timeout
    return float(value) if isinstance(value, int | float) else default


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ContentDecodingError(f"more than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("the answer takes too long")
    return bytes(body)


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn whatever the SDK raises, or trips over in an answer, into our errors.

    Raises: EngineUnavailable when no engine answered, EngineFailed when it refused, failed or is not understood,
    NotFound when it has no such container or service.
    """
    try:
        yield
    except AppError:
        raise
    except docker.errors.NotFound as error:
        raise NotFound("The container engine has no such container.", detail=str(error)) from error
    except APIError as error:
        raise EngineFailed(refusal(error.status_code or 0), detail=str(error)) from error
    except TimeoutError as error:
        raise EngineUnavailable("The container engine did not answer in time.", detail=repr(error)) from error
    except (requests.JSONDecodeError, ContentDecodingError) as error:
        raise EngineFailed("The container engine gave an answer we don't understand.", detail=repr(error)) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise EngineUnavailable("The container engine can't be reached.", detail=repr(error)) from error
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise EngineFailed("The container engine gave an answer we don't understand.", detail=repr(error)) from error


def refusal(status: int) -> str:
    """Why an engine, or a proxy before it, does not do what it was asked for."""
    return _(_REFUSALS.get(status, "The container engine refused this with status {status}."), status=status)


_REFUSALS = {
    403: N_("The container engine, or the proxy in front of it, does not allow this."),
    409: N_("The container is dead or being removed."),
    501: N_("The engine can't read this container's log: its log driver keeps nothing to read."),
}
N_("The container engine refused this with status {status}.")
