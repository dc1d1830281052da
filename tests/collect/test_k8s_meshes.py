"""How strict Istio, Linkerd and Cilium are, and what says nothing of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.judge import findings

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def _namespace(meta: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ai\n{meta}\n"


def _policy(word: str) -> str:
    return _namespace(f"  annotations: {{config.linkerd.io/default-inbound-policy: {word}}}")


def _linkerd(values: str) -> str:
    inside = "\n".join(f"    {line}" for line in values.splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: linkerd-config, namespace: linkerd}}\ndata:\n  values: |\n{inside}\n"


def _cilium(**data: str) -> str:
    lines = "".join(f'  {k.replace("_", "-")}: "{v}"\n' for k, v in data.items()) or "  cluster-name: x\n"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cilium-config, namespace: kube-system}}\ndata:\n{lines}"


CASES = {
    "Istio, strict": ("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: m, namespace: ai}\nspec: {mtls: {mode: STRICT}}\n", "pass"),
    "Istio, permissive": ("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: m, namespace: ai}\nspec: {mtls: {mode: PERMISSIVE}}\n", "fail"),
    "Linkerd wants an identity in the namespace": (_policy("all-authenticated"), "pass"),
    "Linkerd wants one of this cluster": (_policy("cluster-authenticated"), "pass"),
    "Linkerd takes everybody in the namespace": (_policy("all-unauthenticated"), "fail"),
    "Linkerd only writes it down": (_policy("audit"), "fail"),
    "Linkerd with a policy that nobody knows": (_policy("maybe"), "unknown"),
    "Linkerd as it is installed": (_namespace("  annotations: {linkerd.io/inject: enabled}"), "not-applicable"),
    "no mesh in the namespace": (_namespace("  labels: {team: x}"), "-"),
    "Linkerd installed with its default": (_linkerd("proxy:\n  cores: 1\n"), "fail"),
    "Linkerd installed to deny": (_linkerd("proxy:\n  defaultInboundPolicy: deny\n"), "pass"),
    "Linkerd installed with quotes": (_linkerd('proxy:\n  defaultInboundPolicy: "all-authenticated"\n'), "pass"),
    "Linkerd installed with an empty word": (_linkerd('proxy:\n  defaultInboundPolicy: ""\n'), "fail"),
    "Cilium without encryption is no mesh": (_cilium(), "-"),
    "Cilium encrypts where it can": (_cilium(enable_wireguard="true"), "fail"),
    "Cilium drops plain text": (_cilium(enable_wireguard="true", enable_encryption_strict_mode="true"), "pass"),
    "Cilium strict without encryption": (_cilium(mesh_auth_enabled="true", enable_encryption_strict_mode="true"), "fail"),
    "Cilium authenticates only": (_cilium(mesh_auth_enabled="true"), "fail"),
    "another map": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: ai}\ndata: {enable-wireguard: 'true'}\n", "-"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_whether_services_refuse_plain_text(case: str, tmp_path: Path) -> None:
    """A mesh passes where callers without an identity are refused; what is no mesh is not asked."""
    text, wanted = CASES[case]
    path = tmp_path / "x.yaml"
    path.write_text(text)
    estate = gather((f"k8s:{path}",), NOW)
    said = [
        f.status.value
        for f in findings(estate.assets, catalogue().checks.values(), NOW)
        if f.check == "enc.mesh.strict"
    ]
    assert said == ([] if wanted == "-" else [wanted])
