"""A form that submits jobs, and below it the jobs it has submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from ...client.engine import EngineClient
from ...client.lines import headline
from ...model.errors import HpccError
from ...model.job import Job as Record
from ..python import Job
from .engine_widget import EngineWidget
from .form import EMPTY, form_request
from .shown import shown_config, shown_images

#: Jobs shown below the form; older ones run on, and are in every list.
_MOST_SHOWN = 10
_LONGEST_KEY = 200


class Launcher(EngineWidget):
    """Choose an image, cores, memory, GPUs and time; submit; watch; cancel.

    Whatever is given here is what the form begins with. ``form`` holds what is in it now,
    ``jobs`` what it has submitted.
    """

    _module = "launcher"
    form = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        image: str = "",
        command: str = "",
        *,
        engine: EngineClient | None = None,
        **fields: str | int,
    ) -> None:
        """Take defaults for the form: ``cores``, ``memory``, ``gpus``, ``time_limit``, ``name``,
        ``runtime``; raises TypeError for another field."""
        unknown = sorted(fields.keys() - EMPTY.keys())
        if unknown:
            raise TypeError(f"Launcher has no field {unknown[0]!r}: {', '.join(EMPTY)}")
        given = {"image": image, "command": command, **fields}
        super().__init__(engine, form={**EMPTY, **{k: str(v) for k, v in given.items()}})
        own = {
            "config": self._config,
            "images": self._images,
            "outlook": self._outlook,
            "submit": self._submit,
        }
        self._asked = {**self._asked, **own}
        self._records: dict[int, Record] = {}
        self._outlook_holds = False

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs it has submitted, newest first."""
        records = sorted(self._records.copy().values(), key=lambda record: -record.id)
        return tuple(Job(record, self._client()) for record in records)

    def submit(self) -> Job:
        """Submit what is in the form, as its button does; raises HpccError."""
        return Job(self._begin(form_request(self.form)), self._client())

    def changed(self, job: Record) -> None:
        """Note the record."""
        self._records[job.id] = job

    def queue_changed(self) -> None:
        """Say so once after each answer, however much changes: views ask again when they will."""
        if self._outlook_holds:
            self._outlook_holds = False
            self.send({"kind": "queue"})

    def _begin(self, request: Mapping[str, Any], key: str | None = None) -> Record:
        record = self._client().submit(request, key=key)
        if record.id not in self._records:
            self._records[record.id] = record
            shown = sorted(self._records)[-_MOST_SHOWN - 1 :]
            self._feed().watch(self, record)
            if len(shown) > _MOST_SHOWN:
                self._feed().leave(self, shown[0])
        return record

    def _submit(self, asked: Mapping[str, Any]) -> None:
        request = _request(asked)

        def submit() -> None:
            record = self._begin(request, key=_key(asked) or None)
            self.send({"kind": "submitted", "job": record.id})

        self._attempt(submit, "invalid")

    def _outlook(self, asked: Mapping[str, Any]) -> None:
        """Say when the job in a form would start; a view knows by the key whether it still asks."""
        self._feed().watch_queue(self)
        self._outlook_holds = True
        try:
            told = self._client().dry_run(_request(asked))
            text = "\n".join([*told.notes, told.outlook])
        except HpccError:
            # What is wrong with a field is said when it is submitted.
            text = ""
        self.send({"kind": "outlook", "key": _key(asked), "text": text})

    def _config(self, _: Mapping[str, Any]) -> None:
        self.send({"kind": "config", "config": shown_config(self._client().config())})

    def _images(self, _: Mapping[str, Any]) -> None:
        self.send({"kind": "images", "images": shown_images(self._client().images())})

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        lines = [headline(record) for record in self._records.copy().values()]
        return self._bundle({"text/plain": "\n".join(lines or ["container jobs: no job yet"])})


def _request(asked: Mapping[str, Any]) -> dict[str, Any]:
    form = asked.get("form")
    return form_request(form if isinstance(form, Mapping) else {})


def _key(asked: Mapping[str, Any]) -> str:
    return str(asked.get("key") or "")[:_LONGEST_KEY]
