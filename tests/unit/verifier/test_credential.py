"""A credential as it is read, before anything of it is checked: its moments. What its entry for revocation must be:
`test_status_list.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.verifier.check.credential import read_credential
from shared.errors import Unreadable
from tests.worlds.credentials import credential

SIGNED = credential(1)


@pytest.mark.parametrize("name", ["validFrom", "validUntil", "awardedDate"])
@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59Z",  # in Japan it is year 10000
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
        "2026-04-01 00:00:00+09:00",
        "2026-04-01T00:00:00+0900",
        "2026-04-01T00:00:00",
        "2026-04-01T00:00:00.1234567890Z",
        "2026-04-01T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "２０２６-04-01T00:00:00Z",
        7,
    ],
)
def test_a_moment_that_can_not_be_told_in_japan_is_refused_by_its_name(name: str, moment: object) -> None:
    with pytest.raises(Unreadable, match=f"{name}: got .*, expected a moment with its offset"):
        read_credential({**SIGNED, name: moment})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-04-01t00:00:00z", datetime(2026, 4, 1, tzinfo=UTC)),
        ("2026-04-01T09:00:00.5+09:00", datetime(2026, 4, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-04-01T00:00:00.123456789-00:00", datetime(2026, 4, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("9999-12-31T14:59:59Z", datetime(9999, 12, 31, 14, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_with_its_offset_is_read_to_the_microsecond(text: str, moment: datetime) -> None:
    assert read_credential({**SIGNED, "validUntil": text}).badge.valid_until == moment
