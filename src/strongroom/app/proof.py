"""How each capability of this build has been exercised. Nothing is called more proven than it is.

`docs/proof.md` and `strongroom doctor` are made from this list; a test holds that every file it cites exists. The rows
are in a file for each area.
"""

from strongroom.app import proof_assess, proof_attest, proof_isolate, proof_log, proof_release, proof_scrub, proof_seal

PROOFS = (
    *proof_assess.PROOFS,
    *proof_log.PROOFS,
    *proof_attest.PROOFS,
    *proof_release.PROOFS,
    *proof_seal.PROOFS,
    *proof_isolate.PROOFS,
    *proof_scrub.PROOFS,
)
