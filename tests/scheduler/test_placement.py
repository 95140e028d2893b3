"""Which numbers: siblings together, one NUMA node, cores near their GPUs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scheduler_lab import ask, machine

from jupyter_hpccontainers.model.machine import Core, Gpu, Machine
from jupyter_hpccontainers.scheduler.placement import place

ALL = range(1000)


def cores(on: Machine, count: int, free=ALL) -> tuple[int, ...]:
    """Return the cores given for ``count``."""
    given_ = place(on, ask(cores=count), free, ALL)
    assert given_ is not None
    return given_.cores


class TestSiblings:
    hyper = machine(cores=8, threads=2)  # siblings (0, 1), (2, 3), (4, 5), (6, 7)

    def test_both_hyperthreads_go_to_one_job(self):
        assert cores(self.hyper, 2, {1, 2, 3, 4}) == (2, 3)
        assert cores(self.hyper, 4, {1, 2, 3, 4, 6, 7}) == (2, 3, 6, 7)

    def test_an_odd_number_takes_a_broken_core_first(self):
        assert cores(self.hyper, 1, {0, 1, 3, 4, 5}) == (3,)
        assert cores(self.hyper, 3, {0, 1, 3, 4, 5}) == (0, 1, 3)

    def test_and_breaks_one_only_when_it_must(self):
        assert cores(self.hyper, 1, {4, 5, 6, 7}) == (4,)
        assert cores(self.hyper, 3, {0, 1, 2, 3}) == (0, 1, 2)

    def test_what_is_left_over_is_used_in_the_end(self):
        assert cores(self.hyper, 2, {1, 2}) == (1, 2)

    def test_are_known_by_group_not_by_number(self):
        usual = Machine("lab", tuple(Core(n, n % 4) for n in range(8)), 2**40)
        assert cores(usual, 2) == (0, 4)


class TestNodes:
    two = machine(cores=8, nodes=2)  # cores 0-3 on node 0, 4-7 on node 1

    def test_one_node_where_it_fits(self):
        assert cores(self.two, 3, {1, 2, 4, 5, 6}) == (4, 5, 6)

    def test_the_fullest_that_still_fits(self):
        assert cores(self.two, 2, {1, 2, 4, 5, 6}) == (1, 2)

    def test_spread_with_most_on_one_where_it_does_not(self):
        assert cores(self.two, 4, {1, 2, 4, 5, 6}) == (1, 4, 5, 6)


class TestGpus:
    two = machine(cores=8, gpus=4, nodes=2)  # GPUs 0, 1 on node 0 and 2, 3 on node 1

    def test_cores_come_from_the_node_of_the_gpu(self):
        given_ = place(self.two, ask(cores=2, gpus=1), ALL, {2, 3})
        assert (given_.cores, given_.gpus) == ((4, 5), (2,))

    def test_a_node_that_holds_cores_and_gpus_goes_first(self):
        given_ = place(self.two, ask(cores=3, gpus=1), {0, 1, 4, 5, 6}, ALL)
        assert (given_.cores, given_.gpus) == ((4, 5, 6), (2,))

    def test_gpus_of_one_node_together(self):
        assert place(self.two, ask(gpus=2), ALL, {1, 2, 3}).gpus == (2, 3)

    def test_a_single_one_does_not_break_a_pair(self):
        assert place(self.two, ask(gpus=1), ALL, {1, 2, 3}).gpus == (1,)

    def test_a_job_without_gpus_leaves_the_cores_beside_them(self):
        one_sided = Machine("lab", self.two.cores, 2**40, (Gpu(0, numa_node=0),))
        assert place(one_sided, ask(cores=2), ALL, ALL).cores == (4, 5)

    def test_a_gpu_on_a_node_whose_cores_are_taken(self):
        given_ = place(self.two, ask(cores=2, gpus=1), {5, 6}, {0})
        assert (given_.cores, given_.gpus) == ((5, 6), (0,))


def test_too_few_free_is_none():
    on = machine(cores=4, gpus=1)
    assert place(on, ask(cores=3), {0, 1}, ALL) is None
    assert place(on, ask(gpus=1), ALL, set()) is None


@given(
    st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (4, 2)]),
    st.sets(st.integers(0, 15)),
    st.sets(st.integers(0, 3)),
    st.integers(1, 16),
    st.integers(0, 4),
)
def test_gives_exactly_what_is_asked_out_of_what_is_free(shape, free, free_gpus, count, gpus):
    nodes, threads = shape
    on = machine(cores=16, gpus=4, nodes=nodes, threads=threads)
    given_ = place(on, ask(cores=count, gpus=gpus), free, free_gpus)
    if count > len(free) or gpus > len(free_gpus):
        assert given_ is None
        return
    assert len(given_.cores) == len(set(given_.cores)) == count
    assert len(given_.gpus) == len(set(given_.gpus)) == gpus
    assert set(given_.cores) <= free
    assert set(given_.gpus) <= free_gpus
    assert given_.cores == tuple(sorted(given_.cores))
