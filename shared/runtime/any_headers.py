"""Reading Kafka records whose header names are no UTF-8. Used by the reader of every process (`reader.py`).

Kafka takes any bytes there, and aiokafka fails on the whole batch, again and again. We read no header of anybody's, so
a name may be garbled. Only a batch that fails is read a second time, by aiokafka's slower reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH = slice(8, 12)  # of a batch, behind its first offset: how many bytes follow


class _AnyText(bytearray):
    """Bytes of which each part can be decoded."""

    def __getitem__(self, index: Any) -> Any:
        got = super().__getitem__(index)
        return got if isinstance(got, int) else _AnyText(got)

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace")


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka brings no types
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _AnyText(self._buffer)


class _Batch:
    """A batch as aiokafka reads it; its records by the lenient reader if that fails on a header's name."""

    def __init__(self, batch: Any, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(_LenientBatch(self._raw))


class AnyRecords:
    """In the place of aiokafka's MemoryRecords: the batches in the bytes of an answer, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._data = memoryview(data)
        self._at = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if batch is None:
            return None
        begins = self._at
        self._at += _LENGTH.stop + int.from_bytes(self._data[begins:][_LENGTH], "big")
        return _Batch(batch, bytes(self._data[begins : self._at]))


def take_any_headers() -> None:
    """From now on all consumers of this process read such records."""
    fetcher.MemoryRecords = AnyRecords
