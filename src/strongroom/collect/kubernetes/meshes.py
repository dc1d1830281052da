"""How strict service meshes are: whether services take plain text from callers without an identity.

Sources: Istio, "PeerAuthentication"; Linkerd, "Authorization policy" (the default inbound policy of the installation, and the
annotation `config.linkerd.io/default-inbound-policy`); Cilium, "WireGuard Transparent Encryption" and "IPsec" (the strict
mode drops what would leave in plain text) and "Mutual Authentication", which encrypts nothing by itself.
"""

import re
from collections.abc import Iterator

from strongroom.collect.kubernetes.trees import Tree, text_at, tree_at
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

FACT = "mesh.mtls"
_LINKERD = "config.linkerd.io/default-inbound-policy"
_INJECT = "linkerd.io/inject"
_MODES = {
    **dict.fromkeys(("all-authenticated", "cluster-authenticated", "deny"), "STRICT"),
    **dict.fromkeys(("all-unauthenticated", "cluster-unauthenticated", "audit"), "PERMISSIVE"),
}
_VALUES = re.compile(r"^[ \t]*defaultInboundPolicy:[ \t]*[\"']?([\w-]*)", re.MULTILINE)
_MOST = 200_000  # characters of an installation's values

Said = Iterator[tuple[str, Value]]


def of_istio(obj: Tree) -> Said:
    """A PeerAuthentication; one without a mode leaves it to the policy above it."""
    yield FACT, text_at(obj, "spec", "mtls", "mode") or "UNSET"


def of_namespace(obj: Tree) -> Said:
    """A namespace whose pods get Linkerd's proxy, or whose policy is set; without one the installation's counts."""
    notes, labels = tree_at(obj, "metadata", "annotations"), tree_at(obj, "metadata", "labels")
    said = text_at(notes, _LINKERD)
    if said or "enabled" in (text_at(notes, _INJECT), text_at(labels, _INJECT)):
        yield FACT, _linkerd(said) if said else "UNSET"


def of_config(obj: Tree) -> Said:
    """The settings of Linkerd's installation, and those of Cilium's agent where it encrypts or authenticates at all."""
    name, data = text_at(obj, "metadata", "name"), tree_at(obj, "data")
    if name == "linkerd-config" and "values" in data:
        found = _VALUES.search(text_at(data, "values")[:_MOST])
        yield FACT, _linkerd(found[1] if found and found[1] else "all-unauthenticated")
    elif name == "cilium-config":
        encrypts = any(text_at(data, n) == "true" for n in ("enable-wireguard", "enable-ipsec"))
        if encrypts or text_at(data, "mesh-auth-enabled") == "true":
            strict = encrypts and text_at(data, "enable-encryption-strict-mode") == "true"
            yield FACT, "STRICT" if strict else "PERMISSIVE"


def _linkerd(policy: str) -> Value:
    return _MODES.get(policy, Unknown(GapCode.UNSUPPORTED, f"the inbound policy {policy[:40]!r} is not known"))
