"""From Kafka into the queues of the agents, a fetch at a time. Used by the reader of every process (`reader.py`).

Faust starts four asyncio tasks for each message, 110 to 155 µs; this takes a tenth of that. It stands on private names
of faust-streaming 0.15.3, which is pinned. Assignment, seeking, flow control, pressure and commits stay Faust's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from faust.events import Event
from faust.transport.consumer import ensure_TP
from faust.transport.drivers.aiokafka import Consumer

from shared.errors import cause_of

_FETCH_SECONDS = 1.0  # at most, while nothing comes
_TOGETHER = 0.02  # seconds between two fetches: one for each message would cost more than the message
_LOOK_AGAIN = 0.1  # seconds, while no partition is to be read

_Call = Callable[[], None]


class DrainingConsumer(Consumer):
    """Guarantees as Faust's: a partition's messages in order, none left out, none of a past assignment.

    After a seek some may come twice; the inbox drops them. A queue takes at most one fetch more than
    `stream_buffer_maxsize`: its partitions are then not fetched from until it has room.
    """

    def _reset_state(self) -> None:
        super()._reset_state()
        self._pressures: dict[Any, tuple[_Call, _Call]] = {}

    async def _drain_messages(self, fetcher: Any) -> None:
        app: Any = self.app
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # Faust does the same
                    continue
                generation, active = app.consumer_generation_id, self._get_active_partitions()
                if not active:
                    await asyncio.sleep(_LOOK_AGAIN)
                    continue
                fetched = await self._getmany(active, _FETCH_SECONDS)
                if self._stopped.is_set() or fetcher._stopped.is_set():
                    return  # unacknowledged: the next owner of the partitions reads them
                for tp, records in fetched.items():
                    # aiokafka's own type is as equal, but Faust ends the process over one among its active partitions,
                    # where a queue that has room again puts it.
                    if not await self._deliver(ensure_TP(tp), records, generation):
                        await self._seek_again()  # fetched, and not handed on: else the position would be behind them
                        break
                await asyncio.sleep(_TOGETHER if fetched else 0)
        except self.consumer_stopped_errors:
            if not app.should_stop:
                raise
        except asyncio.CancelledError:
            if not app.should_stop:
                raise

    def _is_current(self, generation: int) -> bool:
        return self.flow_active and self.app.flow_control.is_active() and self.app.consumer_generation_id == generation

    async def _seek_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:
            self.log.warning("seek: %s", cause_of(error, 200))

    async def _deliver(self, tp: Any, records: Sequence[Any], generation: int) -> bool:
        """Put a partition's records into the queues of its agents; False, and none, of an assignment that is past."""
        if not self._is_current(generation):
            return False
        conductor: Any = self.app.topics
        channels = tuple(conductor._tp_index.get(tp, ()))
        full, drop = self._pressure(tp)
        before = self._read_offset[tp]
        for record in records:
            offset = record.offset
            if before is not None and offset < before:
                continue
            if before and offset - before > 1:  # end markers of transactions: never handed out, but counted
                await self._add_gap(tp, before + 1, offset - 1)  # Faust's own would count `offset` too, unread
                if not self._is_current(generation):
                    return False
            message = self._to_message(tp, record)
            message.refcount = len(channels)
            event = Event(self.app, message.key, message.value, None, message)
            for channel in channels:
                channel.queue.put_nowait_enhanced(event, on_pressure_high=full, on_pressure_drop=drop)
            before = self._read_offset[tp] = offset
        return True

    def _pressure(self, tp: Any) -> tuple[_Call, _Call]:
        """The callbacks of a queue that is nearly full, and that has room again. Always the same two: it keeps them."""
        if tp not in self._pressures:
            self._pressures[tp] = (partial(self.on_buffer_full, tp), partial(self.on_buffer_drop, tp))
        return self._pressures[tp]
