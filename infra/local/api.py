"""A client of the HTTP API, for the demo and the measurements."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 30


class ApiError(Exception):
    """A message to print: what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Answer:
    """An answer, and the time it took."""

    status: int
    body: Any
    elapsed_ms: float


class Api:
    """One connection to the API at `url`.

    `host` is sent as the name of the host if that differs from the address.
    """

    def __init__(self, url: str, host: str | None = None) -> None:
        address = urlsplit(url)
        self.url = url
        self.base = address.path
        self.host = host
        self.connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=TIMEOUT_S
        )

    def close(self) -> None:
        """Close the connection. The next call opens it again."""
        self.connection.close()

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; raise `ApiError` unless the answer is a success (2xx)."""
        sent = {"accept": "application/json", **(headers or {})}
        if self.host:
            sent["host"] = self.host
        if body is not None:
            sent["content-type"] = "application/json"
        start = time.perf_counter()
        try:
            self.connection.request(
                method, self.base + path, None if body is None else json.dumps(body), sent
            )
            response = self.connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise ApiError(f"{method} {path} got no answer from {self.url}: {error!r}") from error
        elapsed_ms = (time.perf_counter() - start) * 1000
        if not 200 <= response.status < 300:
            raise ApiError(
                f"{method} {path} was answered {response.status}: {raw.decode(errors='replace')}"
            )
        return Answer(response.status, json.loads(raw) if raw else None, elapsed_ms)
