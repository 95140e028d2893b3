"""What a list looks like in a cell: a tuple that shows itself as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ..client import tables
from ..model.job import Image
from ..model.job import Job as Record

T = TypeVar("T")


class Listing(tuple[T, ...]):
    """A tuple with the text that shows it."""

    text: str

    def __new__(cls, items: Iterable[T], text: str) -> Listing[T]:
        """Return the items with their text."""
        listing = super().__new__(cls, items)
        listing.text = text
        return listing

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)


def jobs_listing(records: Iterable[Record], items: Sequence[T]) -> Listing[T]:
    """Return jobs shown as a table."""
    return Listing(items, tables.jobs_table(records))


def images_listing(images: Sequence[Image]) -> Listing[Image]:
    """Return images shown as a table."""
    return Listing(images, tables.images_table(images))
