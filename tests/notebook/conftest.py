"""Fixtures of the notebook's tests."""

from __future__ import annotations

from kernel_fixture import kernel, make_kernel

__all__ = ["kernel", "make_kernel"]
