from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.ops.board.health import ServiceHealth, health_in, troubles_of, worst_of

PAGE = """
# TYPE akashi_outbox_rows gauge
akashi_outbox_rows 12.0
# TYPE akashi_outbox_age_seconds gauge
akashi_outbox_age_seconds 90.5
# TYPE akashi_outbox_refused_rows gauge
akashi_outbox_refused_rows 1.0
# TYPE akashi_topic_gap gauge
akashi_topic_gap{topic="assertion.issued"} 40.0
# TYPE akashi_breaker_open gauge
akashi_breaker_open{topic="assertion.issued"} 0.0
akashi_breaker_open{topic="badge.received"} 1.0
# TYPE akashi_database_away gauge
akashi_database_away{topic="assertion.issued"} 1.0
akashi_database_away{topic="badge.received"} 0.0
# TYPE akashi_tick_failures_in_a_row gauge
akashi_tick_failures_in_a_row{tick="sending"} 2.0
akashi_tick_failures_in_a_row{tick="inbox"} 3.0
# TYPE akashi_tick_rows_aside counter
akashi_tick_rows_aside_total{tick="release"} 2.0
akashi_tick_rows_aside_total{tick="recall"} 0.0
# TYPE akashi_facts_recalled counter
akashi_facts_recalled_total 7.0
akashi_facts_recalled_created 1.7e9
# TYPE akashi_messages_unread counter
akashi_messages_unread_total{topic="letter.updated"} 2.0
# TYPE akashi_anchor_warnings gauge
akashi_anchor_warnings 1.0
# TYPE akashi_anchor_credentials_at_fault gauge
akashi_anchor_credentials_at_fault 3.0
"""


def health_of(page: str) -> ServiceHealth:
    families = text_string_to_metric_families(page)
    return health_in((sample.name, sample.labels, sample.value) for family in families for sample in family.samples)


HEALTH = health_of(PAGE)


def test_a_metrics_page_has_all_figures_of_the_service() -> None:
    assert (
        ServiceHealth(
            outbox_rows=12,
            outbox_seconds=90.5,
            refused_rows=1,
            gaps={"assertion.issued": 40},
            open_breakers=("badge.received",),
            waiting=("assertion.issued",),
            failing_ticks={"inbox": 3},
            aside={"release": 2},
            recalled=7,
            unread={"letter.updated": 2},
            chain_warnings=1,
            unproved=3,
        )
        == HEALTH
    )


def test_each_figure_is_one_trouble_with_what_to_do_in_both_languages() -> None:
    troubles = troubles_of("mailer", HEALTH)
    assert len(troubles) == 10  # a restore has a row of its own: see board/restores.py
    assert "akashi rebuild mailer" in troubles[0].todo.ja and "akashi rebuild mailer" in troubles[0].todo.en
    for trouble in troubles:
        assert not trouble.what.ja.isascii() and trouble.what.en.isascii()
        assert not trouble.todo.ja.isascii() and trouble.todo.en.isascii()


def test_a_gap_in_what_the_upstream_delivers_is_for_the_upstream_too() -> None:
    (trouble,) = troubles_of("registration", ServiceHealth(gaps={"upstream.registrations": 1}))
    assert "上流" in trouble.todo.ja and "upstream" in trouble.todo.en


@pytest.mark.parametrize("page", ["", "akashi_outbox_rows 500.0\nakashi_outbox_age_seconds 2.0\n"])
def test_a_service_at_work_has_no_trouble(page: str) -> None:
    assert troubles_of("issuer", health_of(page)) == []


def test_a_service_that_is_away_is_a_trouble_of_its_own() -> None:
    (trouble,) = troubles_of("issuer", ServiceHealth(unknown="ConnectError: no answer of /metrics"))
    assert "ConnectError" in trouble.todo.ja


def test_replicas_are_one_service_with_the_highest_of_each_figure() -> None:
    other = ServiceHealth(outbox_rows=20, gaps={"assertion.issued": 1, "badge.received": 5}, unknown="away")
    merged = worst_of([HEALTH, other])
    assert (merged.outbox_rows, merged.outbox_seconds) == (20, 90.5)
    assert merged.gaps == {"assertion.issued": 40, "badge.received": 5}
    assert merged.unknown == "away"
