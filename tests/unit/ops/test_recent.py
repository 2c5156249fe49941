from __future__ import annotations

from services.ops.web.cache import Recent


def test_who_asks_at_the_same_time_gets_the_same_answer_and_later_ones_a_new_one() -> None:
    now = [0.0]
    asked: list[str] = []
    recent: Recent[int] = Recent(seconds=lambda: now[0])

    def compute() -> int:
        asked.append("")
        return len(asked)

    assert [recent.get("a", compute), recent.get("a", compute), recent.get("b", compute)] == [1, 1, 2]
    now[0] = 0.6
    assert recent.get("a", compute) == 3


def test_after_a_decision_nobody_sees_the_old_answer() -> None:
    recent: Recent[str] = Recent(seconds=lambda: 0.0)
    recent.get("a", lambda: "before")
    recent.forget()
    assert recent.get("a", lambda: "after") == "after"
