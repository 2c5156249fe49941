"""Does it answer? One question for each part and service, asked again and again by the stack while it starts."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
import httpx
import psutil
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.local import chain, postgres
from deploy.local.environment import BUCKET, OFFSETS, Place
from deploy.local.loopback import ask
from deploy.local.parts import PARTS, s3_keys, takes_connections
from deploy.local.topics import broker_answers

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

__all__ = ["part_answers", "refusal", "service_answers", "takes_connections"]


def part_answers(place: Place, name: str) -> bool:
    """Whether the part does its work, not only listens."""
    if not PARTS[name].answers(place):
        return False
    match name:
        case "kafka":
            return broker_answers(place.address("kafka"))
        case "postgres":
            return postgres.answers(place)
        case "s3":
            return _bucket_answers(place)
        case "chain":
            return chain.answers(place)
    return True


def service_answers(pid: int, place: Place, name: str) -> bool:
    """Whether the process gives its metrics and, if it has pages, takes connections for them.

    An extra worker has ports that only it knows: whatever it listens on is asked.
    """
    metrics = f"{name} metrics"
    if metrics not in OFFSETS:
        return any(_gives_metrics(port) for port in _listens_on(pid))
    return _gives_metrics(place.port(metrics)) and (name not in OFFSETS or takes_connections(place.port(name)))


def refusal(log_tail: str) -> bool:
    """Whether a service has said that it refuses to start: waiting longer would not help."""
    return '"action": "refused"' in log_tail.rsplit("\n", 1)[-1]


def _listens_on(pid: int) -> list[int]:
    try:
        connections = psutil.Process(pid).net_connections("inet")
    except psutil.Error:
        return []
    return [connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN]


def _gives_metrics(port: int) -> bool:
    try:
        return ask.get(f"http://127.0.0.1:{port}/metrics", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _bucket_answers(place: Place) -> bool:
    try:
        _s3(place.urls["s3"], *s3_keys(place)).head_bucket(Bucket=BUCKET)
    except (BotoCoreError, ClientError):
        return False
    return True


@cache
def _s3(url: str, key: str, secret: str) -> S3Client:
    """Made once: a client takes a tenth of a second of CPU, and the question is asked twenty times a second."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
