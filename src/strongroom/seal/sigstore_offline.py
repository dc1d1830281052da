"""Bundles of Sigstore, verified by sigstore-python without a network: the whole of its rules stands there, not here."""

import importlib
from types import ModuleType
from typing import Protocol, cast

import msgspec
from cryptography.x509 import ExtensionNotFound

from strongroom.model.errors import BadSignature, Malformed, NotFound


class _Verifier(Protocol):
    def verify_dsse(self, bundle: object, policy: object) -> tuple[str, bytes]: ...


class _Named(msgspec.Struct, rename="camel"):
    media_type: str = ""


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as e:
        hint = "pip install 'strongroom[sigstore]'"
        raise NotFound("Sigstore bundle", f"no package {e.name}", "sigstore-python", hint) from None


def _root(models: ModuleType, trust: bytes) -> object:
    """The trusted root: of a client's configuration, as model-signing takes it, or alone."""
    if "trustedroot" in msgspec.json.decode(trust, type=_Named).media_type:
        inner = _package("sigstore_models.trustroot.v1").TrustedRoot.from_json(trust)
        return cast("object", models.TrustedRoot(inner))
    return cast("object", models.ClientTrustConfig.from_json(trust.decode()).trusted_root)


def verified(
    bundle: bytes, subject: str, trust: bytes, trust_subject: str, identity: str, issuer: str
) -> tuple[str, bytes]:
    """The payload type and the payload of a bundle, when this identity signed it, of this provider, in a trusted log.

    `trust` is the JSON of a trust configuration or a trusted root: no other root counts, and nothing is asked for.

    Raises:
        NotFound: the extra is not installed.
        Malformed: the trust configuration is none.
        BadSignature: it is not signed so.
    """
    models, errors, verify = (_package(f"sigstore.{n}") for n in ("models", "errors", "verify"))
    try:
        root = _root(models, trust)
    except (errors.Error, ValueError, msgspec.MsgspecError) as e:
        raise Malformed(trust_subject, _told(e), "a trust configuration of Sigstore") from None
    policy = verify.policy.Identity(identity=identity, issuer=issuer)
    try:
        verifier = cast("_Verifier", verify.Verifier(trusted_root=root))
        return verifier.verify_dsse(models.Bundle.from_json(bundle), policy)
    except (errors.Error, ValueError, ExtensionNotFound) as e:
        raise BadSignature(subject, _told(e), f"a signature of {identity} by {issuer}") from None


def _told(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0]
    return (line[:1].lower() + line[1:200]).rstrip(".") or type(error).__name__
