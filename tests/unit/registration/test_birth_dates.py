from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.birth_dates import read_birth_date

MARCH_1_1970 = (
    "昭和45年3月1日",
    "S45.3.1",
    "s45/3/1",
    "S45-03-01",
    "Ｓ４５．３．１",
    "昭45.3.1",
    "㍼45年3月1日",
    "S450301",
    "昭和 45 年 3 月 1 日 生",
    "昭和４５年０３月０１日生まれ",
    "昭和45年(1970年)3月1日",
    "1970（昭和45）年3月1日",
    "1970-03-01",
    "1970/3/1",
    "1970.3.1",
    "１９７０年３月１日",
    "19700301",
    "1 March 1970",
    "1st Mar 1970",
    "March 1, 1970",
    " 1970・3・1 ",
)


@pytest.mark.parametrize("text", MARCH_1_1970)
def test_one_day_is_read_from_every_way_to_write_it(text: str) -> None:
    assert read_birth_date(text) == date(1970, 3, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("平成元年1月8日", date(1989, 1, 8)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("昭和64年3月1日", date(1989, 3, 1)),  # nobody's calendar, and everybody knows which day
        ("大正15年12月25日", date(1926, 12, 25)),
        ("T15.12.24", date(1926, 12, 24)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("H12.2.29", date(2000, 2, 29)),
        ("S3.2.29", date(1928, 2, 29)),
        ("明治45年7月30日", date(1912, 7, 30)),
    ],
)
def test_the_first_and_last_years_of_eras_are_read(text: str, day: date) -> None:
    assert read_birth_date(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "不明",
        "45/3/1",
        "450301",
        "3/1/1970",
        "昭和65年1月1日",
        "昭和0年1月1日",
        "大正16年1月1日",
        "昭和1970年3月1日",
        "1970-02-30",
        "昭和45年2月29日",
        "S45.13.1",
        "1970",
        "1970-03-01T00:00",
        "X45.3.1",
        "1 Marching 1970 x",
        "1970-03-01' or 1=1",
        "9" * 200,
        "昭和四十五年三月一日",
    ],
)
def test_what_is_no_day_or_could_be_several_is_not_guessed(text: str) -> None:
    assert read_birth_date(text) is None


@given(st.dates(date(1927, 1, 1), date(1988, 12, 31)))
def test_an_era_and_its_year_name_the_same_day(day: date) -> None:
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    for text in (
        f"昭和{day.year - 1925}年{day.month}月{day.day}日",
        f"S{day.year - 1925}.{day.month}.{day.day}".translate(wide),
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日".translate(wide),
    ):
        assert read_birth_date(text) == day


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    found = read_birth_date(text)
    assert found is None or isinstance(found, date)
