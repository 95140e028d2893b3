"""The error tree: what happened, what the person can do, and the HTTP status of each.

HpccError
├── InvalidSpec            422  a field of the request is wrong (``field`` names it)
│   └── NeverFits          422  asks more than the machine will ever have
├── MountRefused           403  a path the person may not use, or nobody may mount
├── NotAllowed             403  policy refuses it
├── UnknownJob             404  no such job in this engine
├── NotFound               404  no such file, attempt or route
├── StateConflict          409  the job is past the state in which this is possible
├── TooLarge               413  the request is larger than the engine reads
├── TooMany                429  more pending jobs than one person may queue
├── RuleFailed             503  a rule of the site gave no proper answer: nothing was accepted
├── StoreFull              507  the state folder's disk is full: nothing was accepted
├── RuntimeUnavailable     503  no Docker, Podman or Apptainer answers
├── ImageError             422  an image that cannot be used
│   └── ImageNotFound      404  no such image here or in its registry
├── EngineError            503  the engine cannot be reached, started or shared
│   └── EngineElsewhere    409  another user's engine schedules this machine
└── JobFailed              –    raised at the doors: the job ended otherwise than COMPLETED
"""

from __future__ import annotations

from typing import Any, ClassVar


class HpccError(Exception):
    """Something the person can act on: ``message`` says what happened, ``cure`` what to do."""

    status: ClassVar[int] = 500

    def __init__(
        self, message: str, *, cure: str = "", field: str | None = None, **details: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        self.field = field
        self.details = details

    @property
    def code(self) -> str:
        """The name by which doors and scripts tell errors apart."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.message} ({self.cure})" if self.cure else self.message


class InvalidSpec(HpccError):
    """A field of the request is wrong."""

    status = 422


class NeverFits(InvalidSpec):
    """The request asks for more than the machine will ever have."""


class MountRefused(HpccError):
    """The path may not be mounted."""

    status = 403


class NotAllowed(HpccError):
    """Policy refuses the request."""

    status = 403


class NotFound(HpccError):
    """Nothing of that name is here."""

    status = 404


class UnknownJob(NotFound):
    """No job of that number is known to this engine."""


class StateConflict(HpccError):
    """The job is past the state in which this is possible."""

    status = 409


class TooLarge(HpccError):
    """The request is larger than the engine reads."""

    status = 413


class TooMany(HpccError):
    """More pending jobs than one person may queue."""

    status = 429


class RuleFailed(HpccError):
    """A rule of the site raised, hung or can't be loaded; nothing was accepted."""

    status = 503


class StoreFull(HpccError):
    """The state folder's disk is full; nothing was accepted and nothing is lost."""

    status = 507


class RuntimeUnavailable(HpccError):
    """No container runtime answers."""

    status = 503


class ImageError(HpccError):
    """The image cannot be used."""

    status = 422


class ImageNotFound(ImageError):
    """No such image here or in its registry."""

    status = 404


class EngineError(HpccError):
    """The engine cannot be reached or started."""

    status = 503


class EngineElsewhere(EngineError):
    """Another user's engine schedules this machine."""

    status = 409


class JobFailed(HpccError):
    """The job ended otherwise than COMPLETED; ``details`` holds job, result and exit code."""


def error_from_json(body: dict[str, Any]) -> HpccError:
    """Return the error an engine answered with, as the class of its code."""
    kinds = {cls.__name__: cls for cls in _tree(HpccError)}
    cls = kinds.get(str(body.get("code")), HpccError)
    details = {k: v for k, v in body.items() if k not in {"code", "message", "cure", "field"}}
    return cls(
        str(body.get("message", "unknown error")),
        cure=str(body.get("cure", "")),
        field=body.get("field"),
        **details,
    )


def error_to_json(error: HpccError) -> dict[str, Any]:
    """Return the body doors send for an error."""
    body = {"code": error.code, "message": error.message, "cure": error.cure}
    return {**error.details, **body, **({"field": error.field} if error.field else {})}


def _tree(cls: type[HpccError]) -> list[type[HpccError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _tree(child))]
