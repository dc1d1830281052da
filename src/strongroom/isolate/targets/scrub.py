"""Between two tenants: what Slurm's epilog and prolog, systemd at the boot and Kubernetes' nodes run, and who may."""

from strongroom.model.isolate import SCRUB, Document, Rendering, Target

TABLE = "/etc/strongroom/gpus.json"
# Whether a job had shards or MPS of a GPU. Slurm may name the GPU, and then names it for everybody who shares it, or none.
_SHARES = """\
numbers=${SLURM_JOB_GPUS:-} shares=
job=$(scontrol show job --oneliner "$SLURM_JOB_ID") || exit 1
case $(printf '%s' "$job" | sed 's,gres[:/][a-z]*[:=]0,,g') in
*gres[:/]shard* | *gres[:/]mps*) shares=yes numbers=${numbers:-all} ;;
esac
[ -n "$numbers" ] || exit 0  # a job without GPUs leaves nothing on one
export XDG_STATE_HOME="${XDG_STATE_HOME:-/var/lib}"
"""
_EPILOG = (
    """\
#!/bin/sh
# Hand the GPUs of a job over when it has ended. Anything but exit 0 drains the node ("Epilog error"), and the next tenant waits.
set -u
"""
    + _SHARES
    + """\
cause=tenant-change
if [ -n "$shares" ]; then
  # The first that ends drains the node; it takes jobs again when the last has ended and its GPUs were handed over. One epilog
  # at a time, for those that share may end together.
  cause="shared:job $SLURM_JOB_ID"
  { exec 9>"${STRONGROOM_LOCK:-/run/strongroom-shared.lock}" && flock -w 600 9; } || exit 1
fi
exec strongroom scrub handover --scheduler slurm --node "$SLURMD_NODENAME" --job "$SLURM_JOB_ID" --cause "$cause" \\
  --table "${STRONGROOM_GPUS:-@TABLE@}" --numbers "$numbers" >&2
"""
)
_PROLOG = (
    """\
#!/bin/sh
# Ask before a job gets its GPUs: an epilog that never ran, a machine that started again, a process that stayed, and a VBIOS
# that changed are found here. Anything but exit 0 drains the node, and the job is requeued and held.
set -u
"""
    + _SHARES
    + """\
exec strongroom scrub ready --node "$SLURMD_NODENAME" --job "$SLURM_JOB_ID" ${shares:+--shared} \\
  --table "${STRONGROOM_GPUS:-@TABLE@}" --numbers "$numbers" >&2
"""
)
_CONF = """\
# To be in slurm.conf. An epilog is not run for a node that fell: the unit of systemd hands its GPUs over when it is up again.
Prolog=/etc/slurm/strongroom_ready.sh
Epilog=/etc/slurm/strongroom_epilog.sh
PrologFlags=Alloc
"""
_UNIT = """\
# What a machine held when it fell is handed over before anybody gets it: slurmd and kubelet wait for this unit, and do not
# start where it fails.
[Unit]
Description=Scrub the GPUs of this machine before anybody gets them
Wants=nvidia-persistenced.service
After=nvidia-persistenced.service local-fs.target
Before=slurmd.service kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/env strongroom scrub handover --node %l --cause boot --table @TABLE@ --numbers all
TimeoutStartSec=15min
Environment=XDG_STATE_HOME=/var/lib
StateDirectory=strongroom
StateDirectoryMode=0700
ProtectHome=yes

[Install]
RequiredBy=slurmd.service kubelet.service
"""
_KUBERNETES = """\
# One handover of one node's GPUs: put NODE and IMAGE in, and create it when the last tenant's pods are gone.
#
# A node is tainted until then: have its kubelet register with it. The DaemonSet below taints it again as soon as a pod with
# accelerators is on it, so that it is closed when that pod leaves; label the nodes that it is for.
#   kubelet --register-with-taints=@KEY@=pending:NoSchedule
#   kubectl label node NODE @KEY@=closes
#
# Under the rule of isolation this is an admin's work. In the rule:
#   admins: {groups: [..., "system:serviceaccounts:strongroom"]}
#   exempt_namespaces: [..., strongroom]
apiVersion: v1
kind: Namespace
metadata: {name: strongroom}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: scrub, namespace: strongroom}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: strongroom-scrub}
rules:
- {apiGroups: [""], resources: [nodes], verbs: [get, patch]}
- {apiGroups: [""], resources: [pods], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: strongroom-scrub}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: strongroom-scrub}
subjects:
- {kind: ServiceAccount, name: scrub, namespace: strongroom}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: scrub-close, namespace: strongroom}
spec:
  selector: {matchLabels: {app: scrub-close}}
  template:
    metadata: {labels: {app: scrub-close}}
    spec:
      serviceAccountName: scrub
      nodeSelector: {@KEY@: closes}
      tolerations:
      - {operator: Exists}
      containers:
      - name: close
        image: IMAGE
        command: [strongroom, scrub, close, --node, $(NODE_NAME), --prefix, @PREFIX@, --watch, "1"]
        env:
        - {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        resources: {limits: {memory: 128Mi}}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 65534}
---
apiVersion: batch/v1
kind: Job
metadata: {name: scrub-NODE, namespace: strongroom}
spec:
  backoffLimit: 0
  ttlSecondsAfterFinished: 600  # the log has what it said
  template:
    spec:
      serviceAccountName: scrub
      restartPolicy: Never
      nodeName: NODE
      hostPID: true  # else who is on a GPU has no name, and MPS is not seen
      tolerations:
      - {key: @KEY@, operator: Exists}
      containers:
      - name: scrub
        image: IMAGE
        command: [strongroom, scrub, handover, --scheduler, kubernetes, --node, NODE, --prefix, @PREFIX@, --table, @TABLE@, --numbers, all]
        env:
        - {name: NVIDIA_VISIBLE_DEVICES, value: all}
        - {name: XDG_STATE_HOME, value: /var/lib}
        securityContext: {privileged: true}  # a reset, the kernel's log, every device
        volumeMounts:
        - {name: state, mountPath: /var/lib/strongroom}
        - {name: etc, mountPath: /etc/strongroom, readOnly: true}
      volumes:
      - {name: state, hostPath: {path: /var/lib/strongroom, type: DirectoryOrCreate}}
      - {name: etc, hostPath: {path: /etc/strongroom, type: Directory}}
"""


def epilog() -> str:
    """The script that slurmd runs after a job."""
    return _EPILOG.replace("@TABLE@", TABLE)


def prolog() -> str:
    """The script that slurmd runs before a job."""
    return _PROLOG.replace("@TABLE@", TABLE)


def _render(what: Rendering) -> tuple[Document, ...]:
    def filled(text: str) -> str:
        key, prefix = f"{what.rule.prefix}/{SCRUB}", what.rule.prefix
        return text.replace("@KEY@", key).replace("@PREFIX@", prefix).replace("@TABLE@", TABLE)

    return (
        Document("strongroom_epilog.sh", epilog()),
        Document("strongroom_ready.sh", prolog()),
        Document("slurm.conf.part", _CONF),
        Document("strongroom-scrub.service", filled(_UNIT)),
        Document("strongroom-scrub.yaml", filled(_KUBERNETES)),
    )


TARGET = Target(
    "scrub",
    "Scrub between tenants: Slurm's epilog and prolog, a unit of systemd, a job and its role for Kubernetes",
    "holds a GPU back until it was scrubbed and shown to be; jobs with shards or MPS of Slurm drain the node until the last of them is gone",
    _render,
)
