"""ByteCache: never above its capacity, and the least recently used value is removed first."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from scog.runtime.byte_cache import ByteCache

keys = st.integers(0, 8)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, 60)),
        st.tuples(st.just("get"), keys, st.just(0)),
        st.tuples(st.just("drop"), keys, st.just(0)),
    ),
    max_size=60,
)


@given(steps, st.integers(0, 100))
def test_it_behaves_like_an_ordered_list(steps: list[tuple[str, int, int]], capacity: int) -> None:
    cache: ByteCache[int, int] = ByteCache(capacity)
    model: OrderedDict[int, tuple[int, int]] = OrderedDict()
    for number, (action, key, size) in enumerate(steps):
        if action == "put":
            cache.put(key, number, size)
            model.pop(key, None)
            if size <= capacity:
                model[key] = number, size
            while sum(weight for _, weight in model.values()) > capacity:
                model.popitem(last=False)
        elif action == "drop":
            cache.drop(key)
            model.pop(key, None)
        else:
            value = cache.get(key)
            assert value == (model[key][0] if key in model else None)
            if key in model:
                model.move_to_end(key)
        assert cache.bytes == sum(weight for _, weight in model.values()) <= capacity
        assert len(cache) == len(model)
        assert all((key in cache) == (key in model) for key in range(9))


def test_a_membership_test_does_not_count_as_use() -> None:
    cache: ByteCache[str, int] = ByteCache(2)
    cache.put("a", 1, 1)
    cache.put("b", 2, 1)
    assert "a" in cache
    cache.put("c", 3, 1)
    assert cache.get("a") is None
    assert cache.get("b") == 2


def test_get_and_put_count_as_use() -> None:
    cache: ByteCache[str, int] = ByteCache(3)
    for key in "abc":
        cache.put(key, 1, 1)
    cache.get("a")
    cache.put("d", 1, 1)
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]
    cache.put("c", 2, 1)
    cache.put("e", 1, 1)
    assert [key for key in "abcde" if key in cache] == ["c", "d", "e"]
