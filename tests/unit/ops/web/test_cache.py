from __future__ import annotations

from services.ops.web.cache import AnswerCache


def test_an_answer_is_shared_for_half_a_second_by_requests_for_the_same_key() -> None:
    now = [0.0]
    asked: list[str] = []
    cache: AnswerCache[int] = AnswerCache(seconds=lambda: now[0])

    def compute() -> int:
        asked.append("")
        return len(asked)

    assert [cache.get("a", compute), cache.get("a", compute), cache.get("b", compute)] == [1, 1, 2]
    now[0] = 0.6
    assert cache.get("a", compute) == 3


def test_after_clear_the_answer_is_computed_again() -> None:
    cache: AnswerCache[str] = AnswerCache(seconds=lambda: 0.0)
    cache.get("a", lambda: "before")
    cache.clear()
    assert cache.get("a", lambda: "after") == "after"
