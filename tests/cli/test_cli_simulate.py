"""``simulate``: figures of policies side by side, as text and as JSON, without an engine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jupyter_hpccontainers.cli.main import main

LOG = "; MaxProcs: 4\n" + "".join(
    f"{n} {n} -1 {10 + n} {1 + n % 4} -1 -1 -1 100 -1 1 {n % 3} 1 -1 -1 -1 -1 -1\n"
    for n in range(1, 60)
)


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "small.swf"
    path.write_text(LOG)
    return str(path)


def test_a_table_of_policies(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", log, "--policy", "easy", "--policy", "fcfs"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "small: 59 jobs on 4 processors"
    assert [line.split()[0] for line in lines[2:4]] == ["easy", "fcfs"]
    assert shown.err == ""


def test_json_has_one_row_for_each_policy(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", log, "--policy", "easy,fcfs", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["policy"] for row in rows] == ["easy", "fcfs"]
    figures = "policy jobs avebsld p95_bsld p99_bsld mean_wait_s max_wait_h utilisation wall_s"
    assert set(rows[0]) == set(figures.split())


def test_spread_comes_with_repeats_only(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--policy", "easy,default", "--repeat", "2", "--shake", "30", "--json"]
    assert main(["simulate", log, *words]) == 0
    easy, _ = json.loads(capsys.readouterr().out)
    assert len(easy["replays"]) == 2
    assert easy["against_easy"]["avebsld"] == {"mean": 1.0, "least": 1.0, "most": 1.0}


def test_several_logs_are_replayed_one_by_one(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large.swf").write_text(LOG.replace("MaxProcs: 4", "MaxProcs: 8"))
    words = ["simulate", log, str(tmp_path / "large.swf"), "--policy", "easy,fcfs"]
    assert main([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["log"], row["policy"]) for row in rows] == [
        ("small", "easy"), ("small", "fcfs"), ("large", "easy"), ("large", "fcfs"),
    ]  # fmt: skip
    assert main(words) == 0
    assert "\n\nlarge: 59 jobs on 8 processors\n" in capsys.readouterr().out
    assert main([*words, "--draw", str(tmp_path / "both.svg")]) == 2


def test_a_damaged_line_of_any_log_is_named_and_nothing_replayed(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "torn.swf").write_text(LOG[:-20])
    assert main(["simulate", log, str(tmp_path / "torn.swf")]) == 2
    shown = capsys.readouterr()
    assert (shown.out, "line 60 of" in shown.err) == ("", True)


def test_the_same_seed_gives_the_same_figures(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    def waits(seed: int) -> list[float]:
        words = ["--policy", "easy", "--repeat", "2", "--shake", "30", "--seed", str(seed)]
        assert main(["simulate", log, "--json", *words]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        return [replay["mean_wait_s"] for replay in row["replays"]]

    assert waits(1) == waits(1) != waits(2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--policy", "magic"], "no policy 'magic'"),
        (["--repeat", "0"], "nothing to replay"),
    ],
)
def test_wrong_words_are_one_line(
    log: str, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["simulate", log, *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("name", ["waits.svg", "waits.html"])
def test_a_picture(log: str, tmp_path: Path, name: str) -> None:
    assert main(["simulate", log, "--policy", "easy", "--draw", str(tmp_path / name)]) == 0
    assert "<svg" in (tmp_path / name).read_text()


def test_a_picture_as_png(log: str, tmp_path: Path) -> None:
    assert main(["simulate", log, "--policy", "easy", "--draw", str(tmp_path / "waits.png")]) == 0
    assert (tmp_path / "waits.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_without_matplotlib_a_png_is_refused_with_what_to_install(
    log: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["simulate", log, "--draw", "waits.png"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'jupyter-hpccontainers[plots]'" in line


def test_a_picture_that_cannot_be_drawn_is_said_before_the_replay(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", log, "--draw", "waits.bmp"]) == 2
    shown = capsys.readouterr()
    assert (shown.out, "can't draw waits.bmp" in shown.err) == ("", True)


def test_the_lab_is_made_up_by_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--workload", "lab", "--seed", "3", "--policy", "easy"]) == 0
    assert "lab-3: " in capsys.readouterr().out


def test_a_made_up_lab_is_made_anew_each_time_and_shown_by_who_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["simulate", "--workload", "lab", "--policy", "easy,headroom", "--repeat", "2"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "mean of 2 replays, each with the next seed" in shown
    assert [line for line in shown.splitlines() if line.endswith(":")] == [
        "short:", "up to 3/4:", "larger:",
    ]  # fmt: skip
    assert main([*words, "--json"]) == 0
    easy, headroom = json.loads(capsys.readouterr().out)
    for one, other in zip(easy["groups"], headroom["groups"], strict=True):
        assert other["short"]["mean_wait_s"] < 0.5 * one["short"]["mean_wait_s"]
        assert one["larger"]["jobs"] == other["larger"]["jobs"]
    assert easy["replays"][0]["mean_wait_s"] != easy["replays"][1]["mean_wait_s"]


@pytest.mark.parametrize("words", [[], ["LOG", "--workload", "lab"], ["LOG", "--history"]])
def test_either_a_log_or_a_made_up_workload(
    log: str, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["simulate", *(log if word == "LOG" else word for word in words)]) == 2
    assert "give a log, or --workload lab" in capsys.readouterr().err
