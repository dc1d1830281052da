"""Who gets into a machine, and what watches it."""

from strongroom.assess.checks._host import accelerated
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown, Value

_DROP_IN = "/etc/ssh/sshd_config.d/10-strongroom.conf"
_RELOAD = "sshd -t && systemctl reload sshd || systemctl reload ssh"
_NO_SSH = "no SSH server is installed"
_ROOT_OFF = ("no", "forced-commands-only")
_PASSWORD_WORDS = (
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "challengeresponseauthentication",
    "permitemptypasswords",
)
_FORWARD_WORDS = (
    "allowtcpforwarding",
    "allowagentforwarding",
    "allowstreamlocalforwarding",
    "permittunnel",
    "x11forwarding",
)


def _in_match(v: View, words: tuple[str, ...], off: tuple[str, ...]) -> list[str]:
    """The settings of Match blocks that open again what is closed outside of them."""
    lines = v.texts("ssh.match") if v.has("ssh.match") else ()
    return [
        line for line in lines if line.split(" ")[0] in words and (line.split(" ")[1:2] or [""])[0].lower() not in off
    ]


@check(
    id="host.ssh.no-root",
    title="Nobody logs in as root over SSH",
    clause="IAM-01.no-shared-accounts",
    kinds=(Kind.HOST,),
    needs=("ssh.server",),
    severity=Severity.HIGH,
    fix=Fix(
        "Refuse root; let administrators log in under their own names and use sudo.",
        ((_DROP_IN, "PermitRootLogin no"),),
        command=_RELOAD,
        verify="sshd -T | grep permitrootlogin prints: permitrootlogin no",
    ),
    broken="root logs in over SSH: {setting}",
)
def no_root(v: View) -> Answer:
    """Root is one account for many people: what it did cannot be laid to anyone, and its key opens everything at once."""
    if not v.text("ssh.server"):
        return not_applicable(_NO_SSH)
    word = v.text("ssh.root_login")
    if word not in _ROOT_OFF:
        return broken(setting=f"PermitRootLogin {word}")
    again = _in_match(v, ("permitrootlogin",), _ROOT_OFF)
    return broken(setting=again[0]) if again else holds()


@check(
    id="host.ssh.no-password",
    title="No password alone opens an SSH session",
    clause="MGT-02.ssh-hardened",
    kinds=(Kind.HOST,),
    needs=("ssh.server",),
    severity=Severity.HIGH,
    fix=Fix(
        "Take keys or certificates only; where a second factor is asked, demand the key as well.",
        ((_DROP_IN, "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitEmptyPasswords no"),),
        command=_RELOAD,
        verify="sshd -T | grep -E '^(passwordauthentication|kbdinteractiveauthentication) ' prints no twice",
    ),
    broken="a password alone opens a session{where}",
)
def no_password(v: View) -> Answer:
    """Passwords are guessed, reused and phished; a management network full of them falls to the first one."""
    if not v.text("ssh.server"):
        return not_applicable(_NO_SSH)
    if v.flag("ssh.password"):
        return broken(where="")
    again = _in_match(v, _PASSWORD_WORDS, ("no",))
    return broken(where=f" ({again[0]})") if again else holds()


@check(
    id="host.ssh.no-forwarding",
    title="SSH forwards neither ports nor agents",
    clause="MGT-02.ssh-hardened",
    kinds=(Kind.HOST,),
    needs=("ssh.server",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch all forwarding off; a bastion gets the one exception it needs in a Match block of its own.",
        ((_DROP_IN, "DisableForwarding yes\nX11Forwarding no"),),
        command=_RELOAD,
        verify="sshd -T | grep -E 'disableforwarding|forwarding|permittunnel'",
    ),
    broken="SSH lets through: {kinds}",
)
def no_forwarding(v: View) -> Answer:
    """A forwarded port is a way around every firewall and out of it; a forwarded agent hands the administrator's key
    to whoever has root here.
    """
    if not v.text("ssh.server"):
        return not_applicable(_NO_SSH)
    value: Value = v.raw("ssh.forwarding")
    listed = [k for k in value if isinstance(k, str)] if isinstance(value, tuple) else []
    if listed:
        return broken(kinds=", ".join(listed))
    v.texts("ssh.forwarding")
    again = _in_match(v, _FORWARD_WORDS, ("no",))
    return broken(kinds=again[0]) if again else holds()


@check(
    id="iam.host.one-root",
    title="Only root has user id 0",
    clause="IAM-01.no-shared-accounts",
    kinds=(Kind.HOST,),
    needs=("accounts.uid0",),
    severity=Severity.HIGH,
    fix=Fix(
        "Remove the other accounts with user id 0, after finding out who made them.",
        command="userdel <account>",
        verify="awk -F: '$3 == 0' /etc/passwd prints root alone",
    ),
    broken="these accounts are root under another name: {names}",
)
def one_root(v: View) -> Answer:
    """A second account with user id 0 is the oldest back door there is: logs and sudo rules see another name."""
    others = [n for n in v.texts("accounts.uid0") if n != "root"]
    return broken(names=", ".join(others)) if others else holds()


@check(
    id="log.host.auditd",
    title="The kernel's audit log is on, with rules, and written",
    clause="LOG-01.sources-on",
    kinds=(Kind.HOST,),
    needs=("audit.enabled", "audit.daemon", "audit.rules"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Install auditd with a rule set that covers logins, privilege, modules and the places of weights.",
        (
            (
                "/etc/audit/rules.d/50-modules.rules",
                "-a always,exit -F arch=b64 -S init_module,finit_module,delete_module -k modules",
            ),
        ),
        command="systemctl enable --now auditd && augenrules --load",
        verify="auditctl -s shows enabled 1 or 2, and auditctl -l lists rules",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def auditd(v: View) -> Answer:
    """Without it nobody can say afterwards who became root, loaded a module or read the checkpoint folder."""
    said: list[tuple[Tri, str]] = []
    for name, why in (("audit.daemon", "auditd does not run"), ("audit.enabled", "auditing is off in the kernel")):
        value = v.raw(name)
        said.append(
            (value if isinstance(value, Unknown | bool) else Unknown(GapCode.MALFORMED, f"{name}: no bool"), why)
        )
    rules = v.raw("audit.rules")
    said.append((rules if isinstance(rules, Unknown) else bool(rules), "no audit rule is loaded"))
    for answer, why in said:
        if answer is False:
            return broken(why=why)
    doubts = [a for a, _ in said if isinstance(a, Unknown)]
    return unknown(*doubts) if doubts else holds()


@check(
    id="mon.host.agent-runs",
    title="An endpoint agent runs",
    clause="END-01.agent-healthy",
    kinds=(Kind.HOST,),
    needs=("agents",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Run an agent that sees processes and kernel events (auditd, Falco, Tetragon, or your EDR), tuned for GPU work.",
        command="systemctl enable --now falco || systemctl enable --now auditd",
        verify="ps -e -o comm= shows the agent",
        effort=Effort.MEDIUM,
    ),
    broken="none of the known agents runs",
)
def agent(v: View) -> Answer:
    """GPU nodes are often left out for the sake of speed; a miner or a loader of foreign modules then works unseen."""
    found = v.texts("agents")
    return holds() if found else broken()


@check(
    id="mon.host.rules-loaded",
    title="Audit rules watch modules and the GPU driver",
    clause="END-01.rules-loaded",
    kinds=(Kind.HOST,),
    needs=("audit.rules",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Load rules for module loading and for the GPU driver's settings.",
        (
            (
                "/etc/audit/rules.d/60-gpu.rules",
                "-a always,exit -F arch=b64 -S init_module,finit_module,delete_module -k modules\n-w /etc/modprobe.d -p wa -k gpu\n-w /usr/bin/nvidia-smi -p x -k gpu",
            ),
        ),
        command="augenrules --load",
        verify="auditctl -l | grep -E 'finit_module|modprobe|nvidia'",
    ),
    broken="no rule watches {what}",
)
def rules(v: View) -> Answer:
    """A general rule set does not know what makes a GPU node special: its driver's module, settings and device files."""
    outside = accelerated(v)
    if outside is not None:
        return outside
    listed = " ".join(v.texts("audit.rules"))
    missing = [] if "init_module" in listed else ["the loading of modules"]
    if not any(word in listed for word in ("nvidia", "amdgpu", "modprobe")):
        missing.append("the GPU driver and its settings")
    if not missing:
        return holds()
    others = [a for a in v.texts("agents") if a != "auditd"] if v.has("agents") else []
    if others:
        return unknown(
            Unknown(GapCode.OUTSIDE, f"{', '.join(others)} runs, and keeps its rules where this source does not look")
        )
    return broken(what=" and ".join(missing))


@check(
    id="host.kubelet.no-anonymous",
    title="The kubelet answers nobody without a name",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("kubelet.anonymous",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Refuse anonymous requests in the kubelet's configuration.",
        (
            (
                "/var/lib/kubelet/config.yaml",
                "authentication:\n  anonymous:\n    enabled: false\n  webhook:\n    enabled: true",
            ),
        ),
        command="systemctl restart kubelet",
        verify="curl -sk https://127.0.0.1:10250/pods answers Unauthorized",
    ),
    broken="the kubelet serves requests without an identity: anybody who reaches port 10250 may ask it for a shell",
    equivalents=(
        "checkov:CKV_K8S_138",
        "trivy:KCV-0079",
        "prowler:kubelet_disable_anonymous_auth",
        "kubescape:anonymous-requests-to-kubelet-updated",
    ),
)
def kubelet_anonymous(v: View) -> bool:
    """The kubelet runs commands in every container of its node, so its port is root on all GPUs of the node."""
    return not v.flag("kubelet.anonymous")


@check(
    id="host.kubelet.no-read-only-port",
    title="The kubelet has no port without authentication",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("kubelet.read_only_port",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Close the read-only port.",
        (("/var/lib/kubelet/config.yaml", "readOnlyPort: 0"),),
        command="systemctl restart kubelet",
        verify="ss -ltn shows no listener on port 10255",
    ),
    broken="the kubelet lists pods, images and their environment on port {port} to anybody",
    equivalents=("prowler:kubelet_disable_read_only_port", "kubescape:read-only-port-enabled-updated"),
)
def kubelet_read_only(v: View) -> Answer:
    """Who runs which model where, with which arguments, is what an attacker needs first."""
    port = int(v.number("kubelet.read_only_port"))
    return broken(port=str(port)) if port else holds()


@check(
    id="host.slurm.constrains-devices",
    title="A Slurm job reaches only its own devices",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("slurm.constrains_devices",),
    severity=Severity.HIGH,
    fix=Fix(
        "Let the cgroup plugin constrain devices.",
        (
            ("/etc/slurm/cgroup.conf", "ConstrainDevices=yes"),
            ("/etc/slurm/slurm.conf", "TaskPlugin=task/affinity,task/cgroup\nProctrackType=proctrack/cgroup"),
        ),
        command="systemctl restart slurmd",
        verify="srun --gres=gpu:1 sh -c 'CUDA_VISIBLE_DEVICES= nvidia-smi -L' lists one GPU",
    ),
    broken="Slurm does not constrain devices: CUDA_VISIBLE_DEVICES is a request that a job may ignore",
)
def slurm_devices(v: View) -> Answer | bool:
    """Without the device cgroup every job can open every GPU of the node and what another job has left on it."""
    outside = accelerated(v)
    return outside if outside is not None else v.flag("slurm.constrains_devices")


@check(
    id="host.usb.locked",
    title="New USB devices are refused",
    clause="PHY-01.ports-locked",
    kinds=(Kind.HOST,),
    needs=("usb.controllers", "usb.open"),
    severity=Severity.LOW,
    fix=Fix(
        "Run USBGuard with a list of what is allowed, or boot with usbcore.authorized_default=0.",
        command="usbguard generate-policy > /etc/usbguard/rules.conf && systemctl enable --now usbguard",
        verify="cat /sys/bus/usb/devices/usb*/authorized_default prints 0 or 2 only",
        effort=Effort.MEDIUM,
    ),
    broken="{controllers} take any device that is plugged in",
)
def usb(v: View) -> Answer:
    """Somebody in the aisle with a USB stick is a keyboard, a network card and a disk to an unlocked port."""
    if v.has("host.virtual") and v.flag("host.virtual"):
        return not_applicable("a virtual machine has no ports")
    if v.number("usb.controllers") == 0:
        return not_applicable("the machine has no USB controller")
    open_ones = v.texts("usb.open")
    guarded: Tri = False
    if v.has("usb.guard"):
        value = v.raw("usb.guard")
        guarded = value if isinstance(value, bool | Unknown) else Unknown(GapCode.MALFORMED, "usb.guard: no bool")
    said = any_of((not open_ones, guarded))
    if isinstance(said, Unknown):
        return unknown(said)
    return holds() if said else broken(controllers=", ".join(open_ones))


CHECKS = (
    no_root,
    no_password,
    no_forwarding,
    one_root,
    auditd,
    agent,
    rules,
    kubelet_anonymous,
    kubelet_read_only,
    slurm_devices,
    usb,
)
