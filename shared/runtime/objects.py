"""Documents in object storage, any S3. Used by issuer, anchor, renderer, wallet and verifier."""

from __future__ import annotations

from collections.abc import Sequence
from configparser import ConfigParser
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import NotFound, RefuseToStart, TryLater
from shared.runtime.settings import ObjectStorageSettings


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
        """Up to `limit` (1 to 1000) keys that begin with `prefix` and follow `after`, in order. TryLater."""
        ...


class Objects:
    """One bucket of an S3. Keys and bytes are deterministic, so putting twice is putting once. Thread-safe."""

    def __init__(self, settings: ObjectStorageSettings) -> None:
        self._bucket = settings.bucket
        access_key, secret_key = _keys(settings)
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=3,
                read_timeout=10,
                retries={"total_max_attempts": 2, "mode": "standard"},
                max_pool_connections=10,
            ),
        )

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """When this returns, the object is durable and whole. TryLater while the storage is away."""
        self._call("put_object", key, Key=key, Body=body, ContentType=content_type)

    def get(self, key: str) -> bytes:
        """The object's bytes. NotFound when there is none, TryLater while the storage is away."""
        body: bytes = self._call("get_object", key, Key=key)["Body"].read()
        return body

    def list_keys(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Up to `limit` (1 to 1000) keys that begin with `prefix` and follow `after`, in order. TryLater."""
        answer = self._call("list_objects_v2", f"{prefix}*", Prefix=prefix, StartAfter=after, MaxKeys=limit)
        return [each["Key"] for each in answer.get("Contents", ())]

    def _call(self, operation: str, key: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(Bucket=self._bucket, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("NoSuchKey", "404", "NotFound"):
                raise NotFound(f"object {key}: not in bucket {self._bucket}") from error
            raise TryLater(f"object {key}: {operation} answered {code}; trying again") from error
        except BotoCoreError as error:
            raise TryLater(f"object {key}: storage away ({type(error).__name__}); trying again") from error


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
