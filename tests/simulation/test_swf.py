"""Logs in the Standard Workload Format: what is read, what is dropped, what is damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from swf_lab import HEAD, line, log

from jupyter_hpccontainers.model.errors import InvalidSpec, NotFound
from jupyter_hpccontainers.simulation.swf import read_swf


@pytest.mark.parametrize("name", ["small.swf", "small.swf.gz"])
def test_a_log_plain_or_compressed(tmp_path: Path, name: str) -> None:
    read = read_swf(log(tmp_path, line(1, 0, 30, given=2), line(2, 5, 20), name=name))
    assert (read.name, read.processors) == ("small", 4)
    first, second = read.jobs
    assert (first.number, first.submit_s, first.run_s) == (1, 0.0, 30.0)
    assert (first.processors, first.limit_s, first.user) == (2, 100.0, "7")
    assert second.number == 2


def test_jobs_come_in_order_of_submission(tmp_path: Path) -> None:
    read = read_swf(log(tmp_path, line(1, 9, 1), line(2, 3, 1), line(3, 3, 1)))
    assert [job.number for job in read.jobs] == [2, 3, 1]


def test_processors_are_those_asked_for_else_those_given(tmp_path: Path) -> None:
    read = read_swf(log(tmp_path, line(1, 0, 1, given=2, asked=3), line(2, 0, 1, given=2)))
    assert [job.processors for job in read.jobs] == [3, 2]


def test_a_run_is_cut_at_its_limit(tmp_path: Path) -> None:
    assert read_swf(log(tmp_path, line(1, 0, 500, limit=60))).jobs[0].run_s == 60


@pytest.mark.parametrize(
    "dropped",
    [
        line(9, 0, 1, given=5),
        line(9, 0, 1, given=1, asked=5),
        line(9, 0, 0),
        line(9, 0, -1),
        line(9, 0, 1, limit=-1),
        line(9, -1, 1),
        line(9, 0, 1, given=-1),
    ],
)
def test_what_the_filter_drops(tmp_path: Path, dropped: str) -> None:
    read = read_swf(log(tmp_path, dropped, line(1, 0, 1)))
    assert [job.number for job in read.jobs] == [1]


@pytest.mark.parametrize("damaged", ["1 2 3\n", line(1, 0, 1).replace("100", "x"), "\x00\n"])
def test_a_damaged_line_is_named(tmp_path: Path, damaged: str) -> None:
    with pytest.raises(InvalidSpec, match=r"line 4 of .*small.swf is damaged"):
        read_swf(log(tmp_path, line(1, 0, 1), damaged))


def test_a_log_that_does_not_say_its_processors(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="how many processors"):
        read_swf(log(tmp_path, line(1, 0, 1), head="; Version: 2.2\n"))


def test_a_log_without_jobs(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="holds no job"):
        read_swf(log(tmp_path))


def test_a_compressed_log_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cut.swf.gz"
    path.write_bytes(gzip.compress((HEAD + line(1, 0, 1) * 100).encode())[:-20])
    with pytest.raises(InvalidSpec, match="ends too early"):
        read_swf(path)


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none.swf: No such file"):
        read_swf(tmp_path / "none.swf")
