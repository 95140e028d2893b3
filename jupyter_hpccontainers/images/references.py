"""Image names as people write them, read into one normal form, or refused before anything runs."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum

from ..model.errors import InvalidSpec

# Grammar of a reference: github.com/distribution/reference (the Docker and OCI one).
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
_DOMAIN = rf"(?:{_HOST}(?:\.{_HOST})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?"
)
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_FILE = re.compile(r".+\.(?:sif|simg)", re.IGNORECASE)

_MOST_NAME = 255
_MOST_TEXT = 4096
_HUB = "docker.io"
_HUB_NAMES = {"index.docker.io", "registry-1.docker.io", _HUB}


class Source(StrEnum):
    """Where an image comes from; only Apptainer takes a file or an ORAS artifact."""

    REGISTRY = "docker"
    ORAS = "oras"
    FILE = "file"
    LOCAL_ID = "id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One image. A registry's has domain, repository, and a tag or a digest (which wins);
    a file's or unpacked folder's has ``path``; a local image's has its id as ``digest``."""

    source: Source
    domain: str = ""
    repository: str = ""
    tag: str = ""
    digest: str = ""
    path: str = ""

    @property
    def canonical(self) -> str:
        """The one spelling two names of the same image share; policy compares this."""
        match self.source:
            case Source.FILE:
                return self.path
            case Source.LOCAL_ID:
                return self.digest
        scheme = "oras://" if self.source is Source.ORAS else ""
        name = f"{scheme}{self.domain}/{self.repository}"
        return f"{name}@{self.digest}" if self.digest else f"{name}:{self.tag}"

    @property
    def familiar(self) -> str:
        """The short spelling people and Docker use: ``python:3.12``."""
        return self.canonical.removeprefix(f"{_HUB}/library/").removeprefix(f"{_HUB}/")

    @property
    def uri(self) -> str:
        """What ``apptainer pull`` and ``build`` take; a file's is its path."""
        if self.source is Source.REGISTRY:
            return f"docker://{self.canonical}"
        return self.canonical

    @property
    def loopback(self) -> bool:
        """Whether its registry is on this machine, where Docker too allows plain HTTP."""
        host = self.domain if self.domain.startswith("[") else self.domain.partition(":")[0]
        return host == "localhost" or host.startswith(("127.", "[::1]"))


def parse_reference(text: str, *, folder: str = "") -> Reference:
    """Return the image a person names; raises InvalidSpec (field ``image``) saying what is wrong.

    Accepted: ``python:3.12``, ``ghcr.io/team/tool@sha256:…``, the same behind ``docker://``,
    ``oras://host/name:tag``, a local image's id ``sha256:…``, and a path: absolute, beginning
    with ``./`` or ``../``, or ending in ``.sif`` or ``.simg``. Relative ones lie in ``folder``,
    the notebook's. Nothing that could be read as an option or a second argument is accepted.
    """
    _check_characters(text)
    scheme = _SCHEME.fullmatch(text)
    if scheme:
        return _of_scheme(scheme.group(1).lower(), scheme.group(2), text)
    if _IMAGE_ID.fullmatch(text):
        return Reference(source=Source.LOCAL_ID, digest=text)
    if text.startswith(("/", "./", "../")) or text in {".", ".."} or _FILE.fullmatch(text):
        return _path(text, folder)
    return _name(text, Source.REGISTRY, text)


def _check_characters(text: str) -> None:
    if not text or len(text) > _MOST_TEXT:
        raise _wrong(text, "it is empty" if not text else "it is too long")
    if text.startswith("-"):
        raise _wrong(text, "it begins with a dash, as an option does")
    if not text.isprintable() or text != text.strip():
        raise _wrong(text, "it has control characters, or spaces at an end")


def _of_scheme(scheme: str, rest: str, text: str) -> Reference:
    match scheme:
        case "docker" | "oras":
            return _name(rest, Source(scheme), text)
    raise _wrong(text, f"the scheme {scheme}:// is not known", "docker:// and oras:// are")


def _path(text: str, folder: str) -> Reference:
    """A path is not looked at here: whether the person may read it is asked where it is used."""
    if not text.startswith("/"):
        if not folder.startswith("/"):
            raise _wrong(text, "it is a relative path", "write the whole path, from /")
        text = f"{folder}/{text}"
    return Reference(source=Source.FILE, path=posixpath.normpath(text).replace("//", "/"))


def _name(name: str, source: Source, text: str) -> Reference:
    found = _NAME.fullmatch(name)
    if not found:
        raise _wrong(text, *_why_no_name(name))
    domain, path, tag, digest = found.group("domain", "path", "tag", "digest")
    if domain and not _is_domain(domain):
        domain, path = None, f"{domain}/{path}"
        if path != path.lower():
            raise _wrong(text, *_why_no_name(text))
    domain = _HUB if domain is None or domain.lower() in _HUB_NAMES else domain.lower()
    if domain == _HUB and "/" not in path:
        path = f"library/{path}"
    if len(f"{domain}/{path}") > _MOST_NAME:
        raise _wrong(text, f"its name is longer than {_MOST_NAME} characters")
    if not digest:
        tag = tag or "latest"
    return Reference(
        source=source, domain=domain, repository=path, tag=tag or "", digest=digest or ""
    )


def _is_domain(first: str) -> bool:
    """Docker's rule: a first part with a dot or a port, or ``localhost``, is a host. (Docker also
    takes ``Team/tool`` for a host named Team; here that is a mistake in capitals.)"""
    return "." in first or ":" in first or first.lower() == "localhost"


def _why_no_name(name: str) -> tuple[str, str]:
    repository = name.partition("@")[0]
    if any(c.isupper() for c in repository.rpartition(":")[0] or repository):
        return "its name has capitals", f"write {repository.lower()!r}"
    return "it is no image name", "write it as name:tag, host/name:tag or a path to a .sif"


def _wrong(text: str, why: str, cure: str = "name an image as python:3.12 does") -> InvalidSpec:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return InvalidSpec(f"image {shown!r} can't be used: {why}", cure=cure, field="image")
