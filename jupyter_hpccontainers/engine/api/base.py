"""What every handler shares: JSON in and out, and errors translated once."""

from __future__ import annotations

import json
import logging
from typing import Any

from tornado.web import HTTPError, RequestHandler

from ...backends.protocol import Backend
from ...model.errors import HpccError, InvalidSpec, NotFound, TooLarge, error_to_json
from ...model.quantities import format_memory
from ...model.request import MAX_REQUEST_BYTES
from ..lifetime import Lifetime

_log = logging.getLogger(__name__)


class Handler(RequestHandler):
    """A request answered by the backend; subclasses hold one route each."""

    backend: Backend
    lifetime: Lifetime

    def initialize(self, backend: Backend, lifetime: Lifetime) -> None:
        """Receive what ``routes`` hands to every handler."""
        self.backend = backend
        self.lifetime = lifetime

    def prepare(self) -> None:
        """Count as a sign of life, and refuse a body larger than the engine reads."""
        self.lifetime.touch()
        if len(self.request.body) > MAX_REQUEST_BYTES:
            raise TooLarge(
                f"the request is {format_memory(len(self.request.body))}, "
                f"the engine reads at most {format_memory(MAX_REQUEST_BYTES)}",
                cure="put data and long scripts into files of the working folder",
            )

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object; an empty body is an empty object."""
        if not self.request.body:
            return {}
        try:
            data = json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise InvalidSpec(f"the body is not JSON: {error}", cure="send a JSON object") from None
        if not isinstance(data, dict):
            raise InvalidSpec("the body is not an object", cure="send a JSON object")
        return data

    def number(self, name: str, default: int, least: int | None = None) -> int:
        """Return a query argument as a whole number; raises InvalidSpec naming it."""
        text = self.get_query_argument(name, "")
        if not text:
            return default
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or (least is not None and value < least) or abs(value) >= 2**62:
            raise InvalidSpec(
                f"{name} {text[:40]!r} is not a number in range",
                cure="give a whole number",
                field=name,
            )
        return value

    def idempotency_key(self) -> str | None:
        """Return the key under which a submission is accepted once; raises InvalidSpec."""
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and len(key) > 200:
            raise InvalidSpec("the idempotency key is too long", cure="at most 200 characters")
        return key

    def answer(self, data: Any, status: int = 200) -> None:
        """Write JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(data, ensure_ascii=False, separators=(",", ":")))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer any failure in the one form of errors."""
        failure = kwargs.get("exc_info", (None, None, None))[1]
        error = failure if isinstance(failure, HpccError) else _unexpected(status_code, failure)
        self.answer({"error": error_to_json(error)}, status_code)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give an HpccError its own status before the answer is written."""
        failure = kwargs.get("exc_info", (None, None, None))[1]
        status = failure.status if isinstance(failure, HpccError) else status_code
        super().send_error(status, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log only what nobody expected; a refusal is no fault of the engine."""
        if not isinstance(value, HpccError | HTTPError):
            _log.error("unexpected error in %s", self.request.path, exc_info=(typ, value, tb))


class NoRoute(Handler):
    """Anything outside the API."""

    def prepare(self) -> None:
        """Refuse by name."""
        raise NotFound(f"no route {self.request.path[:80]}", cure="see openapi.yaml")


def _unexpected(status: int, failure: BaseException | None) -> HpccError:
    if status == 405:
        return NotFound("this route does not answer that method", cure="see openapi.yaml")
    if isinstance(failure, HTTPError):
        return HpccError(failure.log_message or f"HTTP {status}", cure="see openapi.yaml")
    return HpccError(
        f"the engine met an unexpected error ({type(failure).__name__})",
        cure="its log file says more: `jupyter hpccontainers doctor` shows where it is",
    )
