"""How the release of keys, and what holds them, have been exercised."""

from strongroom.app.proof_levels import Level, Proof

PROOFS = (
    Proof(
        "keys in a folder, under a passphrase or a TPM (key back end `file`)",
        Level.REAL_SOFTWARE,
        "Argon2id and AES-256-GCM of the host's library; killed at each step of its writes; sealed to swtpm with and "
        "without registers, opened after a boot, refused by another chip and after another boot",
        "no TPM of silicon; who takes a discrete chip's place on the bus while it is sealed is not kept out",
        (
            "tests/keys/test_key_backends.py",
            "tests/keys/test_file_keys.py",
            "tests/keys/test_key_envelope.py",
            "tests/integration/test_keys_in_tpm.py",
        ),
    ),
    Proof(
        "keys in a folder, under the OS keyring (key back end `file`)",
        Level.SIMULATED,
        "the package keyring with a keyring in memory behind it; keyrings in clear are refused, one that waits is cut off",
        "no Secret Service, KWallet or Keychain was unlocked",
        ("tests/keys/test_file_keys.py",),
    ),
    Proof(
        "keys in a PKCS#11 token (key back end `pkcs11`)",
        Level.REAL_SOFTWARE,
        "SoftHSM 2: AES-GCM, AES key wrap and RSA-OAEP with SHA-1; its process stopped and killed, the token taken away "
        "and put back, a wrong PIN once and never again",
        "no HSM of hardware; RSA-OAEP with SHA-256, which SoftHSM refuses; tokens that choose the nonce of AES-GCM "
        "themselves are not supported by that mechanism",
        ("tests/keys/test_key_backends.py", "tests/keys/test_pkcs11_keys.py"),
    ),
    Proof(
        "keys in OpenBao's transit engine (key back end `openbao`)",
        Level.REAL_SOFTWARE,
        "a real OpenBao with a token of one policy and with AppRole: rotated, deleted, withdrawn, revoked, sealed, killed; "
        "statuses, slowness and TLS of strangers from a server of the tests",
        "no Vault and no cluster; namespaces are only seen to be sent; logins by JWT and certificate are not there",
        ("tests/keys/test_key_backends.py", "tests/keys/test_openbao_keys.py"),
    ),
    Proof(
        "keys in AWS KMS (key back end `aws_kms`)",
        Level.SIMULATED,
        "a server of the tests with TLS that speaks KMS's JSON, its errors and metadata services; every signature of SigV4 "
        "is equal to botocore's; states of the key, throttling, slowness, redirects, strangers, answers for other keys",
        "never AWS itself; no role by web identity and no environment variables; regions with FIPS and dual-stack names "
        "only by `url`",
        ("tests/keys/test_key_backends.py", "tests/keys/test_cloud_keys.py", "tests/kit/test_sigv4.py"),
    ),
    Proof(
        "keys that AWS KMS releases to a Nitro enclave (`open_in_enclave`, CMS enveloped data)",
        Level.SIMULATED,
        "enveloped data minted as KMS writes it, with indefinite lengths; openssl writes what is opened here and opens what is "
        "minted here; other algorithms, recipients and keys, and changed octets are refused",
        "no enclave and no KMS: which attestation document KMS accepts is AWS's word",
        ("tests/kit/test_cms.py", "tests/keys/test_cloud_release.py"),
    ),
    Proof(
        "keys in Azure Key Vault and managed HSMs (key back end `azure`)",
        Level.SIMULATED,
        "a server of the tests with TLS that speaks the vault's JSON, its errors and the three logins; states of the key, "
        "throttling, slowness, redirects, strangers, answers for other keys, tokens that end",
        "never Azure itself; no managed HSM; clouds with other login hosts only by their options",
        ("tests/keys/test_key_backends.py", "tests/keys/test_cloud_keys.py"),
    ),
    Proof(
        "keys that an Azure vault releases to a TEE (secure key release)",
        Level.SIMULATED,
        "tokens signed under a root of the tests, in the form that Microsoft's documents and samples show; replays, other "
        "hosts, roots, keys and algorithms, and changed tokens are refused",
        "no vault, no token of Azure Attestation, and no token that a vault has signed",
        ("tests/keys/test_cloud_release.py",),
    ),
    Proof(
        "keys in Google Cloud KMS (key back end `gcp_kms`)",
        Level.SIMULATED,
        "a server of the tests with TLS that speaks Cloud KMS's JSON, its errors, the token exchange with impersonation, the "
        "metadata service and a service account's assertion; checksums, states, slowness, redirects, strangers",
        "never Google itself; no token of Confidential Space was exchanged",
        ("tests/keys/test_key_backends.py", "tests/keys/test_cloud_keys.py", "tests/kit/test_crc32c.py"),
    ),
    Proof(
        "the gate: only a receipt of the log opens a key",
        Level.REAL_SOFTWARE,
        "receipts of real logs against every back end: denials, others' resources, old, foreign and edited ones are "
        "refused before whoever holds the key is asked",
        "the receipts are of a log in a folder without witnesses; a quorum is asked for with a minted one",
        ("tests/kit/test_gate.py", "tests/keys/test_key_backends.py"),
    ),
    Proof(
        "getting keys with a TPM (`release get`, `release exec`, `strongroom.client`)",
        Level.REAL_SOFTWARE,
        "swtpm hosts that boot by a made-up log, over TLS on loopback, with keys in a folder, in SoftHSM 2 and in OpenBao: "
        "released after a good boot, refused with another initrd, another register and another TPM, and each decision "
        "proven from the log; brokers that are down, slow, strange or lying",
        "no TPM of silicon",
        (
            "tests/integration/test_release_swtpm.py",
            "tests/release/test_release_client.py",
            "tests/release/test_release_handing.py",
            "tests/release/test_release_exec.py",
            "tests/cli/test_release_commands.py",
        ),
    ),
    Proof(
        "the whole handshake for SEV-SNP, TDX, SGX, Nitro, Azure, Google and GPUs (`release get`, broker)",
        Level.SIMULATED,
        "evidence minted under roots of the tests, over TLS on loopback; evidence recorded on real machines is genuine at "
        "its own time and refused at the binding",
        "no confidential machine, no enclave and no GPU was asked for evidence here",
        ("tests/release/test_rcar_kinds.py", "tests/release/test_rcar_recorded.py"),
    ),
    Proof(
        "evidence of NVIDIA GPUs by NVML (`release get --gpus`)",
        Level.SIMULATED,
        "a stand-in for NVML with the names and fields of its Python module",
        "no GPU in confidential-computing mode was at hand",
        ("tests/release/test_release_evidence.py",),
    ),
    Proof(
        "evidence of Azure's virtual TPM (`attest collect`, `release get --interface azure-vtpm`)",
        Level.SIMULATED,
        "tools and a metadata service of the tests, which answer with minted reports, quotes and certificates; what is "
        "collected is affirmed by the verifier",
        "no machine of Azure was asked",
        ("tests/collect/test_collect_azure.py",),
    ),
    Proof(
        "verifying the broker before it is asked (`--broker-evidence-policy`)",
        Level.SIMULATED,
        "a broker that shows minted evidence of an SEV-SNP guest: old, of another certificate, or none, it is given nothing",
        "no broker ran inside of confidential hardware",
        ("tests/release/test_release_broker_shown.py",),
    ),
    Proof(
        "the broker denies when it fails, and logs it",
        Level.REAL_SOFTWARE,
        "a matrix of faults by moments of the protocol: verifier, endorsements, clock, log, database, back end, policies, "
        "replays, revocations; each with a real log and database, each denied, logged and searched for leaks. Killed at each "
        "of its durable steps, after which the log audits clean and nothing is out that is not in it; `release drill` beside a "
        "serving broker, on the evidence of a swtpm host, and on brokers that were made not to fail closed",
        "faults are of one broker over SQLite; the evidence is minted; slowness is a clock that goes on, not a wait; "
        "a cut of power is only tried on the log",
        (
            "tests/release/test_fail_closed.py",
            "tests/release/test_broker_kills.py",
            "tests/release/test_release_drill.py",
        ),
    ),
    Proof(
        "release policies: signed, tried on recorded appraisals, applied; administration, replay, backup",
        Level.REAL_SOFTWARE,
        "a real log and database and the file back end, from the command line; appraisals of nodes under minted roots; "
        "approvals forged in the database, archives and terms changed",
        "a broker on PostgreSQL is not backed up by this; no archive was restored on another machine",
        (
            "tests/kit/test_release_policy.py",
            "tests/release/test_release_admin.py",
            "tests/release/test_release_backup.py",
            "tests/cli/test_release_policy_cli.py",
        ),
    ),
    Proof(
        "attestation conditions of AWS KMS, Azure, Google Cloud and OpenBao, rendered and linted",
        Level.SIMULATED,
        "renderings pass their own lint, and for AWS and Google the reading that assessments make of them",
        "no cloud and no OpenBao took a rendering; formats are those of the documentation",
        ("tests/release/test_providers.py",),
    ),
    Proof(
        "the broker as a process, and the listener for people who administer it (`serve broker`)",
        Level.REAL_SOFTWARE,
        "the process over TLS on loopback, with its log and database; four roles by client certificates and by tokens of a "
        "made-up identity provider; faults, slowness, SIGTERM; fuzzed by its own OpenAPI; two brokers over one PostgreSQL",
        "no identity provider in use; no client of another project spoke to it",
        (
            "tests/serve/test_serve_broker.py",
            "tests/serve/test_broker_served.py",
            "tests/serve/test_broker_admin.py",
            "tests/serve/test_broker_ready.py",
            "tests/integration/test_broker_openapi.py",
            "tests/integration/test_broker_postgres.py",
        ),
    ),
    Proof(
        "several owners: certificates to attested keys, TLS between workloads, outputs to named recipients",
        Level.REAL_SOFTWARE,
        "four swtpm hosts, of which one has another measurement; real sockets with TLS 1.3 both ways; owners that withdraw",
        "no TPM of silicon; SPIFFE's own workloads and other TLS stacks were not asked",
        (
            "tests/integration/test_release_aggregation.py",
            "tests/release/test_certificates.py",
            "tests/release/test_outputs.py",
            "tests/release/test_attested_tls.py",
        ),
    ),
    Proof(
        "the source `broker:`, and its checks",
        Level.REAL_SOFTWARE,
        "brokers of the tests with real logs and databases: each release made again from the log and what was kept; records, "
        "terms and logs that were changed or deleted, policies that are not signed, states that are missing; nothing is written",
        "state in PostgreSQL was not read; no drill is run or read",
        ("tests/release/test_assess_broker.py", "tests/assess/test_broker_checks.py"),
    ),
)
