"""What a Google Cloud token says: as claims for programs, as fields for people."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from strongroom.attest.tee import _gcp_token as tokens
from strongroom.attest.tee._gcp_case import Case
from strongroom.attest.tee._gcp_demands import DISABLED
from strongroom.attest.tee._gcp_token import Claims
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit import jose
from strongroom.kit.x509 import certificate as certificates
from strongroom.model.attest import Evidence, Json, Want
from strongroom.model.errors import BadInput

SERVICE = "gcp-attestation"
_VENDORS = {"GCP_AMD": "AMD", "GCP_INTEL": "Intel"}


def claims(c: Claims) -> dict[str, Json]:
    """The normalised claims."""
    vendor = next((v for prefix, v in _VENDORS.items() if c.hwmodel.startswith(prefix)), "Google")
    gce, container, space = c.submods.gce, c.submods.container, c.submods.confidential_space
    return {
        "hardware": {"vendor": vendor, "product": c.hwmodel},
        "debug": c.dbgstat != DISABLED,
        "secure_boot": c.secboot,
        "measurements": {"image_digest": c.image_digest} if c.image_digest else {},
        "software": {"name": c.swname, "versions": list(c.versions)},
        "support": list(space.support_attributes) if space else [],
        "instance": dict[str, Json](msgspec.structs.asdict(gce)) if gce else {},
        "container": _container(container) if container else {},
        "service_accounts": list(c.google_service_accounts),
        "gpu": tokens.gpu(c),
        "issuer": c.iss,
        "audience": c.aud,
        "nonces": list(c.nonces),
        "issued_at": c.iat,
        "expires_at": c.exp,
    }


def _container(held: tokens.Container) -> dict[str, Json]:
    """The workload without its environment, in which people put secrets: names alone are told."""
    return {
        "image_reference": held.image_reference,
        "image_id": held.image_id,
        "restart_policy": held.restart_policy,
        "args": list[Json](held.args),
        "env": list[Json](sorted(held.env)),
        "env_override": list[Json](sorted(held.env_override or {})),
        "cmd_override": list[Json](held.cmd_override or ()),
    }


def subject(c: Claims) -> str:
    """The instance by its number, else what the token is about."""
    gce = c.submods.gce
    return f"gcp:instance:{gce.instance_id}" if gce and gce.instance_id else f"gcp:{c.sub}" if c.sub else ""


def conclude(c: Case) -> Conclusion:
    """What is said beside the steps. The verdict ends with the token, or with a certificate."""
    try:
        found = c.claims
        said = claims(found)
        chain = c.chain if c.is_signed else ()
    except BadInput:
        return Conclusion("", {})
    ends: list[datetime | None] = [tokens.moment(found.exp), *(x.not_after for x in chain)]
    return Conclusion(subject(found), said, tuple(e for e in ends if e is not None and e > c.inputs.now))


def wants(evidence: Evidence) -> tuple[Want, ...]:
    """Google's key set, for a token that does not carry its chain."""
    part = evidence.part(tokens.TOKEN)
    try:
        token = jose.read(part.data) if part else None
        return (Want(SERVICE, "jwks", (("kid", token.key_id),)),) if token and not token.chain else ()
    except BadInput:
        return ()


def fields(evidence: Evidence) -> Iterator[Field]:
    """The header and the claims, in their order."""
    part, bare = evidence.part(tokens.TOKEN), evidence.part(tokens.CLAIMS)
    try:
        token = jose.read(part.data) if part else None
        payload = token.payload if token else bare.data if bare else b""
        tokens.strictly(payload)
        held = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except (BadInput, msgspec.MsgspecError):
        return
    if token:
        yield Field("header.alg", -1, 0, token.algorithm)
        yield Field("header.kid", -1, 0, token.key_id)
        for n, der in enumerate(token.chain):
            found = certificates.readable(der)
            yield Field(f"header.x5c.{n}", -1, len(der), found.common_name if found else "unreadable")
    for name, raw in held.items():
        yield from _of(name, bytes(raw))
    if token:
        yield Field("signature", -1, len(token.signature), token.signature.hex())


def _of(name: str, raw: bytes) -> Iterator[Field]:
    seconds = name in ("iat", "nbf", "exp") and raw.isdigit() and len(raw) < 12
    at = tokens.moment(int(raw)) if seconds else None
    value = "set" if name == "submods" else raw.decode("utf-8", "replace")
    if name == "submods":
        for inner, text in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items():
            shown = "(see claims)" if inner == "container" else bytes(text).decode("utf-8", "replace")
            yield Field(f"submods.{inner}", -1, len(text), shown)
        return
    yield Field(name, -1, len(raw), value.strip('"'), f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else "")
