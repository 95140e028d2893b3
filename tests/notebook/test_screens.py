"""What a cell shows: one card in place, or lines with their head and tail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jupyter_hpccontainers.model.job import Job, JobSpec
from jupyter_hpccontainers.model.resources import Resources
from jupyter_hpccontainers.model.states import Reason, ReasonCode, Result, State
from jupyter_hpccontainers.notebook import screens
from jupyter_hpccontainers.notebook.card import MIME_TYPE, bundle
from jupyter_hpccontainers.notebook.screens import CardScreen, LineScreen, Screens

RUNNING = Job(
    id=5,
    engine="5f0c",
    spec=JobSpec(image="img", resources=Resources(2, 2**30)),
    state=State.RUNNING,
    submitted_at=1.0,
    started_at=2.0,
    user="me",
)
WAITING = replace(RUNNING, state=State.PENDING, started_at=None, reason=Reason(ReasonCode.IMAGE))
DONE = replace(RUNNING, state=State.DONE, result=Result.COMPLETED, ended_at=3.0, exit_code=0)


class Display:
    """Takes what is published to a front end, at a time that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.published: list[tuple[bool, dict[str, Any]]] = []
        monkeypatch.setattr(screens, "publish_display_data", self.publish)

    def publish(self, data: dict[str, Any], *, transient: dict[str, str], update: bool) -> None:
        assert len(transient["display_id"]) == 32
        self.published.append((update, data))

    @property
    def tails(self) -> list[str]:
        return [data[MIME_TYPE]["tail"] for _, data in self.published]


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    return Display(monkeypatch)


def test_a_card_is_displayed_once_and_then_updated(display: Display) -> None:
    screen = CardScreen(clock=lambda: display.now)
    screen.say("starting the engine")
    screen.state(WAITING)
    screen.tick()
    screen.state(RUNNING)
    display.now = 2.0
    screen.tick()
    assert [update for update, _ in display.published] == [False, True, True]
    assert display.published[0][1] == {"text/plain": "starting the engine"}


def test_a_flood_is_held_back_and_its_end_is_always_shown(display: Display) -> None:
    screen = CardScreen(clock=lambda: display.now)
    screen.state(RUNNING)
    for n in range(1000):
        screen.wrote("stdout", f"{n}\n".encode())
        screen.tick()
        display.now += 0.001
    screen.end()
    assert len(display.published) <= 5
    assert display.tails[-1].endswith("998\n999\n")


def test_nothing_new_shows_nothing(display: Display) -> None:
    screen = CardScreen(clock=lambda: display.now)
    screen.tick()
    screen.state(RUNNING)
    screen.tick()
    display.now = 100.0
    screen.tick()
    screen.end()
    assert len(display.published) == 1
    assert screen.wait_s() is None


def test_a_card_holds_the_id_and_never_the_request() -> None:
    secret = replace(RUNNING, spec=replace(RUNNING.spec, env={"T": "s3cret"}, script="s3cret"))
    shown = bundle(secret, "tail\n", "a hint")
    assert "s3cret" not in str(shown)
    card = shown[MIME_TYPE]
    assert (card["engine"], card["job"], card["state"], card["tail"]) == (
        "5f0c", 5, "RUNNING", "tail\n",
    )  # fmt: skip
    assert shown["text/plain"].splitlines()[0].endswith("2 cores, 1 GiB · a hint")
    assert shown["text/plain"].splitlines()[1:] == ["tail"]


def test_what_is_not_enforced_is_said_on_the_card() -> None:
    warned = replace(RUNNING, warnings=("memory not enforced",))
    assert "  memory not enforced" in bundle(warned, "")["text/plain"].splitlines()


def test_lines_go_to_their_stream_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LineScreen(states=False)
    screen.wrote("stdout", b"10 %\r\xc3")
    screen.wrote("stderr", b"warn\n")
    screen.wrote("stdout", b"\xa9\xff\n")
    screen.end()
    assert capsys.readouterr() == ("10 %\ré�\n", "warn\n")


def test_only_the_stream_asked_for_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LineScreen(states=False, only="stderr")
    screen.wrote("stdout", b"out\n")
    screen.wrote("stderr", b"err\n")
    screen.end()
    assert capsys.readouterr() == ("", "err\n")


def test_between_head_and_tail_it_says_how_much_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = LineScreen(states=False, head_bytes=10)
    screen.state(RUNNING)
    screen.wrote("stdout", b"0123456789" + b"x" * 100_000)
    screen.wrote("stdout", b"the end\n")
    screen.end()
    printed = capsys.readouterr().out
    assert printed.startswith("0123456789\n… 83624 bytes not shown, all of it: %container logs 5\n")
    assert printed.endswith("xthe end\n")
    assert printed.count("x") == 100_000 - 83_624


def test_a_little_over_the_cap_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LineScreen(states=False, head_bytes=10)
    screen.wrote("stdout", b"0123456789abc\n")
    screen.end()
    assert capsys.readouterr().out == "0123456789abc\n"


def test_a_terminal_is_told_once_why_a_job_waits(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LineScreen(states=True)
    for _ in range(3):
        screen.state(WAITING)
    screen.state(RUNNING)
    screen.state(DONE)
    screen.end()
    told = capsys.readouterr().err
    assert told == "job 5 · img · PENDING: waits for its image\n"


def test_two_screens_show_the_same_job(
    display: Display, capsys: pytest.CaptureFixture[str]
) -> None:
    both = Screens(CardScreen(with_tail=False, clock=lambda: display.now), LineScreen(states=False))
    both.state(RUNNING)
    both.wrote("stdout", b"line\n")
    both.tick()
    both.state(DONE)
    assert both.wait_s() is not None
    both.end()
    assert display.tails == ["", ""]
    assert display.published[-1][1][MIME_TYPE]["result"] == "COMPLETED"
    assert capsys.readouterr().out == "line\n"
