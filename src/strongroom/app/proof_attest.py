"""How verifiers of evidence, and what serves them, have been exercised."""

from strongroom.app.proof_levels import Level, Proof

PROOFS = (
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
