"""Boards held open, for `akashi bench board`: `python -m deploy.bench.open_boards URL NUMBER COOKIE`.

Prints the number of a board and the time whenever it gets an event, until its input ends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from urllib.parse import urlsplit


async def _hold(number: int, url: str, cookie: str) -> None:
    place = urlsplit(url)
    while True:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        head = f"GET /board/events HTTP/1.1\r\nhost: {place.netloc}\r\naccept: text/event-stream\r\ncookie: {cookie}"
        writer.write(f"{head}\r\naccept-language: ja\r\n\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"event: board"):
                    print(number, time.time(), flush=True)
        finally:
            writer.close()


async def _main(url: str, boards: int, cookie: str) -> None:
    streams = [asyncio.create_task(_hold(number, url, cookie)) for number in range(boards)]
    await asyncio.to_thread(sys.stdin.read)
    for stream in streams:
        stream.cancel()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
