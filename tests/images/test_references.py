"""Image names: one normal form for all spellings, and nothing that could be an option."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_hpccontainers.images.references import Source, parse_reference
from jupyter_hpccontainers.model.errors import InvalidSpec

SHA = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("python", "docker.io/library/python:latest", "python:latest"),
        ("python:3.12", "docker.io/library/python:3.12", "python:3.12"),
        ("docker://python:3.12", "docker.io/library/python:3.12", "python:3.12"),
        ("DOCKER://python:3.12", "docker.io/library/python:3.12", "python:3.12"),
        ("docker.io/python:3.12", "docker.io/library/python:3.12", "python:3.12"),
        ("index.docker.io/library/python:3.12", "docker.io/library/python:3.12", "python:3.12"),
        ("Docker.IO/library/python:3.12", "docker.io/library/python:3.12", "python:3.12"),
        ("team/tool", "docker.io/team/tool:latest", "team/tool:latest"),
        ("ghcr.io/team/tool:1", "ghcr.io/team/tool:1", "ghcr.io/team/tool:1"),
        ("GHCR.io/team/tool:1", "ghcr.io/team/tool:1", "ghcr.io/team/tool:1"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
        (f"python@{SHA}", f"docker.io/library/python@{SHA}", f"python@{SHA}"),
        (f"python:3.12@{SHA}", f"docker.io/library/python@{SHA}", f"python@{SHA}"),
        (SHA, SHA, SHA),
        ("/images/tool.sif", "/images/tool.sif", "/images/tool.sif"),
        ("/images/unpacked", "/images/unpacked", "/images/unpacked"),
        ("//images/./x/../tool.SIF", "/images/tool.SIF", "/images/tool.SIF"),
    ],
)
def test_every_spelling_has_one_normal_form(text: str, canonical: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert reference.canonical == canonical
    assert reference.familiar == familiar


@pytest.mark.parametrize("text", ["tool.sif", "./tool.sif", "sub/../tool.simg", "./folder", ".."])
def test_relative_paths_lie_in_the_notebooks_folder(text: str) -> None:
    reference = parse_reference(text, folder="/home/p/work")
    assert reference.source is Source.FILE
    assert reference.path.startswith("/home/p")
    assert ".." not in reference.path
    with pytest.raises(InvalidSpec, match="relative"):
        parse_reference(text)


def test_a_normal_form_reads_back_as_itself() -> None:
    for text in ("python", "oras://ghcr.io/a/b:1", "ghcr.io/a/b:1", f"x@{SHA}", "/a/b.sif", SHA):
        once = parse_reference(text)
        assert parse_reference(once.canonical) == once
        assert parse_reference(once.familiar) == once


def test_what_apptainer_is_asked_for() -> None:
    assert parse_reference("python:3.12").uri == "docker://docker.io/library/python:3.12"
    assert parse_reference("oras://ghcr.io/a/b:1").uri == "oras://ghcr.io/a/b:1"
    assert parse_reference("/a/b.sif").uri == "/a/b.sif"


def test_only_a_registry_on_this_machine_is_loopback() -> None:
    assert parse_reference("localhost:5000/a").loopback
    assert parse_reference("127.0.0.1:5000/a").loopback
    assert parse_reference("[::1]:5000/a").loopback
    assert not parse_reference("127-0-0-1.example.org/a").loopback
    assert not parse_reference("localhost.example.org/a").loopback
    assert not parse_reference("python").loopback


REFUSED = [
    "", "-", "--privileged", "-v/:/host", "--privileged.sif", "a\n--privileged", "a b", " a", "a ",
    "$(id)", "x;id", "`id`", "x|y", "x&y", "a\0b", "x" * 5000, "x" * 300, "a:b:c", "a@b", "a:",
    "a/", "/:x/../../a b\n.sif", "Python", "team/Tool:1", "Team/tool", "a//b", "a..b", "-a/b",
    "python@sha256:abc", f"python@{SHA}00", "python@md5:" + "0" * 32, "http://x/y", "file:///x",
    "docker-daemon://x", "docker-archive:/x.tar", "docker://", "docker:///etc/x", "library://a/b",
    "a:-tag", "host:99999999/x", "a\u202eb", "é", "\u200bpython",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_image_is_refused_with_a_cure(text: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        parse_reference(text, folder="/home/p")
    assert refusal.value.field == "image"
    assert refusal.value.cure
    assert len(refusal.value.message) < 200


def test_capitals_are_told_apart_from_other_mistakes() -> None:
    with pytest.raises(InvalidSpec, match="capitals") as refusal:
        parse_reference("Team/Tool:1")
    assert "team/tool" in refusal.value.cure


@given(st.text(max_size=60) | st.from_regex(r"[a-zA-Z0-9:/@._-]{1,40}", fullmatch=True))
def test_any_text_is_an_image_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text, folder="/home/p")
    except InvalidSpec:
        return
    assert not reference.canonical.startswith("-")
    assert reference.canonical.isprintable()
    assert parse_reference(reference.canonical) == reference
