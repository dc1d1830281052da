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
        "no manifest of a Blackwell GPU was at hand, and no report says whether developer tools are on",
        ("tests/attest/test_nvidia.py", "tests/kit/test_ocsp.py"),
    ),
    Proof(
        "NVIDIA NVSwitches (`attest verify`)",
        Level.SIMULATED,
        "reports of switches minted under roots of the tests, each forged in one thing",
        "NVIDIA's sample report of an LS10, with its chain and its manifest, was verified by hand; it is not among the tests",
        ("tests/attest/test_nvswitch.py",),
    ),
    Proof(
        "fetching NVIDIA's manifests and certificate status (`[attest] nvidia_rim`, `nvidia_ocsp`)",
        Level.SIMULATED,
        "a server on this machine that speaks both protocols; names and hashes agree with recorded answers of NVIDIA's",
        "NVIDIA's own services were not reached",
        ("tests/collect/endorsements/test_nvidia_services.py",),
    ),
    Proof(
        "Azure confidential VMs on SEV-SNP and TDX (`attest verify`)",
        Level.RECORDED,
        "reports and vTPM quotes of four VMs under AMD's and Intel's own roots; the same minted, with forgeries",
        "no collateral of the recorded TDX machine, no revocation list and no event log of a recorded vTPM was at hand",
        ("tests/attest/test_azure.py",),
    ),
    Proof(
        "tokens of Microsoft Azure Attestation (`attest verify`)",
        Level.SIMULATED,
        "tokens of guests and platforms on both kinds of hardware, minted in the service's documented shapes; forgeries",
        "no token that Microsoft signed was at hand; the quote of the service's own enclave, in its certificates, is not judged",
        ("tests/attest/test_maa.py",),
    ),
    Proof(
        "key sets of Google's and Microsoft's attestation services",
        Level.SIMULATED,
        "discovery, rotation, unknown key ids, the cache and bundles, from a service on loopback",
        "neither service was reached",
        ("tests/collect/endorsements/test_key_sets.py",),
    ),
    Proof(
        "Google Cloud attestation tokens (`attest verify`)",
        Level.RECORDED,
        "recorded claims of Confidential Space, which came without their signatures; signed tokens are minted",
        "no token that Google signed is among the tests (one was verified by hand); no token of a plain VM was",
        ("tests/attest/test_gcp.py", "tests/kit/test_jose.py"),
    ),
    Proof(
        "TPM 2.0 quotes with event log and IMA list (`attest verify`), event logs (`attest eventlog`)",
        Level.REAL_SOFTWARE,
        "quotes of swtpm by tpm2-tools; an emulated host that boots under Secure Boot as it should, with an implanted initrd, "
        "told otherwise, and without Secure Boot; recorded boots, logs and Google's virtual TPMs; minted forgeries",
        "no TPM of silicon, and no certificate chain of a recorded attestation key was whole",
        (
            "tests/attest/test_tpm.py",
            "tests/attest/test_event_log.py",
            "tests/integration/test_swtpm.py",
            "tests/integration/test_measured_boot.py",
        ),
    ),
    Proof(
        "known boots, event by event (`attest learn`), and how far dbx is behind a signed list (`attest verify`)",
        Level.REAL_SOFTWARE,
        "boots of an emulated host, recorded and live, good, with an implanted initrd, told otherwise and without Secure Boot; "
        "Microsoft's own signed lists of 2014, 2020 and 2026 for x64; minted boots that differ in one event each",
        "no machine of silicon; lists for arm64 and under the key of 2023 are minted; a TD's log is not learned",
        (
            "tests/attest/test_known_boot.py",
            "tests/attest/test_learn.py",
            "tests/attest/test_dbx.py",
            "tests/integration/test_measured_boot.py",
        ),
    ),
    Proof(
        "enrolment of hosts by credential activation, and the agent (`attest agent`, `attest collect --interface tpm`)",
        Level.REAL_SOFTWARE,
        "swtpm with tpm2-tools: keys of every template certified by swtpm_localca, activation, resets, registers changed; "
        "forged enrolments minted by a test",
        "no TPM of silicon; no maker's own chain; lists of revoked endorsement keys are not looked at",
        (
            "tests/attest/test_enrolment.py",
            "tests/kit/test_tpm_credential.py",
            "tests/integration/test_watch_swtpm.py",
        ),
    ),
    Proof(
        "continuous attestation of hosts (`attest watch`, `serve attest`, `attest hosts`)",
        Level.REAL_SOFTWARE,
        "the server with the agent on swtpm: certified, trusted, restarted, changed, cloned; with minted TPMs replays, races, "
        "forgeries, silence, a lost log, kills; the store in SQLite and in PostgreSQL",
        "no TPM of silicon and no fleet: 10,000 hosts were played by one process; whole nodes are not watched, only TPMs",
        (
            "tests/attest/test_standing.py",
            "tests/app/test_watching.py",
            "tests/serve/test_serve_attest.py",
            "tests/integration/test_watch_server_swtpm.py",
            "tests/integration/test_watch_in_postgres.py",
        ),
    ),
    Proof(
        "a whole node: guest or TPM, GPUs and switches, one challenge and one key (`attest verify`)",
        Level.SIMULATED,
        "nodes minted under roots of the tests, each forged in one thing; a recorded guest with eight GPUs that answered "
        "somebody else is refused",
        "no node whose parts were bound in this way has been recorded",
        ("tests/attest/test_composite.py", "tests/kit/test_jwk.py"),
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
