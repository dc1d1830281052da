"""The cluster's own parts: API server, etcd and kubelet by their command lines, managed clusters by their description."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence

from strongroom.collect import yaml_text
from strongroom.collect.kubernetes.trees import Tree, at, text, text_at, texts, tree, tree_at, trees_at
from strongroom.model.codes import GapCode
from strongroom.model.values import Key, Unknown, Value

Said = tuple[str, Value]
NOT_ON = ("false", "False", "FALSE", "f", "F", "0")  # what Go reads as a boolean that is false
API_SERVER = "kube-apiserver"


def flags(words: Sequence[str]) -> dict[str, str]:
    """The flags of a command line. A flag without a value is a boolean that is on, unless the next word is its value."""
    parts = [p for w in words for p in w.split()]
    found: dict[str, str] = {}
    for number, part in enumerate(parts):
        if part.startswith("-"):
            name, given, value = part.lstrip("-").partition("=")
            after = parts[number + 1] if number + 1 < len(parts) else "-"
            found[name] = value if given else "true" if after.startswith("-") else after
    return found


def of_pod(spec: Tree) -> Iterator[Said]:
    """Facts of a pod that runs a part of the control plane; nothing for any other pod.

    kubeadm puts the flags into the command, RKE2 and k3s into the arguments.
    """
    for container in trees_at(spec, "containers"):
        words = [*texts(at(container, "command")), *texts(at(container, "args"))]
        program = words[0].split()[0].rpartition("/")[2] if words and words[0].split() else ""
        if program == API_SERVER:
            yield from _api_server(flags(words))
        elif program == "etcd":
            yield from _etcd(flags(words))


def _api_server(given: Mapping[str, str]) -> Iterator[Said]:
    # kube-apiserver reference: anonymous-auth is on unless it is switched off, authorization is AlwaysAllow.
    if "authentication-config" in given and "anonymous-auth" not in given:
        detail = f"{given['authentication-config']} decides who is anonymous, and is not in this source"
        yield "apiserver.anonymous", Unknown(GapCode.NOT_FETCHED, detail)
    else:
        yield "apiserver.anonymous", given.get("anonymous-auth", "true") not in NOT_ON
    if "authorization-config" in given:
        detail = f"{given['authorization-config']} names the modes, and is not in this source"
        yield "apiserver.authorization", Unknown(GapCode.NOT_FETCHED, detail)
    else:
        modes = given.get("authorization-mode", "AlwaysAllow").split(",")
        yield "apiserver.authorization", tuple(m for m in modes if m)
    yield "apiserver.audit_log", given.get("audit-log-path") or given.get("audit-webhook-config-file") or ""
    yield "apiserver.token_file", "token-auth-file" in given
    yield "apiserver.encryption_config", given.get("encryption-provider-config", "")


def _etcd(given: Mapping[str, str]) -> Iterator[Said]:
    yield "etcd.tls", bool(given.get("cert-file") and given.get("key-file"))
    yield "etcd.auto_tls", given.get("auto-tls", "false") not in NOT_ON
    yield "etcd.client_auth", given.get("client-cert-auth", "false") not in NOT_ON


def kubelet(obj: Tree) -> Iterator[Said]:
    """Facts of a kubelet from its command line and the file that it names, in base64."""
    given = flags([text_at(obj, "data", "cmdLine")])
    config = _config(obj, given)
    if isinstance(config, Unknown):
        for name in ("kubelet.read_only_port", "kubelet.anonymous", "kubelet.tls"):
            yield name, config
        return
    named = "config" in given
    port = given.get("read-only-port") or text(config.get("readOnlyPort")) or ("0" if named else "10255")
    yield (
        "kubelet.read_only_port",
        int(port) if port.isdigit() and len(port) < 7 else Unknown(GapCode.MALFORMED, "no port"),
    )
    said = given.get("anonymous-auth") or text(at(config, "authentication", "anonymous", "enabled"))
    yield "kubelet.anonymous", (said or ("false" if named else "true")) not in NOT_ON
    own = bool(given.get("tls-cert-file") or config.get("tlsCertFile"))
    key = bool(given.get("tls-private-key-file") or config.get("tlsPrivateKeyFile"))
    renewed = config.get("serverTLSBootstrap") is True or given.get("rotate-server-certificates", "false") not in NOT_ON
    yield "kubelet.tls", (own and key) or renewed


def _config(obj: Tree, given: Mapping[str, str]) -> Tree | Unknown:
    content = text_at(obj, "data", "configFile", "content")
    if not content:
        if "config" in given:
            return Unknown(GapCode.NOT_FETCHED, f"{given['config']}: the kubelet's configuration is not in this record")
        return {}
    try:
        words = base64.b64decode(content, validate=True).decode("utf-8")
        documents = [d for c in yaml_text.chunks(words) for d in yaml_text.parse(c)]
    except (binascii.Error, UnicodeDecodeError):
        return Unknown(GapCode.MALFORMED, "the kubelet's configuration is no base64 of text")
    except yaml_text.YamlError as e:
        return Unknown(e.code, f"the kubelet's configuration: {e.detail}")
    return tree(documents[0].value) if documents else {}


def described(obj: Tree, version: str) -> Iterator[Said]:
    """Facts of a managed cluster from what its cloud says of it."""
    data = tree_at(obj, "data")
    if "eks" in version:
        yield from _eks(tree(data.get("Cluster") or data.get("cluster") or data))
    elif "container.googleapis" in version:
        yield from _gke(data)
    elif "azure" in version or "management" in version:
        yield from _aks(tree(data.get("properties") or data))


def _either(value: object, *path: str) -> object:
    """What stands at a path, in the spelling of the API or in that of the command line."""
    for name in path:
        inner = at(value, name)
        value = inner if inner is not None else at(value, name[:1].lower() + name[1:])
    return value


def _eks(cluster: Tree) -> Iterator[Said]:
    inside = _either(cluster, "ResourcesVpcConfig")
    for name, key in (("api.public", "EndpointPublicAccess"), ("api.private", "EndpointPrivateAccess")):
        said = _either(inside, key)
        yield name, said if isinstance(said, bool) else _silent(key)
    cidrs = _either(inside, "PublicAccessCidrs")
    yield "api.public_cidrs", texts(cidrs) if isinstance(cidrs, list) else _silent("PublicAccessCidrs")
    yield "version", text(_either(cluster, "Version"))
    # DescribeCluster leaves accessConfig out for clusters from before access entries: the ConfigMap alone decides.
    yield "eks.access_mode", text(_either(cluster, "AccessConfig", "AuthenticationMode")) or "CONFIG_MAP"
    setups = _either(cluster, "Logging", "ClusterLogging")
    on = [s for s in (setups if isinstance(setups, list) else []) if _either(s, "Enabled") is True]
    yield "log.types", tuple(dict.fromkeys(t for s in on for t in texts(_either(s, "Types"))))
    covered = _either(cluster, "EncryptionConfig")
    found = covered if isinstance(covered, list) else []
    key = next(
        (text(_either(c, "Provider", "KeyArn")) for c in found if "secrets" in texts(_either(c, "Resources"))), ""
    )
    yield "enc.secrets_key", Key("cmk", key) if key else Key("provider", "aws owned")


def _gke(data: Tree) -> Iterator[Said]:
    yield "version", text(_either_case(data, "current_master_version"))
    yield "log.types", texts(_either_case(data, "logging_config", "component_config", "enable_components"))
    yield "gke.described", True
    yield "net.private_nodes", _either_case(data, "private_cluster_config", "enable_private_nodes") is True
    # The client libraries print the number of ADVANCED_DATAPATH, gcloud its name.
    fast = text(_either_case(data, "network_config", "datapath_provider")) in ("2", "ADVANCED_DATAPATH")
    yield "net.policy", fast or _either_case(data, "network_policy", "enabled") is True


def _either_case(value: object, *path: str) -> object:
    """What stands at a path that client libraries spell with underscores and gcloud in camel case."""
    for name in path:
        inner = at(value, name)
        head, *rest = name.split("_")
        value = inner if inner is not None else at(value, head + "".join(p.capitalize() for p in rest))
    return value


def _aks(data: Tree) -> Iterator[Said]:
    yield "version", text_at(data, "kubernetesVersion")
    yield "auth.rbac", at(data, "enableRBAC") is not False
    yield "net.policy", text_at(data, "networkProfile", "networkPolicy") not in ("", "none")
    yield "net.public", at(data, "apiServerAccessProfile", "enablePrivateCluster") is not True


def _silent(key: str) -> Unknown:
    return Unknown(GapCode.ABSENT, f"the description of the cluster leaves {key} out")
