"""How scrubbing has been exercised. No GPU was ever part of it."""

from strongroom.app.proof_levels import Level, Proof

PROOFS = (
    Proof(
        "scrubs and leak tests of NVIDIA GPUs: `scrub run`, `scrub leak-test`, `scrub plan`",
        Level.SIMULATED,
        "kernels that NVRTC compiles for sm_75 to sm_120; the same text, built for the machine of the tests, run by the real host "
        "code, cuda-bindings and NVML's binding over a library that stands for the driver, with each call made to fail",
        "no GPU: no kernel has run on one, no rate was measured there, and what a real driver hands out is not known from this",
        ("tests/scrub/test_cuda_driver.py", "tests/isolate/test_scrubbing_judge.py"),
    ),
    Proof(
        "scrubs and leak tests on emulated cards: `scrub emulate`, `--device cpu`",
        Level.SIMULATED,
        "memory of a file, between real processes that exit, free and are killed; wrong octets at any place, pages skipped, "
        "aliased and not had, a card lost in any call, time that runs out",
        "it is no GPU, and proves nothing of one",
        (
            "tests/scrub/test_scrub_faults.py",
            "tests/scrub/test_leak_matrix.py",
            "tests/scrub/test_emulated_card.py",
            "tests/kit/test_scrub_pattern.py",
            "tests/cli/test_scrub_cli.py",
        ),
    ),
    Proof(
        "handovers in Slurm: the rendered epilog and prolog, drain and resume (`scrub handover`, `scrub ready`)",
        Level.REAL_SOFTWARE,
        "Slurm 22.05's daemons: the epilog scrubs and logs, one that fails drains the node and the next tenant waits, the prolog "
        "asks again, a drain of another is left as it is, and jobs with shards drain it until the last was scrubbed after",
        "emulated cards stood for the GPUs; MPS was not configured",
        ("tests/integration/test_slurm_real.py", "tests/scrub/test_handover.py"),
    ),
    Proof(
        "handovers in Kubernetes: a node's taint, by the rendered role (`scrub handover`, `scrub close`)",
        Level.REAL_SOFTWARE,
        "a real kube-apiserver 1.36: tainted, scrubbed and let go; closed again with the next tenant's pod; other "
        "holders, other taints, changes of others in between",
        "emulated cards stood for the GPUs; no scheduler and no kubelet, and the rendered job and DaemonSet were not run",
        ("tests/integration/test_kube_scrub.py", "tests/scrub/test_keepers.py"),
    ),
    Proof(
        "the way after a failure: cordon, reset, scrub, health, uncordon; VBIOS and InfoROM compared",
        Level.SIMULATED,
        "every step made to fail, the log filled up at every entry, a machine that fell in between; lines of the kernel's log, "
        "answers of NVML and a program in nvidia-smi's place, written for it",
        "no GPU was reset, no XID came from one, and nvidia-smi and amd-smi were not run; the unit of systemd was not started",
        (
            "tests/isolate/test_handover_judge.py",
            "tests/scrub/test_handover.py",
            "tests/scrub/test_cuda_handover.py",
            "tests/scrub/test_kernel_log.py",
        ),
    ),
    Proof(
        "the source `scrub:`, and its checks",
        Level.REAL_SOFTWARE,
        "logs that the tests write as a node does: good, with each step missing or out of order, and changed afterwards",
        "no log of a real cluster has been read",
        ("tests/assess/test_scrub_checks.py",),
    ),
    Proof(
        "how AMD GPUs stand, by amdgpu's and KFD's files: `scrub plan --device amd`",
        Level.SIMULATED,
        "files as the kernel's documentation has them: processes, partitions, enforce_isolation, the cleaner shader's file",
        "no such GPU has been read",
        ("tests/scrub/test_amd_files.py",),
    ),
    Proof(
        "scrubs of AMD GPUs: `scrub run --device amd`",
        Level.UNPROVEN,
        "the steps and the judge are those of the other devices",
        "HIP, HIPRTC and the cleaner shader were never called",
        (),
    ),
)
