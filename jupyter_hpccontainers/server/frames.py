"""The engine's follow stream taken apart, and the binary frames a page receives."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from ..model.errors import EngineError
from .unix_http import READ_AHEAD_BYTES

#: Job (uint32) and byte offset (uint64), big-endian, before the bytes of a log frame.
_LOG_HEADER = struct.Struct(">IQ")
_MAX_LINE_BYTES = 2**22


@dataclass(frozen=True, slots=True)
class LogBytes:
    """Bytes of a job's output, beginning at ``offset``."""

    job: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """Any other frame: a state, an end, a beat; ``message`` is passed on as it came."""

    message: dict[str, Any]

    @property
    def kind(self) -> str:
        """The frame's type."""
        return str(self.message.get("type"))


def log_frame(log: LogBytes) -> bytes:
    """Return the binary WebSocket message for these bytes."""
    return _LOG_HEADER.pack(log.job, log.offset) + log.data


async def follow_frames(chunks: AsyncIterator[bytes]) -> AsyncIterator[LogBytes | Told]:
    """Yield the frames of a follow stream; a log's bytes come in the pieces they arrive in.

    Raises EngineError when what arrives is not such a stream.
    """
    buffer = bytearray()
    log: LogBytes | None = None
    left = 0
    async for chunk in chunks:
        buffer += chunk
        while buffer:
            if log is not None:
                piece = bytes(buffer[: min(left, READ_AHEAD_BYTES)])
                del buffer[: len(piece)]
                yield LogBytes(log.job, log.offset, piece)
                left -= len(piece)
                log = LogBytes(log.job, log.offset + len(piece), b"") if left else None
                continue
            message = _take_line(buffer)
            if message is None:
                break
            if message.get("type") == "log":
                left = int(message["length"])
                log = LogBytes(int(message["job"]), int(message["offset"]), b"") if left else None
            else:
                yield Told(message)


def _take_line(buffer: bytearray) -> dict[str, Any] | None:
    end = buffer.find(b"\n")
    if end < 0:
        if len(buffer) > _MAX_LINE_BYTES:
            raise EngineError("the engine's stream has no line end", cure="restart the engine")
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    try:
        message = json.loads(line)
    except ValueError:
        raise EngineError("the engine's stream is not JSON", cure="restart the engine") from None
    return message if isinstance(message, dict) else {}
