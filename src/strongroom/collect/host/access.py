"""Who gets in, what watches, and which scheduler gives the machine its work."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from strongroom.collect.host.reading import Reading, Said
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

# Name of a program as the kernel shows it (15 characters, comm in proc(5)) -> the agent it belongs to.
AGENTS: Mapping[str, str] = {
    "auditd": "auditd",
    "falco": "Falco",
    "tetragon": "Tetragon",
    "tracee": "Tracee",
    "osqueryd": "osquery",
    "falcon-sensor": "CrowdStrike Falcon",
    "falcon-sensor-b": "CrowdStrike Falcon",
    "wdavdaemon": "Microsoft Defender",
    "mdatp_audisp_pl": "Microsoft Defender",
    "wazuh-agentd": "Wazuh",
    "ossec-agentd": "OSSEC",
    "s1-agent": "SentinelOne",
    "s1-orchestrator": "SentinelOne",
    "elastic-endpoin": "Elastic Defend",
    "cbagentd": "Carbon Black",
    "ds_agent": "Trend Micro",
    "xagt": "Trellix",
    "pmd": "Cortex XDR",
    "dragent": "Sysdig",
    "security-agent": "Datadog",
    "sysmon": "Sysmon",
    "auditbeat": "Auditbeat",
    "laurel": "Laurel",
}
_FORWARDING = {
    "allowtcpforwarding": ("no",),
    "allowagentforwarding": ("no",),
    "allowstreamlocalforwarding": ("no",),
    "permittunnel": ("no",),
    "x11forwarding": ("no",),
}
# "The kubelet configuration file", kubernetes.io: with a file both are off; with flags alone both are on.
KUBELET_FILE = "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/"
_IN_ONE_BINARY = ("k3s", "k3s-server", "k3s-agent", "kubelite")
DCGM_PORT = 5555  # nv-hostengine(1): its default port


def facts(r: Reading) -> Iterator[Said]:
    """Everything of this file's subject."""
    yield from _ssh(r)
    yield "accounts.uid0", r.lines("uid0"), "uid0"
    yield from _audit(r)
    names = r.lines("processes")
    agents: Value = names
    if isinstance(names, tuple):
        agents = tuple(dict.fromkeys(AGENTS[n] for n in names if n in AGENTS))
    yield "agents", agents, "processes"
    yield from _usb(r, names)
    yield from _schedulers(names)
    yield from _kubelet(r, names)
    yield from _slurm(r)
    yield "net.listeners", _listeners(r), "listeners"


def _ssh(r: Reading) -> Iterator[Said]:
    found = r.lines("sshd")
    if found is None:
        names = r.lines("processes")
        other = isinstance(names, tuple) and "dropbear" in names
        doubt = Unknown(GapCode.UNSUPPORTED, "dropbear serves SSH here; its settings are not read")
        yield "ssh.server", doubt if other else "", "sshd"
        return
    yield "ssh.server", "openssh" if not _inside(found) else found, "sshd"
    if isinstance(found, Unknown):
        for name in ("ssh.root_login", "ssh.password", "ssh.forwarding", "ssh.match"):
            yield name, found, "sshd"
        return
    settings = dict(line.lower().partition(" ")[::2] for line in reversed(found))
    root = settings.get("permitrootlogin")
    yield "ssh.root_login", root or _unsaid("permitrootlogin"), "sshd"
    yield "ssh.password", _password(settings), "sshd"
    yield "ssh.forwarding", _forwarding(settings), "sshd"
    within = r.lines("sshd-match")
    yield "ssh.match", tuple(w for w in within if w.strip()) if isinstance(within, tuple) else within, "sshd-match"


def _inside(found: object) -> bool:
    """Whether a look was refused because it would have shown a container instead of the host."""
    return isinstance(found, Unknown) and found.code is GapCode.OUTSIDE


def _unsaid(key: str) -> Unknown:
    return Unknown(GapCode.UNSUPPORTED, f"sshd -T: it prints no {key}")


def _password(settings: Mapping[str, str]) -> bool | Unknown:
    """Whether a password alone opens a session: methods that every list joins with a key do not count."""
    plain = settings.get("passwordauthentication")
    if plain is None:
        return _unsaid("passwordauthentication")
    asked = settings.get("kbdinteractiveauthentication", settings.get("challengeresponseauthentication", "no"))
    lists = settings.get("authenticationmethods", "any").split()
    with_key = all(any(m.startswith(("publickey", "hostbased", "gssapi")) for m in one.split(",")) for one in lists)
    return "yes" in (plain, asked) and not with_key


def _forwarding(settings: Mapping[str, str]) -> tuple[str | Unknown, ...]:
    if settings.get("disableforwarding") == "yes":
        return ()
    out: list[str | Unknown] = []
    for key, off in _FORWARDING.items():
        if key not in settings:
            out.append(_unsaid(key))
        elif settings[key] not in off:
            out.append(f"{key} {settings[key]}")
    return tuple(out)


def _audit(r: Reading) -> Iterator[Said]:
    status = r.lines("audit-status")
    on: Value = False if status is None else status
    if isinstance(status, tuple):
        found = re.search(r"\benabled[ =](\d)", "\n".join(status))
        on = found[1] != "0" if found else Unknown(GapCode.MALFORMED, "auditctl -s: it prints no enabled")
    yield "audit.enabled", on, "audit-status"
    rules = r.lines("audit-rules")
    listed: Value = () if rules is None else rules
    if isinstance(rules, tuple):
        listed = tuple(line for line in rules if line.startswith("-"))
    yield "audit.rules", listed, "audit-rules"
    names = r.lines("processes")
    yield "audit.daemon", "auditd" in names if isinstance(names, tuple) else names, "processes"


def _usb(r: Reading, names: tuple[str, ...] | Unknown | None) -> Iterator[Said]:
    """Which USB controllers take any device; 0 takes none, 2 only internal ones (kernel docs, usb/authorization)."""
    found = {p: v for p, v in r.small.items() if p.endswith("/authorized_default")}
    takes = tuple(
        p.split("/")[-2] for p, (status, text, _) in found.items() if status == "ok" and text not in ("0", "2")
    )
    yield "usb.controllers", len(found), "values"
    yield "usb.open", takes, "values"
    yield "usb.guard", "usbguard-daemon" in names if isinstance(names, tuple) else names, "processes"


def _schedulers(names: tuple[str, ...] | Unknown | None) -> Iterator[Said]:
    known: Value = names
    if isinstance(names, tuple):
        on = (
            ("slurm", ("slurmd",)),
            ("kubernetes", ("kubelet", *_IN_ONE_BINARY)),
            ("pbs", ("pbs_mom",)),
            ("lsf", ("sbatchd",)),
        )
        known = tuple(name for name, programs in on if any(p in names for p in programs))
    yield "host.schedulers", known, "processes"


def _kubelet(r: Reading, names: tuple[str, ...] | Unknown | None) -> Iterator[Said]:
    """The two doors of a kubelet that answer without a name. A host without one carries no such fact."""
    if isinstance(names, tuple) and any(n in _IN_ONE_BINARY for n in names):
        doubt = Unknown(GapCode.UNSUPPORTED, "the kubelet runs inside k3s or microk8s; its settings are not read")
        yield "kubelet.anonymous", doubt, "processes"
        yield "kubelet.read_only_port", doubt, "processes"
        return
    if not r.has("kubelet-flags"):
        return
    flags = r.lines("kubelet-flags")
    config = r.lines("kubelet-config")
    if isinstance(flags, Unknown):
        yield "kubelet.anonymous", flags, "kubelet-flags"
        yield "kubelet.read_only_port", flags, "kubelet-flags"
        return
    given = dict(f.lstrip("-").partition("=")[::2] for f in flags or ())
    yield "kubelet.anonymous", _anonymous(given, config), "kubelet-flags"
    yield "kubelet.read_only_port", _read_only_port(given, config), "kubelet-flags"


def _file_read(given: Mapping[str, str], config: tuple[str, ...] | Unknown | None) -> Unknown | bool:
    """Whether the file that the kubelet was started with is the one that was read."""
    named = given.get("config", "")
    if isinstance(config, Unknown):
        return config
    read = [line.removeprefix("file ") for line in config or () if line.startswith("file ")]
    if named and named not in read:
        return Unknown(GapCode.OUTSIDE, f"{named}: the kubelet's configuration is not where the collector looks")
    return bool(named)


def _anonymous(given: Mapping[str, str], config: tuple[str, ...] | Unknown | None) -> bool | Unknown:
    if "anonymous-auth" in given:
        return given["anonymous-auth"] not in ("false", "False", "0", "f")
    from_file = _file_read(given, config)
    if not isinstance(from_file, bool) or not isinstance(config, tuple) or not from_file:
        return from_file if isinstance(from_file, Unknown) else True
    keys = [(_key(line), _setting(line)) for line in config]
    for (key, _), (inner, value) in pairwise(keys):
        if key == "anonymous" and inner == "enabled":
            return value != "false"
    return False


def _read_only_port(given: Mapping[str, str], config: tuple[str, ...] | Unknown | None) -> int | Unknown:
    text = given.get("read-only-port")
    if text is None:
        from_file = _file_read(given, config)
        if isinstance(from_file, Unknown):
            return from_file
        lines = config if from_file and isinstance(config, tuple) else ()
        text = next((_setting(line) for line in lines if _key(line) == "readOnlyPort"), "0" if from_file else "10255")
    return int(text) if text.isdigit() else Unknown(GapCode.MALFORMED, f"kubelet: the read-only port is {text[:20]!r}")


def _key(line: str) -> str:
    return line.partition(":")[0].strip().strip('"')


def _setting(line: str) -> str:
    return line.partition(":")[2].split("#")[0].strip().strip('",}] ')


def _slurm(r: Reading) -> Iterator[Said]:
    """Whether jobs see only their own devices; without cgroup.conf, or without the word, they see all.

    Source: cgroup.conf(5), ConstrainDevices, default no; it needs TaskPlugin=task/cgroup, slurm.conf(5).
    """
    config = r.lines("slurm-config")
    if config is None:
        return
    if isinstance(config, Unknown):
        yield "slurm.constrains_devices", config, "slurm-config"
        return
    settings = {k.lower(): v.lower() for k, v in (_pair(line) for line in config)}
    cgroup = r.lines("slurm-cgroup")
    if isinstance(cgroup, Unknown):
        yield "slurm.constrains_devices", cgroup, "slurm-cgroup"
    else:
        limits = {k.lower(): v.lower() for k, v in (_pair(line) for line in cgroup or ())}
        on = limits.get("constraindevices") == "yes" and "task/cgroup" in settings.get("taskplugin", "")
        yield "slurm.constrains_devices", on, "slurm-cgroup"
    yield "slurm.gres", tuple(t.strip() for t in settings.get("grestypes", "").split(",") if t.strip()), "slurm-config"


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.split("#", maxsplit=1)[0].partition("=")
    return key.strip(), value.strip()


def _listeners(r: Reading) -> Value:
    """Addresses that accept TCP, as /proc/net/tcp has them: hexadecimal, each 32-bit word in the host's byte order."""
    lines = r.lines("listeners")
    if not isinstance(lines, tuple):
        return lines
    out = []
    for line in lines:
        address, _, port = line.partition(":")
        try:
            words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
            out.append(f"{_shown(ipaddress.ip_address(b''.join(words)))}:{int(port, 16)}")
        except ValueError:
            return Unknown(GapCode.MALFORMED, f"/proc/net/tcp: found {line[:40]!r}, wanted ADDRESS:PORT")
    return tuple(sorted(set(out)))


def _shown(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address) if mapped or address.version == 4 else f"[{address}]"
