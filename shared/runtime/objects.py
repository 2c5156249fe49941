"""Documents in object storage, any S3. Used by issuer, anchor, renderer, wallet and verifier."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from shared.errors import NotFound, RefuseToStart, TryLater
from shared.runtime.metrics import OBJECT_CALLS, STORAGE_FAILED
from shared.runtime.settings import ObjectStorageSettings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig


class ReadableObjects(Protocol):
    """Object storage for a service that only reads."""

    def get(self, key: str) -> bytes:
        """The object's bytes. NotFound when there is none, TryLater while the storage is away."""
        ...


class ObjectStorage(ReadableObjects, Protocol):
    """Object storage for a service that writes, too."""

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """When this returns, the object is durable and whole. TryLater while the storage is away."""
        ...


class ListedObjects(ObjectStorage, Protocol):
    """Object storage for a service that looks for what is only there."""

    def list_keys(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Up to `limit` (1 to `MOST_LISTED`) keys that begin with `prefix` and follow `after`, in order. TryLater."""
        ...


MOST_LISTED = 1000
"""Keys: the most that S3 gives at once."""
LATEST_PUT = timedelta(seconds=60)
"""A put that timed out may still take effect so long after it began."""
_REGION = "us-east-1"
_CODE = re.compile(r"<Code>(\w+)</Code>")  # of the error that an S3 answers
_TIMES: ClientConfig = {"connect_timeout": timedelta(seconds=3), "timeout": timedelta(seconds=10), "allow_http": True}
_RETRIES: RetryConfig = {"max_retries": 1, "retry_timeout": timedelta(seconds=20)}


class ErasableObjects(ListedObjects, Protocol):
    """Object storage for a service that also erases what is about a person."""

    def delete(self, key: str) -> None:
        """When this returns, nobody gets the object any more, also where there was none. TryLater.

        A bucket with versions keeps it for those who may read them, until its rule for former versions ends it.
        """
        ...


class Objects:
    """One bucket of an S3. Keys and bytes are deterministic, so putting twice is putting once. Thread-safe.

    Each badge is read and put several times, so this goes through obstore: a call takes a tenth of boto3's CPU time.
    """

    def __init__(self, settings: ObjectStorageSettings) -> None:
        self._settings = settings
        access_key, secret_key = _keys(settings)
        self._store = S3Store(
            settings.bucket,
            endpoint=settings.endpoint,
            region=_REGION,
            access_key_id=access_key,
            secret_access_key=secret_key,
            virtual_hosted_style_request=False,
            client_options=_TIMES,
            retry_config=_RETRIES,
        )

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """When this returns, the object is durable and whole. TryLater while the storage is away."""
        OBJECT_CALLS.labels("put").inc()
        with self._trouble("put", key):
            obstore.put(self._store, key, body, attributes={"Content-Type": content_type}, use_multipart=False)

    def get(self, key: str) -> bytes:
        """The object's bytes. NotFound when there is none, TryLater while the storage is away."""
        OBJECT_CALLS.labels("get").inc()
        with self._trouble("get", key):
            return bytes(obstore.get(self._store, key).bytes())

    def delete(self, key: str) -> None:
        """As `ErasableObjects` says."""
        OBJECT_CALLS.labels("delete").inc()
        try:
            with self._trouble("delete", key):
                obstore.delete(self._store, key)
        except NotFound:
            pass

    def list_keys(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Up to `limit` (1 to `MOST_LISTED`) keys that begin with `prefix` and follow `after`, in order. TryLater."""
        OBJECT_CALLS.labels("list").inc()
        if prefix.endswith("/"):  # obstore lists folders
            try:
                pages = obstore.list(self._store, prefix, offset=after or None, chunk_size=limit)
                return [each["path"] for each in next(iter(pages), [])]
            except (BaseError, OSError):  # the storage is away, or a key is no path: boto3 tells them apart
                pass
        return self._list_any(prefix, after, limit)

    def _list_any(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._lists.list_objects_v2(
                Bucket=self._settings.bucket, Prefix=prefix, StartAfter=after, MaxKeys=limit
            )
        except (BotoCoreError, ClientError) as error:
            raise _away(f"{prefix}*", "list", error) from error
        return [each["Key"] for each in answer.get("Contents", ())]

    @cached_property
    def _lists(self) -> Any:
        """Only a scrub of the whole bucket needs it. boto3 takes a quarter of a second to import."""
        import boto3
        from botocore.config import Config

        access_key, secret_key = _keys(self._settings)
        return boto3.client(
            "s3",
            endpoint_url=self._settings.endpoint,
            region_name=_REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=3,
                read_timeout=10,
                retries={"total_max_attempts": 2, "mode": "standard"},
            ),
        )

    @contextmanager
    def _trouble(self, operation: str, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):  # then nothing is known of the object
                raise _away(key, operation, error) from error
            raise NotFound(f"object {key}: not in bucket {self._settings.bucket}") from error
        except (BaseError, OSError) as error:
            raise _away(key, operation, error) from error


def _away(key: str, operation: str, error: Exception) -> TryLater:
    STORAGE_FAILED.labels(operation).inc()
    answer = _CODE.search(str(error))
    if answer:
        return TryLater(f"object {key}: {operation} answered {answer[1]}; trying again")
    return TryLater(f"object {key}: storage away ({type(error).__name__}); trying again")


def _keys(settings: ObjectStorageSettings) -> tuple[str, str]:
    file = ConfigParser()
    file.read(settings.credentials_file)
    try:
        profile = file["default"]
        return profile["aws_access_key_id"], profile["aws_secret_access_key"]
    except KeyError as error:
        raise RefuseToStart(
            f"setting S3_CREDENTIALS_FILE: {settings.credentials_file} has no {error}; "
            "expected an AWS credentials file with a [default] profile"
        ) from error
