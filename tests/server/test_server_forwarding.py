"""Requests reach the engine, answers come back, errors keep their cure."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tornado.httpclient import HTTPResponse


def told(answer: HTTPResponse) -> Any:
    """Return the JSON of an answer."""
    return json.loads(answer.body)


async def test_health_tells_door_engine_and_folder(
    ask: Any, engine_here: Any, jp_root_dir: Path
) -> None:
    health = told(await ask("health"))
    assert health["engine"]["engine"] == engine_here.client.health().engine
    assert health["error"] is None
    assert health["root"] == str(jp_root_dir)


async def test_submit_show_cancel(ask: Any, engine_here: Any, tiny_image: str) -> None:
    folder = str(engine_here.workdir)
    request = {"image": tiny_image, "command": ["sleep", "300"], "workdir": folder}
    key = {"Idempotency-Key": "the same click"}
    first = await ask("jobs", "POST", request, headers=key)
    again = await ask("jobs", "POST", request, headers=key)
    assert (first.code, again.code) == (201, 200)
    job = told(first)["id"]
    assert told(again)["id"] == job

    listed = told(await ask("jobs", params={"state": "active", "limit": "5"}))["jobs"]
    assert [one["id"] for one in listed] == [job]
    assert told(await ask(f"jobs/{job}/explain"))["job_id"] == job
    changed = await ask(f"jobs/{job}", "PATCH", {"time_limit": "2h"})
    assert told(changed)["spec"]["time_limit_s"] == 7200
    assert (await ask(f"jobs/{job}/cancel", "POST", {"kill": True})).code == 200
    assert engine_here.wait(job).result == "CANCELLED"


async def test_a_workflow_is_passed_on_with_its_key(
    ask: Any, engine_here: Any, tiny_image: str
) -> None:
    job = {"image": tiny_image, "command": ["true"], "workdir": str(engine_here.workdir)}
    flow = {"jobs": {"b": {**job, "after": "a"}, "a": job}}
    key = {"Idempotency-Key": "the same click"}
    first = await ask("workflows", "POST", flow, headers=key)
    again = await ask("workflows", "POST", flow, headers=key)
    assert (first.code, again.code) == (201, 200)
    jobs = told(first)["jobs"]
    assert {name: one["id"] for name, one in told(again)["jobs"].items()} == {
        name: one["id"] for name, one in jobs.items()
    }
    assert engine_here.wait(jobs["b"]["id"]).result == "COMPLETED"
    flow["jobs"]["a"] = {**job, "after": "b"}
    refused = await ask("workflows", "POST", flow)
    assert refused.code == 422
    assert told(refused)["error"]["message"] == "these jobs wait for each other: b → a → b"


async def test_several_are_cancelled_by_their_tag(
    ask: Any, engine_here: Any, tiny_image: str
) -> None:
    def start(tag: str) -> int:
        job = engine_here.submit(tiny_image, command=["sleep", "300"], tags=[tag])
        return int(job.id)

    a, b = [start("a"), start("a"), start("a")], start("b")
    stopped = told(await ask("jobs/cancel", "POST", {"tag": "a"}))["jobs"]
    assert sorted(job["id"] for job in stopped) == a
    assert [engine_here.wait(job).result for job in a] == ["CANCELLED"] * 3
    assert not engine_here.client.job(b).done


async def test_a_refusal_names_field_and_cure(ask: Any, tiny_image: str) -> None:
    answer = await ask("jobs", "POST", {"image": tiny_image, "memory": "lots"})
    error = told(answer)["error"]
    assert answer.code == 422
    assert error["field"] == "memory"
    assert error["cure"]


async def test_what_is_not_json_is_refused_here(ask: Any) -> None:
    for body in (b"{", b"\xff\xfe", b"[" * 100_000):
        assert (await ask("jobs", "POST", body)).code == 400


async def test_a_body_too_large_is_refused_before_it_is_read(ask: Any, engine_here: Any) -> None:
    answer = await ask("jobs", "POST", b'"' + b"x" * 2**20 + b'"')
    assert answer.code == 413
    assert told(answer)["error"]["code"] == "TooLarge"


async def test_the_log_by_range(ask: Any, finished_job: int, engine_here: Any) -> None:
    whole = engine_here.client.whole_log(finished_job)
    answer = await ask(f"jobs/{finished_job}/log")
    assert answer.body == whole
    part = await ask(f"jobs/{finished_job}/log", params={"offset": "7", "length": "100"})
    assert part.body == whole[7:107]
    assert part.headers["X-Log-Size"] == str(len(whole))
    assert part.headers["X-Log-Offset"] == "7"
    assert part.headers["Content-Type"] == "application/octet-stream"
    assert part.headers["Content-Disposition"] == "attachment"
    assert (await ask(f"jobs/{finished_job}/log", params={"offset": "x"})).code == 422


async def test_a_file_of_a_job_is_bytes_to_save(
    ask: Any,
    engine_here: Any,
    tiny_image: str,
    http_server_client: Any,
    jp_auth_header: dict[str, str],
) -> None:
    name = "a b&é%2f.html"
    script = f'#!/bin/sh\nprintf "<script>1</script>" > "$HPCC_JOB_DIR/outputs/{name}"\n'
    job = engine_here.wait(engine_here.submit(tiny_image, script=script))
    listed = told(await ask(f"jobs/{job.id}/files"))["files"]
    assert f"outputs/{name}" in [one["path"] for one in listed]
    answer = await http_server_client.fetch(
        f"/user/x/hpccontainers/jobs/{job.id}/files/outputs/{quote(name)}", headers=jp_auth_header
    )
    assert answer.body == b"<script>1</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_paths_do_not_leave_the_folder(
    finished_job: int, http_server_client: Any, jp_auth_header: dict[str, str]
) -> None:
    for path in (
        f"jobs/{finished_job}/files/..%2f..%2fsupervisor.json",
        f"jobs/{finished_job}/files/%2fetc%2fpasswd",
        f"jobs/{finished_job}/files/..%00",
        "jobs/..%2f1",
        "jobs/-1",
        "jobs/1e3",
        "jobs/99999",
        f"jobs/{'9' * 18}",
    ):
        answer = await http_server_client.fetch(
            f"/user/x/hpccontainers/{path}", headers=jp_auth_header, raise_error=False
        )
        assert answer.code == 404, path
        assert b"root:" not in answer.body


async def test_asking_changes_nothing(ask: Any, engine_here: Any, finished_job: int) -> None:
    before = engine_here.client.jobs()
    for path in ("jobs/cancel", f"jobs/{finished_job}/cancel"):
        assert (await ask(path)).code == 405
    query = {"image": "x", "command": "true", "_method": "POST"}
    assert (await ask("jobs", params=query)).code == 200
    assert engine_here.client.jobs() == before


async def test_an_engine_that_was_killed_is_started_by_the_next_request(
    ask: Any, engine_here: Any
) -> None:
    uuid = told(await ask("health"))["engine"]["engine"]
    engine_here.kill()
    answers = await asyncio.gather(*(ask("health") for _ in range(10)))
    assert {told(answer)["engine"]["engine"] for answer in answers} == {uuid}
    assert len({told(answer)["engine"]["pid"] for answer in answers}) == 1
