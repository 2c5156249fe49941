"""Records with header names that are no UTF-8, in all the ways in which a batch may be packed."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.any_headers import AnyRecords

NAME = b"a-header-name"
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
ENCODERS = {GZIP: gzip_encode, SNAPPY: snappy_encode, LZ4: lz4_encode, ZSTD: zstd_encode}
HEAD = 61  # bytes of a batch before its records


def batch(offset: int, *values: bytes, name: bytes = NAME, codec: int = NONE) -> bytes:
    """A batch as a broker sends it; each record has a header of this name."""

    def built() -> bytearray:
        builder = DefaultRecordBatchBuilder(2, NONE, 0, -1, -1, -1, 1_000_000)
        for number, value in enumerate(values):
            builder.append(number, 1_000, b"k", value, [(NAME.decode(), b"x")])
        return bytearray(builder.build())

    raw = built()
    records = bytes(raw[HEAD:]).replace(NAME, name)
    if codec != NONE:
        records = ENCODERS[codec](records)
    raw = raw[:HEAD] + records
    struct.pack_into(">q", raw, 0, offset)
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    struct.pack_into(">h", raw, 21, codec)
    struct.pack_into(">I", raw, 17, calc_crc32c(bytes(raw[21:])))
    return bytes(raw)


def read(data: bytes) -> list[tuple[int, bytes, bytes]]:
    records, found = AnyRecords(data), []
    while records.has_next():
        one: Any = records.next_batch()
        assert one.validate_crc()
        found += [(record.offset, record.key, record.value) for record in one]
        assert one.next_offset == found[-1][0] + 1
    return found


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
@pytest.mark.parametrize("name", [NAME, b"\xff" * 13, b"\x8e\xae" * 6 + b"x", "名前".encode("cp932") * 3 + b"x"])
def test_a_record_is_read_whatever_its_headers_are_called(codec: int, name: bytes) -> None:
    assert len(name) == len(NAME)
    data = batch(5, b"one", b"two", name=name, codec=codec) + batch(7, b"three") + batch(8, b"four", name=name)
    assert read(data) == [(5, b"k", b"one"), (6, b"k", b"two"), (7, b"k", b"three"), (8, b"k", b"four")]


@given(st.binary(min_size=13, max_size=13), st.lists(st.binary(max_size=50), min_size=1))
def test_any_name_and_any_values_come_out_as_they_went_in(name: bytes, values: list[bytes]) -> None:
    assert [value for _, _, value in read(batch(0, *values, name=name))] == values
