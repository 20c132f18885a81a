from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lakeworks.query.executions.queueing import FairQueue

ASKED = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), max_size=40)


def filled(asked: list[tuple[str, str]]) -> FairQueue[tuple[int, str, str]]:
    queue: FairQueue[tuple[int, str, str]] = FairQueue()
    for number, (workgroup, principal) in enumerate(asked):
        queue.add((number, workgroup, principal), workgroup=workgroup, principal=principal)
    return queue


@given(ASKED)
def test_every_query_gets_its_turn_once(asked: list[tuple[str, str]]) -> None:
    queue = filled(asked)
    taken = []
    while (found := queue.take({})) is not None:
        taken.append(found)
    assert sorted(number for number, _, _ in taken) == list(range(len(asked)))
    assert len(queue) == 0


@given(ASKED)
def test_nobody_waits_for_two_queries_of_another(asked: list[tuple[str, str]]) -> None:
    queue = filled(asked)
    left = Counter(asked)
    since: dict[tuple[str, str], Counter[tuple[str, str]]] = {who: Counter() for who in left}
    while (found := queue.take({})) is not None:
        who = found[1], found[2]
        left[who] -= 1
        for other, seen in since.items():
            if other != who and left[other] and other[0] == who[0]:
                seen[who] += 1
                assert seen[who] <= 1
        since[who].clear()


@given(ASKED, st.integers(1, 3))
def test_a_workgroup_runs_no_more_than_it_may(asked: list[tuple[str, str]], most: int) -> None:
    queue = filled(asked)
    running: list[tuple[int, str, str]] = []
    done = 0
    while done < len(asked):
        found = queue.take({"a": most, "b": most})
        if found is None:
            queue.ended(running.pop(0)[1])
            done += 1
            continue
        running.append(found)
        counts = Counter(one[1] for one in running)
        assert all(count <= most for count in counts.values())
        assert all(queue.running(name) == count for name, count in counts.items())


def test_a_query_that_was_taken_back_never_runs() -> None:
    queue = filled([("a", "x"), ("a", "x"), ("b", "y")])
    assert queue.remove((0, "a", "x"))
    assert not queue.remove((0, "a", "x"))
    assert [queue.take({}), queue.take({}), queue.take({})] == [
        (1, "a", "x"), (2, "b", "y"), None,
    ]  # fmt: skip
