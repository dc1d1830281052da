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
        "sealings that are cut off and gone on with, sources that change meanwhile",
        "no command and no key slot uses it yet; no other implementation has read it",
        ("tests/seal/test_floe.py", "tests/seal/test_sealed_folder.py", "tests/seal/test_sealed_vectors.py"),
    ),
)
