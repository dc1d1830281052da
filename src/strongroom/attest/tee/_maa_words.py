"""What a token of Azure Attestation says: as claims for programs, as fields for people."""

from collections.abc import Iterator

import msgspec

from strongroom.attest.tee import _maa_steps as steps
from strongroom.attest.tee import _maa_token as tokens
from strongroom.attest.tee._maa_case import Case
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit import jose
from strongroom.model.attest import Evidence, Json, Want
from strongroom.model.errors import BadInput

SERVICE = "azure-maa"
_EPHEMERAL = "TpmEphemeralEncryptionKey"  # of the guest's vTPM, made for this attestation


def conclude(c: Case) -> Conclusion:
    """What is said beside the steps. The verdict ends with the token."""
    try:
        said, key = _claims(c), _bound_key(c)
        name = steps.vm(c)
    except BadInput:
        return Conclusion("", {})
    ends = tokens.moment(c.claims.exp)
    subject = f"azure:vm:{name}" if name else ""
    return Conclusion(subject, said, (ends,) if ends and ends > c.inputs.now else (), key)


def _claims(c: Case) -> dict[str, Json]:
    found, h = c.claims, c.hardware
    is_td = h.type == tokens.TDX
    return {
        "verifier": {"name": "Microsoft Azure Attestation", "provider": found.iss, "policy": found.policy},
        "hardware": {"vendor": "Intel" if is_td else "AMD" if h.type == tokens.SNP else "", "product": h.type},
        "debug": h.tdx_td_attributes_debug if is_td else h.snp_debug,
        "compliance": h.compliance,
        "secure_boot": found.secure_boot,
        "measurements": dict[str, Json](c.measured()),
        "host_data": h.snp_host_data,
        "tcb_status": h.tcb_status or None,
        "attested": found.type,
        "vm_id": steps.vm(c),
        "issued_at": found.iat,
        "expires_at": found.exp,
    }


def _bound_key(c: Case) -> bytes:
    """The key of the vTPM that a guest's token was made for; none where there is none, or more than one. Raises Malformed."""
    held = [k for k in c.claims.runtime.keys if k.kid == _EPHEMERAL and k.kty == "RSA"]
    if c.claims.type != tokens.GUEST or len(held) != 1:
        return b""
    return jose.jwk_rsa(held[0].n, held[0].e).key


def wants(evidence: Evidence) -> tuple[Want, ...]:
    """The key set of the provider that the token names, where it is one of Microsoft's."""
    part = evidence.part(tokens.TOKEN)
    try:
        token = jose.read(part.data) if part else None
        host = tokens.provider(tokens.claims(token.payload).iss) if token else ""
    except BadInput:
        return ()
    return (Want(SERVICE, "jwks", (("provider", host), ("kid", token.key_id))),) if token and host else ()


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
        yield Field("header.jku", -1, 0, token.key_set)
    yield from _of(held)
    if token:
        yield Field("signature", -1, len(token.signature), token.signature.hex())


def _of(held: dict[str, msgspec.Raw], within: str = "") -> Iterator[Field]:
    for name, raw in held.items():
        octets = bytes(raw)
        if name == "x-ms-isolation-tee" and octets.lstrip()[:1] == b"{":
            yield from _of(msgspec.json.decode(octets, type=dict[str, msgspec.Raw]), f"{name}.")
            continue
        seconds = name in ("iat", "nbf", "exp") and octets.isdigit() and len(octets) < 12
        at = tokens.moment(int(octets)) if seconds else None
        meaning = f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""
        yield Field(f"{within}{name}", -1, len(octets), octets.decode("utf-8", "replace").strip('"'), meaning)
