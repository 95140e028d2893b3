"""What registries, daemons and Apptainer say when an image can't be had, in words to act on."""

from __future__ import annotations

import re

from ..model.errors import ImageError, ImageNotFound
from .references import Reference

# The first that fits decides: a private repository is refused by some registries as "not found".
_LOGIN = re.compile(
    r"unauthorized|authentication required|no basic auth|access to the resource is denied"
    r"|incorrect username or password|\b401\b|\b403\b",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"manifest unknown|manifest for .* not found|name unknown|repository does not exist"
    r"|repository name not known|no such image|reference does not exist|image not known"
    r"|\bnot found\b|no such file or directory",
    re.IGNORECASE,
)
_BUSY = re.compile(r"toomanyrequests|rate limit", re.IGNORECASE)
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_AWAY = re.compile(
    r"no such host|dial tcp|connection refused|i/o timeout|network is unreachable|timed? ?out"
    r"|HTTP response to HTTPS client|x509|tls:|EOF|server misbehaving|context deadline",
    re.IGNORECASE,
)


def failure(reference: Reference, said: str) -> ImageError:
    """Return the error for what was said; a name that exists nowhere is ImageNotFound."""
    name, where = reference.familiar, reference.domain or "this machine"
    short = _short(said)
    if _LOGIN.search(said) and "repository does not exist" not in said:
        return ImageError(
            f"{where} wants a login for {name}: {short}",
            cure=f"docker login {where}, or apptainer registry login docker://{where}",
            field="image",
        )
    if _FULL.search(said):
        return ImageError(
            f"there is no room for {name}: {short}", cure="remove images or files", field="image"
        )
    if _BUSY.search(said):
        return ImageError(
            f"{where} asks to wait before {name} is pulled: {short}",
            cure="try later, or log in to the registry",
            field="image",
        )
    # Before "not found": a host that DNS does not know is a fault of the way, not of the name.
    if _AWAY.search(said):
        return ImageError(
            f"{where} can't be reached for {name}: {short}",
            cure="check the network, the proxy and the registry's name",
            field="image",
        )
    if _MISSING.search(said):
        return ImageNotFound(
            f"there is no image {name}: {short}",
            cure="check name and tag; for a private one, docker login first",
            field="image",
        )
    return ImageError(f"{name} could not be fetched: {short}", cure="see the words", field="image")


def _short(said: str, most: int = 300) -> str:
    """The last line that says anything, without its prefix, cut."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("FATAL", "ERROR"))]
    line = (fatal or lines or ["no reason given"])[-1]
    line = re.sub(r"^(FATAL|ERROR):\s*", "", line)
    return line if len(line) <= most else f"{line[: most - 1]}…"
