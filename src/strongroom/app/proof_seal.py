"""How signing, scanning and sealing of models have been exercised."""

from strongroom.app.proof_levels import Level, Proof

PROOFS = (
    Proof(
        "signatures of models (OMS 1.0): `seal sign`, `seal verify`",
        Level.REAL_SOFTWARE,
        "both ways with the command of model-signing 1.1.1: keys, certificates, SoftHSM 2, shards, BLAKE hashes; its bundles "
        "of every version, the specification's vectors, public Sigstore bundles offline",
        "no hardware token; revocation is not asked; nothing is signed through Sigstore",
        (
            "tests/seal/test_oms_vectors.py",
            "tests/seal/test_verify_model.py",
            "tests/seal/test_sign_model.py",
            "tests/integration/test_seal_oms.py",
        ),
    ),
    Proof(
        "what a model does when it is loaded, found without loading it: `seal scan`",
        Level.RECORDED,
        "samples of picklescan and modelaudit, and forms made up here; an audit hook sees that nothing is run or imported",
        "no checkpoint that torch itself wrote; HDF5 is searched and not parsed; TorchScript code is not analysed",
        (
            "tests/seal/test_scan_vectors.py",
            "tests/seal/test_scan_pickles.py",
            "tests/seal/test_scan_formats.py",
            "tests/seal/test_scan_hostile.py",
        ),
    ),
    Proof(
        "the sealed artifact: its format, written and read",
        Level.RECORDED,
        "known answers of FLOE's four implementations, both ways; every octet of an artifact changed, cut off, swapped; "
        "sealings that are killed at each write and gone on with, sources that change meanwhile, full disks",
        "no other implementation has read it",
        (
            "tests/seal/test_floe.py",
            "tests/seal/test_sealed_folder.py",
            "tests/seal/test_sealed_vectors.py",
            "tests/seal/test_create_open.py",
        ),
    ),
    Proof(
        "who opens an artifact: identities, age, escrow, key back ends, brokers: `seal create`, `open`, `rewrap`",
        Level.SIMULATED,
        "a swtpm host opens a model by one command, through a serving broker, and an implanted one does not; minted SEV-SNP "
        "evidence, with each thing missing in turn; the vectors of age, and its own command, both ways",
        "no confidential VM has opened one; no cloud's key service has wrapped one; plugins of age were not run",
        (
            "tests/seal/test_slots.py",
            "tests/seal/test_seal_gate.py",
            "tests/integration/test_seal_on_a_host.py",
            "tests/integration/test_seal_age.py",
        ),
    ),
    Proof(
        "descriptions of models: `seal bom`, `seal provenance`",
        Level.REAL_SOFTWARE,
        "the schema of CycloneDX 1.7; statements of SLSA v1 with every kind of difference told",
        "no other verifier of provenance has read ours",
        ("tests/seal/test_bom.py", "tests/seal/test_provenance.py"),
    ),
    Proof(
        "sealed models in the programs that load them: strongroom.models",
        Level.REAL_SOFTWARE,
        "transformers 5 answers the same from the artifact as before it was sealed; safetensors opens a file in memory; torch "
        "and numpy save checkpoints into one; a FUSE mount and fsspec, with damage",
        "no GPU; vLLM was not run, and its example is unproven",
        (
            "tests/seal/test_models.py",
            "tests/seal/test_checkpoints.py",
            "tests/seal/test_mounting.py",
            "tests/seal/test_filesystem.py",
            "tests/integration/test_seal_loaders.py",
        ),
    ),
)
