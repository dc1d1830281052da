"""How each capability of this build has been exercised. Nothing is called more proven than it is.

`docs/proof.md` and `strongroom doctor` are made from this list; a test holds that every file it cites exists.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How near to the real thing a capability has been run, nearest first."""

    LIVE = "live"  # on the hardware or service itself
    REAL_SOFTWARE = "real software"  # against the program itself, on a machine made for the test
    RECORDED = "recorded"  # on what the real thing wrote elsewhere
    SIMULATED = "simulated"  # on input that was made to look like it
    UNPROVEN = "unproven"  # not exercised


@dataclass(frozen=True, slots=True)
class Proof:
    """One capability, its level, how it was exercised, what was not, and the tests that do it."""

    capability: str
    level: Level
    how: str
    missing: str
    tests: tuple[str, ...]


PROOFS = (
    Proof(
        "Terraform configuration (`tf:`)",
        Level.REAL_SOFTWARE,
        "Trivy's evaluator, in process, on modules written for the tests and on public ones beside the checkout",
        "modules that are only in a registry are never fetched; they are gaps",
        ("tests/collect/test_tf.py", "tests/collect/test_tf_manifests.py", "tests/test_walks.py"),
    ),
    Proof(
        "the fence around evaluation",
        Level.REAL_SOFTWARE,
        "a real child that loops, grows, crashes and reads outside, stopped by limits and by the kernel's Landlock",
        "kernels without Landlock fall back to what the text shows",
        ("tests/collect/test_tf_hostile.py",),
    ),
    Proof(
        "Terraform plan and state (`plan:`)",
        Level.RECORDED,
        "files that `terraform show -json` wrote for AWS, Azure and Google Cloud modules",
        "terraform itself is not started",
        ("tests/collect/test_plan.py",),
    ),
    Proof(
        "this host (`host:`), ordinary Linux",
        Level.LIVE,
        "the collector script, under several shells and watched by strace, on the machine that runs the tests",
        "only the kernel and distribution of that machine",
        ("tests/collect/test_host_script.py",),
    ),
    Proof(
        "host: disks, boot, swap, logins of other machines",
        Level.SIMULATED,
        "records made by the tests in the script's own format, whole and damaged",
        "few machines have been read",
        ("tests/collect/test_host.py", "tests/collect/test_host_document.py"),
    ),
    Proof(
        "host: SEV-SNP, TDX, TPM and IOMMU facts",
        Level.SIMULATED,
        "kernel files and messages as the kernel's documentation gives them",
        "no such machine has been read",
        ("tests/collect/test_host.py",),
    ),
    Proof(
        "host: NVIDIA and AMD GPU facts",
        Level.SIMULATED,
        "answers of nvidia-smi, NVML and the drivers' files in their documented form, and NVIDIA's own mock profiles",
        "no GPU has been read",
        ("tests/collect/test_host.py",),
    ),
    Proof(
        "Kubernetes objects (`k8s:`)",
        Level.RECORDED,
        "manifests that the tests write, whole and hostile, and public samples of objects beside the checkout",
        "no cluster is asked; what GPU operators write into a live one has not been recorded",
        (
            "tests/collect/test_k8s.py",
            "tests/collect/test_k8s_hostile.py",
            "tests/collect/test_k8s_machines.py",
            "tests/collect/test_k8s_skips.py",
            "tests/assess/test_k8s_checks.py",
            "tests/assess/test_k8s_checks_devices.py",
        ),
    ),
    Proof(
        "Terraform state files (`state:`)",
        Level.SIMULATED,
        "states of version 4 that the tests write after Terraform's own code, whole, cut, sealed and hostile",
        "no state of a real organisation has been read",
        ("tests/collect/test_state_source.py",),
    ),
    Proof(
        "inventories in CSV (`csv:`)",
        Level.SIMULATED,
        "files as spreadsheets write them, in four encodings and with four delimiters, damaged ones and formulas too",
        "no organisation's own inventory has been read",
        ("tests/collect/test_csv_source.py", "tests/assess/test_inventory.py"),
    ),
    Proof(
        "NVML profiles, and nvidia-smi's record of wear, fabric and processes",
        Level.SIMULATED,
        "NVIDIA's own mock profiles of five models, and XML in the form of its drivers",
        "no GPU has been read",
        ("tests/collect/test_smi_profiles.py",),
    ),
    Proof(
        "several sources of one thing",
        Level.REAL_SOFTWARE,
        "any order of any sources, names that lie, ten thousand things under one number, values that differ",
        "sources of different days: which one is newer is not asked",
        ("tests/app/test_reconciling.py",),
    ),
    Proof(
        "model artifacts on disk (`artifacts:`)",
        Level.REAL_SOFTWARE,
        "pickles that Python wrote, headers made byte by byte, damage by chance, and recorded attacks beside the checkout",
        "few files of the real frameworks; signatures beside artifacts are seen and not verified",
        ("tests/collect/test_artifacts.py", "tests/kit/test_formats_pickle.py", "tests/kit/test_formats_weights.py"),
    ),
    Proof(
        "the signed register of artifacts",
        Level.REAL_SOFTWARE,
        "defined, signed, edited, forged, added to and verified by the tests, with a log of their own",
        "no organisation keeps one",
        ("tests/app/test_artifacts_app.py", "tests/cli/test_artifacts_cli.py", "tests/kit/test_artifact_classes.py"),
    ),
    Proof(
        "checks, controls and their answers",
        Level.REAL_SOFTWARE,
        "every check on known, unknown and strange facts, and on configuration that its tests write",
        "no cloud account has been read live",
        ("tests/test_contracts.py", "tests/assess/test_judge.py"),
    ),
    Proof(
        "exceptions, and judging a kept run again under them",
        Level.REAL_SOFTWARE,
        "every verdict on every form of entry, hostile files, stored runs whose sources are gone",
        "no organisation has worked with a file of its own",
        ("tests/assess/test_exceptions.py", "tests/cli/test_exceptions_cli.py"),
    ),
    Proof(
        "assertions: signed, logged, verified whenever they are used",
        Level.REAL_SOFTWARE,
        "made, verified, expired and taken back; forged words, keys, log entries and evidence",
        "a state database whose revocations were deleted is not found out",
        ("tests/assess/test_assertions.py", "tests/cli/test_assert_cli.py"),
    ),
    Proof(
        "the HTML report: three readers, burn-down, print",
        Level.REAL_SOFTWARE,
        "drawn by Chromium at several widths under a strict policy, printed, and read by axe-core in both schemes",
        "no other browser and no screen reader was tried",
        (
            "tests/assess/test_reports_html.py",
            "tests/assess/test_reports_browser.py",
            "tests/integration/test_report_accessibility.py",
        ),
    ),
    Proof(
        "the proof of a run in its report",
        Level.REAL_SOFTWARE,
        "entry and proof are taken out of a report and verified offline, and the digest is computed again",
        "no auditor has been handed one",
        ("tests/cli/test_reports_cli.py",),
    ),
    Proof(
        "reports without names (`--redact`)",
        Level.REAL_SOFTWARE,
        "a word in every text of an estate, of its people, its log and its rules is looked for in every format",
        "what counts, kinds and times tell about a house is left in",
        ("tests/assess/test_redaction.py", "tests/cli/test_reports_cli.py"),
    ),
    Proof(
        "reports",
        Level.REAL_SOFTWARE,
        "read back by the tests; HTML in a real browser, SARIF against a schema of the part that is used",
        "no code host has taken an upload",
        ("tests/assess/test_reports_contract.py", "tests/assess/test_reports_browser.py"),
    ),
    Proof(
        "OSCAL: assessment results, plan of action, catalog",
        Level.REAL_SOFTWARE,
        "held to NIST's JSON schemas of OSCAL 1.2.1 and to a stricter one of our own; read once by compliance-trestle",
        "no GRC system has taken an upload",
        ("tests/assess/test_reports_oscal.py",),
    ),
    Proof(
        "OCSF Compliance Findings",
        Level.REAL_SOFTWARE,
        "held to a strict schema of the class in OCSF 1.8; read once by py-ocsf-models, which knows OCSF 1.5",
        "no SIEM has taken an event",
        ("tests/assess/test_reports_ocsf.py",),
    ),
    Proof(
        "CycloneDX inventory and attestations",
        Level.REAL_SOFTWARE,
        "held to a strict schema of the part that is used; validated once by cyclonedx-python-lib against the standard's",
        "no inventory system has taken one",
        ("tests/assess/test_reports_cyclonedx.py",),
    ),
    Proof(
        "JUnit XML",
        Level.REAL_SOFTWARE,
        "parsed by the tests with any text for a name; validated once against the schema that Jenkins' xUnit plugin uses",
        "no CI system has taken one",
        ("tests/assess/test_reports_junit.py",),
    ),
    Proof(
        "secrets stay out of every output",
        Level.REAL_SOFTWARE,
        "a marked secret in configuration and plan, looked for in every format, the state and every message",
        "secrets that nothing marks as such",
        ("tests/cli/test_canary.py",),
    ),
    Proof(
        "snapshots in SQLite",
        Level.REAL_SOFTWARE,
        "written, read, torn and damaged by the tests",
        "",
        ("tests/store/test_snapshots.py",),
    ),
    Proof(
        "snapshots in PostgreSQL",
        Level.REAL_SOFTWARE,
        "a server that the test starts, where the machine has one",
        "one version of the server; not part of the ordinary test run",
        ("tests/integration/test_postgres.py",),
    ),
    Proof(
        "what changed: runs, sources, drift, trends",
        Level.REAL_SOFTWARE,
        "every transition of a finding, code against states that the tests write, runs in SQLite and in PostgreSQL",
        "no state of a real organisation has been compared with its code",
        (
            "tests/app/test_comparing.py",
            "tests/app/test_history.py",
            "tests/cli/test_diff_cli.py",
            "tests/cli/test_trend_cli.py",
            "tests/integration/test_postgres.py",
        ),
    ),
    Proof(
        "the 30/60/90-day plan",
        Level.REAL_SOFTWARE,
        "made from findings of the tests and from example estates",
        "no organisation has worked through one",
        ("tests/plan/test_ninety_days.py",),
    ),
    Proof(
        "rules of your own (YAML with CEL)",
        Level.REAL_SOFTWARE,
        "the CEL library itself, in its fenced child, against an independent model of three-valued logic; rules that "
        "loop, grow and nest, stopped by the kernel",
        "one version of the library; whatever it computes beyond logic and comparison is its own word",
        ("tests/assess/test_rule_language.py", "tests/app/test_rules.py", "tests/cli/test_rules_cli.py"),
    ),
    Proof(
        "the mathematics of the transparency log",
        Level.REAL_SOFTWARE,
        "proofs, tiles, notes and checkpoints against Go's sumdb packages, and against logs that Tessera wrote",
        "ML-DSA-44 cosignatures only against the specification's layout and our own round trips",
        ("tests/kit/test_tlog_merkle.py", "tests/kit/test_tlog_tiles.py", "tests/interop/test_we_verify_tessera.py"),
    ),
    Proof(
        "the log in a folder: what was acknowledged survives",
        Level.REAL_SOFTWARE,
        "errors and kills injected by strace at every call that touches it, kill -9 under load, a full disk",
        "power was never really cut; one file system (that of the machine that runs the tests)",
        ("tests/integration/test_log_faults.py", "tests/integration/test_log_kills.py"),
    ),
    Proof(
        "the log in PostgreSQL",
        Level.REAL_SOFTWARE,
        "a server that the test starts, kills and restarts",
        "one version of the server; no fail-over to a replica",
        ("tests/integration/test_log_in_postgres.py",),
    ),
    Proof(
        "the log in an S3-compatible bucket",
        Level.REAL_SOFTWARE,
        "versitygw, a server that the test builds and starts, and connections cut in the middle of a write",
        "Amazon S3 itself",
        ("tests/integration/test_log_in_bucket.py",),
    ),
    Proof(
        "witnesses: server and client",
        Level.REAL_SOFTWARE,
        "each against the other over HTTP, and every answer that the specification names",
        "no witness or log of another project",
        ("tests/serve/test_serve_witness.py", "tests/ledger/test_cosigners.py"),
    ),
    Proof(
        "AMD SEV-SNP reports, versions 2, 3 and 5 (`attest verify`)",
        Level.RECORDED,
        "reports of Milan and Genoa machines with AMD's own chains; chains, reports and lists minted under a test's root",
        "no report of Turin and no list of AMD's own was at hand; both are minted",
        ("tests/attest/test_snp.py",),
    ),
    Proof(
        "Intel TDX and SGX quotes (`attest verify`)",
        Level.RECORDED,
        "quotes of versions 3, 4 and 5 with Intel's own collateral, beside dcap-qvl's verdict on each; minted forgeries",
        "collateral of one hardware generation for each quote; no quote with certification data other than a chain",
        ("tests/attest/test_dcap_vectors.py", "tests/attest/test_dcap_forgeries.py"),
    ),
    Proof(
        "AWS Nitro documents (`attest verify`)",
        Level.RECORDED,
        "documents of three enclaves under AWS's own root; documents minted under a test's root",
        "no enclave was started here",
        ("tests/attest/test_nitro.py",),
    ),
    Proof(
        "NVIDIA GPUs: reports, manifests, certificate status (`attest verify`)",
        Level.RECORDED,
        "reports of Hopper and Blackwell GPUs, manifests and OCSP answers under NVIDIA's own roots; the same minted",
        "no manifest of a Blackwell GPU was at hand; NVSwitches are not judged; manifests and answers are not fetched",
        ("tests/attest/test_nvidia.py",),
    ),
    Proof(
        "Azure confidential VMs on SEV-SNP and TDX (`attest verify`)",
        Level.RECORDED,
        "reports and vTPM quotes of four VMs under AMD's and Intel's own roots; the same minted, with forgeries",
        "no collateral of the recorded TDX machine and no revocation list was at hand; tokens of Microsoft's own "
        "verifier (MAA) are not read",
        ("tests/attest/test_azure.py",),
    ),
    Proof(
        "Google Cloud attestation tokens (`attest verify`)",
        Level.RECORDED,
        "recorded claims of Confidential Space, which came without their signatures; signed tokens are minted",
        "no token that Google signed is among the tests (one was verified by hand); its key set is given, never fetched",
        ("tests/attest/test_gcp.py", "tests/kit/test_jose.py"),
    ),
    Proof(
        "TPM 2.0 quotes with event log and IMA list (`attest verify`), event logs (`attest eventlog`)",
        Level.REAL_SOFTWARE,
        "quotes of swtpm by tpm2-tools; recorded boots, logs and Google's virtual TPMs; forgeries minted by a test",
        "no TPM of silicon, and no certificate chain of a recorded attestation key was whole",
        ("tests/attest/test_tpm.py", "tests/attest/test_event_log.py", "tests/integration/test_swtpm.py"),
    ),
    Proof(
        "records of appraisals: `attest replay`, and as a source (`attest:`)",
        Level.REAL_SOFTWARE,
        "kept, logged, replayed, forged and found out through the commands",
        "a record is as good as the policy and the reference values in it: the log names their digests",
        ("tests/attest/test_appraising.py", "tests/assess/test_appraisal_checks.py"),
    ),
    Proof(
        "reference values: Nitro images, firmware of TDs, launch digests of SEV-SNP guests",
        Level.REAL_SOFTWARE,
        "the same files measured by AWS's eif_build, by Google's gce-tcb-verifier and by sev-snp-measure",
        "no machine has started the files that were measured; RTMR0 to RTMR3 are replayed, never computed from files",
        (
            "tests/attest/test_measure_images.py",
            "tests/attest/test_measure_workloads.py",
            "tests/attest/test_measure_references.py",
        ),
    ),
    Proof(
        "event logs of measured boot, replayed",
        Level.RECORDED,
        "logs of a TD and of a TPM on Google Cloud give the registers that were signed with them; eight more are read",
        "no log was taken from a machine here",
        ("tests/attest/test_measure_logs.py",),
    ),
    Proof(
        "endorsements from AMD's, Intel's and Azure's services",
        Level.RECORDED,
        "what the services answered elsewhere, and answers minted by the tests, served over HTTP on loopback: rate limits, "
        "refusals, wrong, slow and endless answers, the cache, collateral that then judges a recorded quote",
        "none of the services was reached; Azure's answer is minted",
        ("tests/collect/endorsements/test_endorsement_fetching.py", "tests/app/test_endorsements.py"),
    ),
    Proof(
        "bundles of endorsements (`attest bundle`)",
        Level.REAL_SOFTWARE,
        "made, signed, shown and taken in through the commands; changed, foreign and older ones refused",
        "",
        ("tests/cli/test_bundle_cli.py", "tests/kit/test_endorsement_bundle.py"),
    ),
    Proof(
        "evidence of this machine (`attest collect`)",
        Level.UNPROVEN,
        "made-up devices stand for them in the tests",
        "configfs-tsm, /dev/sev-guest and /dev/nsm were never asked on hardware that has them",
        (),
    ),
)
"""Every capability of this build, in the order of its use."""
