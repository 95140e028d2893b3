"""Images brought to this machine: once per name however many ask, with progress, cancellable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..model.errors import HpccError, ImageError
from ..model.job import Image, RuntimeChoice
from .progress import Progress
from .references import Reference

Report = Callable[[Progress], None]
_REPORT_EVERY_S = 0.2


class Pull(Protocol):
    """A pull by a daemon: its events, and an end from any thread."""

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Docker's events; a failure is one with ``error``."""
        ...

    def close(self) -> None:
        """Give the pull up."""
        ...


class DockerImages(Protocol):
    """The verbs of a Docker or Podman daemon that fetching needs."""

    @property
    def socket(self) -> str:
        """Path of its unix socket."""
        ...

    def images(self) -> tuple[Image, ...]:
        """Every named image it has."""
        ...

    def find_id(self, reference: str) -> str:
        """The id of a local image, '' when it is not here."""
        ...

    def find_image(self, reference: str) -> Image | None:
        """A local image, None when it is not here."""
        ...

    def pull(self, reference: str) -> Pull:
        """Begin to pull."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An image that is here: ``reference`` is what the runtime is asked for (Docker: the image's
    id, so that a tag moved since means nothing; Apptainer: the path), ``digest`` what is recorded.
    """

    reference: str
    digest: str
    path: str = ""
    size_bytes: int = 0


class Stopped(Exception):
    """Nobody waits for this fetch any more."""


class Stop:
    """How a fetch under way is ended from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = False
        self._end: Callable[[], None] | None = None

    def ask(self) -> None:
        """End what is under way, and whatever would begin after it."""
        with self._lock:
            self._asked = True
            if self._end:
                self._end()

    @contextmanager
    def by(self, end: Callable[[], None]) -> Iterator[None]:
        """While inside, ``end`` is how to stop; raises Stopped on leaving when it was asked."""
        with self._lock:
            self._end = end
            if self._asked:
                end()
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            with self._lock:
                self._end = None
        self.check()

    def check(self) -> None:
        """Raise Stopped when the end was asked for."""
        if self._asked:
            raise Stopped


class ImageSource(Protocol):
    """How one runtime's images are brought here; see ``sources.py``."""

    def fetch(self, reference: Reference, report: Report, stop: Stop) -> Fetched:
        """Return the image, fetched if need be; raises HpccError or Stopped."""
        ...


@dataclass(slots=True)
class _Fetch:
    stop: Stop = field(default_factory=Stop)
    waiting: dict[Future[Fetched], Report] = field(default_factory=dict)
    reported: Progress | None = None
    reported_at: float = 0.0


class Fetches:
    """All fetches of one engine; those of the same image under the same runtime are one."""

    def __init__(self, sources: Mapping[RuntimeChoice, ImageSource]) -> None:
        self._sources = sources
        self._lock = threading.RLock()
        self._running: dict[tuple[RuntimeChoice, str], _Fetch] = {}

    def begin(
        self, reference: Reference, runtime: RuntimeChoice, report: Report
    ) -> Future[Fetched]:
        """Return a future of the image; ``report`` is called from the fetching thread.

        Cancelling the future leaves the fetch; when the last one leaves, the fetch itself ends.
        Its exception is an HpccError: ImageNotFound, ImageError, RuntimeUnavailable.
        """
        key = (runtime, reference.canonical)
        future: Future[Fetched] = Future()
        with self._lock:
            fetch = self._running.get(key)
            if fetch is None:
                fetch = self._running[key] = _Fetch()
                threading.Thread(
                    target=self._run, args=(key, reference, fetch), name="fetch", daemon=True
                ).start()
            fetch.waiting[future] = report
            if fetch.reported:
                report(fetch.reported)
        future.add_done_callback(lambda done: self._left(key, fetch, done))
        return future

    def close(self) -> None:
        """End every fetch; their futures are cancelled."""
        with self._lock:
            waiting = [future for fetch in self._running.values() for future in fetch.waiting]
        for future in waiting:
            future.cancel()

    def _left(self, key: tuple[RuntimeChoice, str], fetch: _Fetch, future: Future[Fetched]) -> None:
        if not future.cancelled():
            return
        with self._lock:
            fetch.waiting.pop(future, None)
            if fetch.waiting or self._running.get(key) is not fetch:
                return
            # Whoever asks from here on begins anew instead of joining what is being ended.
            del self._running[key]
        fetch.stop.ask()

    def _run(self, key: tuple[RuntimeChoice, str], reference: Reference, fetch: _Fetch) -> None:
        def report(progress: Progress) -> None:
            self._report(fetch, progress)

        found: Fetched | None = None
        error: Exception | None = None
        try:
            found = self._sources[key[0]].fetch(reference, report, fetch.stop)
        except (HpccError, Stopped) as refused:
            error = refused
        except Exception as unforeseen:  # whatever it was, those who wait must learn of it
            error = ImageError(
                f"{reference.familiar} could not be fetched: {unforeseen!r}",
                cure="see the engine's log",
                field="image",
            )
        with self._lock:
            if self._running.get(key) is fetch:
                del self._running[key]
            waiting = list(fetch.waiting)
        _resolve(waiting, found, error)

    def _report(self, fetch: _Fetch, progress: Progress) -> None:
        """Pass on a new phase at once, and within one phase a few looks a second."""
        now = time.monotonic()
        last = fetch.reported
        if last and last.phase is progress.phase and now - fetch.reported_at < _REPORT_EVERY_S:
            return
        with self._lock:
            fetch.reported, fetch.reported_at = progress, now
            reports = list(fetch.waiting.values())
        for report in reports:
            report(progress)


def _resolve(
    waiting: Iterable[Future[Fetched]], found: Fetched | None, error: Exception | None
) -> None:
    for future in waiting:
        with suppress(InvalidStateError):  # cancelled a moment ago
            if found is not None:
                future.set_result(found)
            else:
                future.set_exception(error or Stopped())
