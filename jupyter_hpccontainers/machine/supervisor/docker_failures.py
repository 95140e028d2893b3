"""Docker's and Podman's refusals as reasons a person knows, and their init's last words."""

from __future__ import annotations

from .exit_file import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .docker_api import Reply

_PATTERNS = (
    (r"(?i)no such image|image not known|unable to find image", "ImageNotFound"),
    (r"(?i)could not select device driver|nvidia|\bcdi\b|unresolvable.*device", "GpuUnavailable"),
    (r"(?i)executable file .*not found|\bexec:? .*(no such file|permission denied)",
     "CommandNotFound"),
    (r"(?i)network|endpoint|\bcni\b|netavark|iptables|bridge", "NetworkUnavailable"),
)  # fmt: skip


def failure_of(reply: Reply, doing: str) -> Failure:
    """Return what the daemon's refusal means."""
    import re  # noqa: PLC0415

    message = reply.message
    for pattern, code in _PATTERNS:
        if re.search(pattern, message):
            return Failure(code, message)
    return Failure("StartFailed", f"Docker could not {doing}: {message}")


#: What PID 1 in the container says when it could not execute the command (tini, catatonit).
_INIT_REFUSAL = (
    rb"\[FATAL tini \(\d+\)\] (exec .* failed: .*)"
    rb"|ERROR \(catatonit:\d+\): (failed to exec pid1: .*)"
)
_INIT_WORDS = (b"[FATAL tini (", b"ERROR (catatonit:")
#: The exit codes it gives then: found but not executable, not found (POSIX, and catatonit's own).
_INIT_CODES = {1, 126, 127}


def may_be_refusal(begun: bytes) -> bool:
    """Whether all the output so far may be init's only words."""
    return any(begun.startswith(words) or words.startswith(begun) for words in _INIT_WORDS)


def init_refusal(exit_code: int, whole_output: bytes) -> Failure | None:
    """Return CommandNotFound when it was the container's init that ended so, else None."""
    if exit_code not in _INIT_CODES or not whole_output:
        return None
    import re  # noqa: PLC0415

    match = re.fullmatch(_INIT_REFUSAL, whole_output.strip())
    if match is None:
        return None
    return Failure("CommandNotFound", (match[1] or match[2]).decode(errors="replace"))
