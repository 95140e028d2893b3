"""What a job wrote, over HTTP: its log by offset, its files, and the follow stream."""

from __future__ import annotations

import json
from typing import Any

from tornado.iostream import StreamClosedError

from ...backends.frames import Beat, EndFrame, Frame, LogFrame, StateFrame
from ...model.errors import InvalidSpec
from .base import Handler
from .jobs import job_to_json

_STREAMS = {"both": 0, "stdout": 1, "stderr": 2}
_STREAM_NAMES = {1: "stdout", 2: "stderr"}
#: Most bytes one log request answers with; more is fetched by the next offset.
_MAX_LOG_BYTES = 16 * 2**20


class Log(Handler):
    """``/v1/jobs/{id}/log``."""

    async def get(self, job_id: str) -> None:
        """Answer with bytes of output from an offset."""
        stream = self.get_query_argument("stream", "both")
        if stream not in _STREAMS:
            raise InvalidSpec(
                f"stream {stream[:40]!r} is not known",
                cure="both, stdout or stderr",
                field="stream",
            )
        part = await self.backend.log(
            int(job_id),
            offset=self.number("offset", 0),
            length=min(self.number("length", _MAX_LOG_BYTES, least=0), _MAX_LOG_BYTES),
            stream=_STREAMS[stream],
            attempt=self.number("attempt", 0, least=1) or None,
        )
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("X-Log-Size", str(part.size))
        self.set_header("X-Log-Offset", str(part.offset))
        self.finish(part.data)


class Files(Handler):
    """``/v1/jobs/{id}/files``."""

    async def get(self, job_id: str) -> None:
        """List the files of the job's folder."""
        self.answer({"files": await self.backend.files(int(job_id))})


class OneFile(Handler):
    """``/v1/jobs/{id}/files/{path}``."""

    async def get(self, job_id: str, path: str) -> None:
        """Send a file of the job's folder; a path that leaves it is not found."""
        self.set_header("Content-Type", "application/octet-stream")
        async for chunk in self.backend.file(int(job_id), path):
            self.write(chunk)
            await self.flush()
        self.finish()


class Follow(Handler):
    """``/v1/follow``."""

    async def get(self) -> None:
        """Send frames until the last job ended or the reader goes."""
        text = self.get_query_argument("jobs")
        wanted = None if text == "all" else _offsets(text)
        logs = self.get_query_argument("logs", "1") != "0" and wanted is not None
        frames = self.backend.follow(wanted, logs=logs)
        self.set_header("Content-Type", "application/vnd.hpccontainers.follow")
        with self.lifetime.client():
            try:
                async for frame in frames:
                    for piece in _frame_bytes(frame):
                        self.write(piece)
                    await self.flush()
            except StreamClosedError:
                return
            finally:
                await frames.aclose()
        self.finish()


def _frame_bytes(frame: Frame) -> tuple[bytes, ...]:
    match frame:
        case LogFrame(job_id, offset, stream, data):
            head = {"type": "log", "job": job_id, "offset": offset, "length": len(data)}
            return _line({**head, "stream": _STREAM_NAMES[stream]}), data
        case StateFrame(job):
            return (_line({"type": "state", "job": job_to_json(job)}),)
        case EndFrame(job_id):
            return (_line({"type": "end", "job": job_id}),)
        case Beat():
            return (_line({"type": "beat"}),)


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _offsets(text: str) -> dict[int, int]:
    wanted = {}
    for item in text.split(","):
        number, _, offset = item.partition(":")
        if (
            not (number.isascii() and number.isdigit() and (offset or "0").isascii())
            or not (offset or "0").isdigit()
        ):
            raise InvalidSpec(
                f"jobs {text[:40]!r} is not understood",
                cure="write all, 7 or 7:0,8:4096",
                field="jobs",
            )
        wanted[int(number[:18])] = int((offset or "0")[:18])
    return wanted
