"""Lines of a stream, whatever its chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.registration.intake.lines import LineSplitter


def split(chunks: list[bytes], longest: int = 1000) -> list[bytes]:
    splitter = LineSplitter(longest)
    return [*(line for chunk in chunks for line in splitter.feed(chunk)), *splitter.end()]


@given(st.lists(st.binary(max_size=9).map(lambda chunk: chunk.replace(b"\x00", b"\n"))))
def test_the_lines_do_not_depend_on_the_chunks(chunks: list[bytes]) -> None:
    whole = b"".join(chunks).split(b"\n")
    assert split(chunks) == (whole if whole[-1] else whole[:-1])


@given(st.lists(st.binary(max_size=9).map(lambda chunk: chunk.replace(b"\x00", b"\n"))), st.integers(0, 5))
def test_of_a_long_line_the_beginning_is_kept_and_one_byte_more(chunks: list[bytes], longest: int) -> None:
    whole = split(chunks)
    assert split(chunks, longest) == [line[: longest + 1] for line in whole]
