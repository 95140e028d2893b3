"""Numbers that are given and come back, whichever are asked for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_hpccontainers.scheduler.pool import Pool

EVERY = range(12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from(EVERY), max_size=5))))
def test_what_is_free_is_what_nobody_holds(steps):
    pool, free, held = Pool(EVERY), set(EVERY), []
    for least, numbers in steps:
        given_ = tuple(pool.free[: len(numbers)]) if least else tuple(sorted(numbers & free))
        pool.take(given_)
        free -= set(given_)
        held.append(given_)
        assert pool.free == sorted(free)
        if len(held) > 2:
            back = held.pop(len(numbers) % len(held))
            pool.give_back(back)
            free |= set(back)
            assert pool.free == sorted(free)


def test_what_the_machine_has_lost_never_becomes_free():
    pool = Pool([0, 1, 2])
    pool.take((1, 7))
    assert pool.free == [0, 2]
    assert pool.known((1, 7)) == (1,)
    pool.give_back((1, 7))
    assert pool.free == [0, 1, 2]
