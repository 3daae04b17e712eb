"""The Docker SDK's client, made safe against an engine that hangs, floods or speaks nonsense."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException
from requests.exceptions import ContentDecodingError

from chat_api.core.errors import AppError, EngineFailed, EngineUnavailable, NotFound
from chat_api.core.language import N_, _

MAX_ANSWER_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 65_536
MAX_CONNECTIONS = 128


class BoundedClient(docker.APIClient):
    """An ``APIClient`` whose answers are bounded in size and, as a whole, in time; it follows no redirects."""

    def __init__(self, host: str, *, timeout_s: int) -> None:
        self._socket_path = host.removeprefix("unix://") if host.startswith("unix://") else None
        # As many connections as logs may be followed at once: each holds one.
        super().__init__(base_url=host, version="auto", timeout=timeout_s, max_pool_size=MAX_CONNECTIONS)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request and, unless a stream was asked for, read the whole answer within the limits."""
        if self._socket_path is not None:
            _knock(self._socket_path, self.timeout)
        is_stream = kwargs.get("stream", False)
        deadline = time.monotonic() + _read_timeout_s(kwargs.get("timeout"), default=self.timeout)
        response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
        if not is_stream:
            with response:
                # The SDK asks for no streams where it reads `content`, which requests keeps in `_content`.
                response._content = _read(response, deadline)
                response._content_consumed = True  # type: ignore[attr-defined]
        return response


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
        raise EngineFailed(_public_reason(error), detail=str(error)) from error
    except TimeoutError as error:
        raise EngineUnavailable("The container engine did not answer in time.", detail=repr(error)) from error
    except (requests.JSONDecodeError, ContentDecodingError) as error:
        raise EngineFailed("The container engine gave an answer we don't understand.", detail=repr(error)) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise EngineUnavailable("The container engine can't be reached.", detail=repr(error)) from error
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise EngineFailed("The container engine gave an answer we don't understand.", detail=repr(error)) from error


def _public_reason(error: APIError) -> str:
    if error.status_code == 403:
        return N_("The container engine, or the proxy in front of it, does not allow this.")
    return _("The container engine refused this with status {status}.", status=error.status_code)
