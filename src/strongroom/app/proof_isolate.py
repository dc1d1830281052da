"""How isolation has been exercised."""

from strongroom.app.proof_levels import Level, Proof

PROOFS = (
    Proof(
        "one judge of GPU placement on every road: `isolate admit`, `isolate simulate`",
        Level.REAL_SOFTWARE,
        "a table of roads and bypasses, each through a real kube-apiserver 1.36 with the service as its webhook; bindings, "
        "ephemeral containers, node labels, the device plugin's configuration; hostile reviews of every shape",
        "no kubelet and no GPU behind the API server; resources of the alpha gates are judged from files alone",
        (
            "tests/isolate/test_pods.py",
            "tests/isolate/test_meeting.py",
            "tests/isolate/test_changes.py",
            "tests/isolate/test_review.py",
            "tests/integration/test_kube_admission.py",
        ),
    ),
    Proof(
        "admission as a service, observed before it denies: `serve admission`, `isolate report`",
        Level.REAL_SOFTWARE,
        "a real API server asks it over TLS: observed, reported, reviewed, denied, logged; its certificate renewed while it "
        "runs, and ended; killed under load, with nothing bad let by; lists and watches that page, forget and cut off",
        "one replica; a cluster of thousands of nodes was in memory, and not watched",
        (
            "tests/isolate/test_admission.py",
            "tests/collect/test_kube_live.py",
            "tests/collect/test_kube_live_cache.py",
            "tests/integration/test_kube_live_real.py",
            "tests/integration/test_kube_admission.py",
            "tests/integration/test_kube_admission_failing.py",
        ),
    ),
    Proof(
        "the rule as policies of the API server: `isolate render vap`",
        Level.REAL_SOFTWARE,
        "installed on a real kube-apiserver 1.36; what names show is denied there, and good pods are let in",
        "it knows no nodes, no neighbours, no service accounts and no volumes; the webhook holds those",
        ("tests/integration/test_kube_policies.py",),
    ),
    Proof(
        "the rule in Slurm: `isolate slurm`, `isolate start`, `isolate render slurm`",
        Level.REAL_SOFTWARE,
        "Slurm 22.05's daemons: submission, changes of held jobs, the prolog at the start, a node drained by its epilog; the "
        "judge in Lua and the one in Python agree on drawn jobs",
        "device files without GPUs; ConstrainDevices was not on; no slurmdbd; heterogeneous jobs and steps from files alone",
        (
            "tests/isolate/test_slurm_judge.py",
            "tests/isolate/test_slurm_lua.py",
            "tests/integration/test_slurm_real.py",
        ),
    ),
    Proof(
        "that the rule is enforced: `isolate probe`, the source `isolation:`",
        Level.REAL_SOFTWARE,
        "a real kube-apiserver 1.36 with the webhook, and one with the policies: probes rejected, let in and refused by rights; "
        "engines compared as the server keeps them; each way to narrow a hook, a policy or Slurm's files, from a table",
        "a month of measures was written by the tests; no probe of Slurm, whose submission is tried by its own tests",
        (
            "tests/isolate/test_installed.py",
            "tests/isolate/test_probes.py",
            "tests/isolate/test_slurm_installed.py",
            "tests/isolate/test_isolation_source.py",
            "tests/integration/test_kube_admission.py",
            "tests/integration/test_kube_policies.py",
        ),
    ),
    Proof(
        "what uses the GPUs of a node, and drift: `isolate uses`, `isolate drift`",
        Level.SIMULATED,
        "a node's files written for it: control groups of both drivers and of Slurm, the device manager's checkpoint in both "
        "forms, nvidia-smi's XML with slices and processes, scontrol's jobs with names that a user chose",
        "no GPU, no kubelet and no driver was measured",
        ("tests/collect/test_gpu_uses.py", "tests/isolate/test_drift.py"),
    ),
    Proof(
        "machines of KubeVirt: `serve admission`, `isolate admit`, `isolate simulate`",
        Level.REAL_SOFTWARE,
        "instances and what makes them, sent to a real kube-apiserver 1.36 that knows their kinds, with the service as webhook: "
        "cards, slices, shares, nodes that cut cards, memory, disks of the node",
        "KubeVirt itself was not run: its kinds were defined without their schemas, and no machine was started",
        ("tests/isolate/test_kubevirt.py", "tests/integration/test_kube_admission.py"),
    ),
    Proof(
        "virtual machines of libvirt and OpenStack: `isolate machine`",
        Level.SIMULATED,
        "domains and flavours written for it: functions of PCI, mediated devices, types of vGPU, aliases, traits, neighbours",
        "no hypervisor and no Nova was asked; the facts of hosts are written by who runs them",
        ("tests/isolate/test_machines.py",),
    ),
    Proof(
        "the rule for Kyverno, Gatekeeper and Kueue: `isolate render`; requests of KAI, HAMi, Volcano, Koordinator",
        Level.UNPROVEN,
        "the documents are well formed, and carry the expressions that the API server ran; these requests are judged by name",
        "none of these engines was run",
        (),
    ),
)
