"""Admission of a running cluster: what is known of it, the verdict, what is enforced of it, and what is logged."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from strongroom.app.admission_log import Journal
from strongroom.collect.kubernetes.live import Resource
from strongroom.collect.kubernetes.watching import Action, Cache, Change
from strongroom.isolate import placement, review, rollout
from strongroom.isolate.objects import ConfigMap, read
from strongroom.isolate.review import Request
from strongroom.isolate.state import KINDS, Object, State, key_of
from strongroom.isolate.subjects import who
from strongroom.model.errors import BadInput, LogError
from strongroom.model.isolate import Mode, Reason, Rule, Verdict

_V1, _DRA = "/api/v1", "/apis/resource.k8s.io/v1"
RESOURCES = (
    Resource("Namespace", f"{_V1}/namespaces"),
    Resource("ServiceAccount", f"{_V1}/serviceaccounts"),
    Resource("Node", f"{_V1}/nodes"),
    Resource("Pod", f"{_V1}/pods"),
    Resource("ConfigMap", f"{_V1}/configmaps"),
    Resource("PersistentVolumeClaim", f"{_V1}/persistentvolumeclaims"),
    Resource("PersistentVolume", f"{_V1}/persistentvolumes"),
    Resource("RuntimeClass", "/apis/node.k8s.io/v1/runtimeclasses"),
    Resource("DeviceClass", f"{_DRA}/deviceclasses"),
    Resource("ResourceClaim", f"{_DRA}/resourceclaims"),
    Resource("ResourceClaimTemplate", f"{_DRA}/resourceclaimtemplates"),
    Resource("ResourceSlice", f"{_DRA}/resourceslices"),
    Resource("KubeVirt", "/apis/kubevirt.io/v1/kubevirts"),
)
SECRETS = Resource("Secret", f"{_V1}/secrets")
_CONFIG = ("gpu-operator", "device-plugin-config")
_VARIABLES = (
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_MIG_CONFIG_DEVICES",
    "NVIDIA_MIG_MONITOR_DEVICES",
    "NVIDIA_IMEX_CHANNELS",
)

Clock = Callable[[], datetime]


class Sight:
    """The state of a cluster as its API tells it. What follows it is a thread for each kind; the judge holds `lock`."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.state, self.lock = State(), threading.Lock()

    def apply(self, change: Change) -> None:
        """Take over what was heard. Raises Malformed for an object that is none: nobody knows then how things are."""
        found = [object_of(change.kind, raw) for raw in change.objects]
        with self.lock:
            if change.action is Action.LIST:
                self.state.replace(change.kind, found)
            elif change.action is Action.PUT:
                self.state.apply(change.kind, found[0])
            else:
                self.state.remove(change.kind, key_of(change.kind, found[0]))


def object_of(kind: str, raw: msgspec.Raw) -> Object:
    """An object of the API as the judge reads it. Raises Malformed."""
    found = read(raw, KINDS[kind], kind)
    if isinstance(found, ConfigMap) and (found.metadata.namespace, found.metadata.name) != _CONFIG:
        # Of what others keep there, only what a container would see devices by is kept, and of secrets nothing else.
        for name in ("data", "string_data"):
            held = getattr(found, name) or {}
            setattr(found, name, {k: v for k, v in held.items() if any(w.endswith(k) for w in _VARIABLES)})
        found.binary_data = None
    return found


class Answer(NamedTuple):
    """What the API server is told, and what was thought of it."""

    body: bytes
    verdict: Verdict
    mode: Mode


@dataclass(slots=True)
class Admission:
    """One judge for a cluster. `cache` says whether it is in sight; without one (a test), it is. `reviewed` allows `deny`."""

    rule: Rule
    sight: Sight
    journal: Journal
    clock: Clock
    cache: Cache | None = None
    reviewed: bool = False
    switched_off: Callable[[], bool] = field(default=lambda: False)

    def troubles(self) -> tuple[str, ...]:
        """Why it does not know the cluster; empty where it does."""
        return self.cache.troubles() if self.cache is not None else ()

    def judge(self, data: bytes) -> tuple[Request | None, Verdict]:
        """The verdict on a review, by what is known now. A cluster that is out of sight is one of which nothing is known."""
        try:
            request = review.read(data)
        except BadInput as e:
            return None, review.malformed(e)
        if self.troubles():
            return request, placement.judge(self.rule, State(), request)
        with self.sight.lock:
            return request, placement.judge(self.rule, self.sight.state, request)

    def mode(self, request: Request | None, verdict: Verdict) -> Mode:
        """What becomes of a verdict. What cannot be read at all is enforced as the default is."""
        if self.switched_off():
            return Mode.OBSERVE
        return rollout.mode(self.rule, verdict, (request.namespace or "") if request else "", reviewed=self.reviewed)

    def answer(self, data: bytes) -> Answer:
        """Judge, log what must be logged first, and say it. A denial that the log did not take is a denial still."""
        request, verdict = self.judge(data)
        mode = self.mode(request, verdict)
        uid = request.uid if request is not None else review.uid_of(data)
        dry = bool(request and request.dry_run)
        note = ""
        if not dry and (verdict.exempt or not verdict.allowed):
            note = self._log(request, verdict, mode, data)
        body = review.answer(uid, verdict, mode)
        if note and mode is Mode.DENY:
            body = review.answer(
                uid, Verdict((*verdict.reasons, Reason("log", "unlogged", note, "an entry of it"))), mode
            )
        return Answer(msgspec.json.encode(body), verdict, mode)

    def _log(self, request: Request | None, verdict: Verdict, mode: Mode, data: bytes) -> str:
        """Log a verdict; why it could not be, or nothing."""
        try:
            self.journal.note(
                request, verdict, mode, self.clock(), hashlib.sha256(data).hexdigest(), tenant=self._tenant(request)
            )
        except LogError as e:
            return str(e)
        return ""

    def _tenant(self, request: Request | None) -> str:
        if request is None or not request.namespace:
            return ""
        with self.sight.lock:
            return who(self.sight.state, self.rule, request.namespace).tenant


def watched(*, secrets: bool) -> Sequence[Resource]:
    """The kinds that are watched. Secrets are where that was asked for: only names of variables are kept of them."""
    return (*RESOURCES, SECRETS) if secrets else RESOURCES
