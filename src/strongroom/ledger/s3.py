"""One prefix of a bucket in an S3-compatible store: the few requests that a log needs, and what their failures mean.

Section names are those of the Amazon S3 API Reference. Credentials, region and endpoint are found by boto3 in its own
ways (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL_S3`, …).
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, NotRequired, Protocol, TypedDict, cast
from urllib.parse import urlsplit

from strongroom.model.errors import BadInput, LogUnavailable, NotFound

CONNECTIONS = 16
_ATTEMPTS = 3  # at one request, before it counts as failed; a repeated write is told from another's by its token
_CONNECT, _ANSWER = 5, 30  # seconds
_WRITER = "writer"  # the user-defined metadata that holds the token of a conditional write
_ABSENT = {"NoSuchKey", "NoSuchVersion"}
# PutObject, "Conditional writes": 412 when the condition does not hold, 409 while another write of the key is under way.
_REFUSED = {"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted"}
_NO_LOCK = {"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed"}
_NO_ETAG = '"00000000000000000000000000000000"'
_HINTS = {
    "AccessDenied": "the log needs s3:GetObject, PutObject, ListBucket (without it a missing key is a refusal), "
    "ListBucketVersions, GetBucketObjectLockConfiguration, DeleteObject and DeleteObjectVersion below its prefix",
    "NoSuchBucket": "make the bucket first",
}


class RefusedError(LogUnavailable):
    """A condition of a write did not hold: another writer was quicker. Nothing was written."""


class Held(NamedTuple):
    """An object as it is stored; `writer` is the token of the write that made it."""

    data: bytes
    etag: str
    version: str
    writer: str


class _Body(Protocol):
    def read(self) -> bytes: ...


class _Got(TypedDict):
    Body: _Body
    ETag: str
    VersionId: NotRequired[str]
    Metadata: NotRequired[dict[str, str]]


class _Key(TypedDict):
    Key: str
    VersionId: NotRequired[str]
    IsLatest: NotRequired[bool]


class _Listed(TypedDict):
    IsTruncated: NotRequired[bool]
    Contents: NotRequired[list[_Key]]
    Versions: NotRequired[list[_Key]]
    DeleteMarkers: NotRequired[list[_Key]]


class _Client(Protocol):
    """What is used of boto3's client, which has no types of its own."""

    def get_object(self, **request: object) -> _Got: ...
    def put_object(self, **request: object) -> object: ...
    def delete_object(self, **request: object) -> object: ...
    def delete_objects(self, **request: object) -> object: ...
    def list_objects_v2(self, **request: object) -> _Listed: ...
    def list_object_versions(self, **request: object) -> _Listed: ...
    def get_object_lock_configuration(self, **request: object) -> dict[str, dict[str, object]]: ...
    def close(self) -> None: ...


def _code(error: Exception) -> str:
    """The store's error code, or the kind of a failure to reach it. Their texts may hold a key's id: they stay out."""
    answer: object = getattr(error, "response", None)
    found = answer.get("Error") if isinstance(answer, dict) else None
    return str(found.get("Code", "no error code")) if isinstance(found, dict) else type(error).__name__


def _parse(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        name, path = parts.netloc, parts.path.strip("/")
        plain = parts.scheme == "s3" and name and not parts.query and not parts.fragment and not {*name} & {*"@:"}
    except ValueError:
        plain, name, path = False, "", ""
    if not plain:
        # What was given is not repeated: it may hold a key that was put where a name belongs.
        raise BadInput(
            "bucket of a log", "no such URL", "s3://BUCKET/PREFIX; keys and endpoint come from AWS_… variables"
        )
    return name, f"{path}/" if path else ""


class Bucket:
    """Requests to one bucket, below one prefix. Keys are without the prefix. May be used by many threads.

    Every method raises LogUnavailable, naming the operation and the store's error code.
    """

    def __init__(self, url: str, token: Callable[[], str] = secrets.token_hex) -> None:
        """Name the place; nothing is opened.

        Args:
            url: `s3://BUCKET/PREFIX`.
            token: gives a text that no other writer has; it marks each conditional write.

        Raises:
            BadInput: it is no such URL, or boto3 cannot use its configuration.
            LogUnavailable: boto3 is not there.
        """
        self._name, self._prefix = _parse(url)
        self.where = f"s3://{self._name}/{self._prefix}".rstrip("/")
        self._token = token
        try:
            import boto3.session  # noqa: PLC0415 - of an extra, and slow to import
            from botocore.config import Config  # noqa: PLC0415 - same
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - same
        except ModuleNotFoundError as e:
            hint = "pip install 'strongroom[aws]'"
            raise LogUnavailable(f"log {self.where}", f"no module {e.name}", "boto3", hint) from None
        retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        config = Config(
            connect_timeout=_CONNECT, read_timeout=_ANSWER, retries=retries, max_pool_connections=CONNECTIONS
        )
        self._faults: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
        try:
            self._client = cast("_Client", boto3.session.Session().client("s3", config=config))
        except (BotoCoreError, ValueError) as e:
            raise BadInput(f"log {self.where}", type(e).__name__, "a configuration that boto3 can use") from None

    @contextlib.contextmanager
    def _asking(self, operation: str, key: str) -> Iterator[None]:
        try:
            yield
        except self._faults as e:
            code = _code(e)
            subject = f"log {self.where}"
            if code in _ABSENT:
                raise NotFound(subject, f"no {key}", "an object of the log", "strongroom log audit") from None
            kind = RefusedError if code in _REFUSED else LogUnavailable
            raise kind(subject, f"{code} by {operation} of {key}", "an answer", _HINTS.get(code, "try again")) from None

    def _at(self, key: str) -> dict[str, object]:
        return {"Bucket": self._name, "Key": self._prefix + key}

    def get(self, key: str) -> Held:
        """An object. Raises NotFound."""
        with self._asking("GetObject", key):
            answer = self._client.get_object(**self._at(key))
            data = answer["Body"].read()
        writer = answer.get("Metadata", {}).get(_WRITER, "")
        return Held(data, answer["ETag"], answer.get("VersionId", ""), writer)

    def put(self, key: str, data: bytes, **more: object) -> None:
        """Write an object. `more` are further words of PutObject. Raises RefusedError, NotFound where `IfMatch` met none."""
        with self._asking("PutObject", key):
            self._client.put_object(**self._at(key), Body=data, **more)

    def add(self, key: str, data: bytes, **more: object) -> Held | None:
        """Write an object where there is none; None once it is there, else the one that is.

        Whatever the store answers, and whether or not it does, the object that is there afterwards decides: a write
        whose answer was lost went through when the object has the token of this write. boto3 repeats such a request by
        itself, so that even a refusal may come from a repetition of a write that went through.

        Raises:
            RefusedError: another is writing it, and nothing is there yet.
            LogUnavailable: nothing is there, or it cannot be seen; the write may still arrive.
        """
        token = self._token()
        try:
            self.put(key, data, IfNoneMatch="*", Metadata={_WRITER: token}, **more)
        except LogUnavailable as e:
            try:
                held = self.get(key)
            except NotFound:
                raise e from None
            return None if held.writer == token else held
        return None

    def replace(self, key: str, data: bytes, held: Held, **more: object) -> None:
        """Write an object in the place of one that was read, and of no other; it stays marked as its writer's."""
        self.put(key, data, IfMatch=held.etag, Metadata={_WRITER: held.writer}, **more)

    def probe(self, key: str) -> None:
        """Find out whether the store keeps to conditions; one that ignores them lets two writers fork the log.

        Raises:
            LogUnavailable: it does not.
        """
        with contextlib.suppress(RefusedError):
            self.put(key, b"", IfNoneMatch="*")
        conditions: Sequence[dict[str, object]] = ({"IfNoneMatch": "*"}, {"IfMatch": _NO_ETAG})
        for condition in conditions:
            with contextlib.suppress(RefusedError, NotFound):
                self.put(key, b"", **condition)
                found = f"a store that ignores {' '.join(condition)} of PutObject"
                raise LogUnavailable(f"log {self.where}", found, "conditional writes", "keep the log in another store")

    def first_after(self, folder: str, name: str) -> str | None:
        """The first name below a folder that comes after `name` in the order of their characters."""
        place, begin = self._prefix + folder, {"StartAfter": self._prefix + folder + name} if name else {}
        with self._asking("ListObjectsV2", folder):
            answer = self._client.list_objects_v2(Bucket=self._name, Prefix=place, MaxKeys=1, **begin)
        return next((entry["Key"].removeprefix(place) for entry in answer.get("Contents", [])), None)

    def names(self, folder: str, after: str = "") -> Iterator[str]:
        """Every name below a folder after one, in order."""
        place = self._prefix + folder
        while True:
            begin = {"StartAfter": place + after} if after else {}
            with self._asking("ListObjectsV2", folder):
                answer = self._client.list_objects_v2(Bucket=self._name, Prefix=place, **begin)
            for entry in answer.get("Contents", []):
                after = entry["Key"].removeprefix(place)
                yield after
            if not answer.get("IsTruncated", False):
                return

    def delete(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects; where the bucket keeps versions, theirs stay."""
        names = [{"Key": self._prefix + key} for key in keys]
        with self._asking("DeleteObjects", keys[0]):
            self._client.delete_objects(Bucket=self._name, Delete={"Objects": names, "Quiet": True})

    def delete_version(self, key: str, version: str) -> None:
        """Delete one version for good."""
        with self._asking("DeleteObject", key):
            self._client.delete_object(**self._at(key), VersionId=version)

    def erase(self, key: str) -> bool:
        """Delete an object with all its versions; whether it was there."""
        place, there, more = self._prefix + key, False, True
        while more:
            with self._asking("ListObjectVersions", key):
                answer = self._client.list_object_versions(Bucket=self._name, Prefix=place)
            versions = [v for v in answer.get("Versions", []) if v["Key"] == place]
            there = there or any(v.get("IsLatest", False) for v in versions)
            for version in (*versions, *(m for m in answer.get("DeleteMarkers", []) if m["Key"] == place)):
                self.delete_version(key, version.get("VersionId", "null"))
            more = answer.get("IsTruncated", False) and bool(versions)
        return there

    def retains_everything(self) -> bool:
        """Whether the bucket locks each new object by a default retention (GetObjectLockConfiguration)."""
        try:
            answer = self._client.get_object_lock_configuration(Bucket=self._name)
        except self._faults as e:
            if _code(e) in _NO_LOCK:
                return False
            with self._asking("GetObjectLockConfiguration", "the bucket"):
                raise
        rule = answer.get("ObjectLockConfiguration", {}).get("Rule")
        return isinstance(rule, dict) and bool(rule.get("DefaultRetention"))

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


def locked_until(until: datetime) -> dict[str, object]:
    """The words of PutObject that keep a version from being changed or deleted by anyone until then."""
    return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
