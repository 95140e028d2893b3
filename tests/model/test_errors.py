"""The error tree on the wire."""

from __future__ import annotations

from jupyter_hpccontainers.model import errors


def test_an_error_crosses_the_wire_as_its_own_class() -> None:
    sent = errors.NeverFits("asks 3 cores", cure="ask 2", field="cores", most=2)
    received = errors.error_from_json(errors.error_to_json(sent))
    assert type(received) is errors.NeverFits
    assert (received.message, received.cure, received.field) == ("asks 3 cores", "ask 2", "cores")
    assert received.details == {"most": 2}
    assert str(received) == "asks 3 cores (ask 2)"


def test_an_unknown_code_from_a_newer_engine_is_still_an_error() -> None:
    assert str(errors.error_from_json({"code": "Later", "message": "m"})) == "m"
