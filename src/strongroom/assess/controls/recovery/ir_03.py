"""IR-03: Rapid key rotation and access revocation."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="IR-03",
    title="Rapid key rotation and access revocation",
    verb=Verb.RESPOND,
    domain="Recovery",
    area="recovery",
    phase=90,
    phase_basis="stated",
    priority="crown-jewel",
    scope="both",
    guide="On-prem: incident response",
    what="Be able to rotate keys and revoke access quickly.",
    why=(
        "In an incident the first hour is spent finding out where a credential is valid: sessions outlive disabled "
        "users, SSH certificates ignore the directory, BMC accounts are local, and an attestation allow-list happily "
        "accepts last month's image. Each forgotten place is a door that stays open after the announcement that the "
        "attacker has been removed. Keys are slower still, since every data key wrapped under the compromised one "
        "has to be re-wrapped before the old can be refused."
    ),
    fix=(
        "List for one identity and one key every system that honours it, and script the revocation for all of them, "
        "session invalidation included. Make re-wrapping an operation on headers and not on payloads, so that four "
        "hours are enough. Drill each quarter with a real test identity and key, take the time from order to last "
        "refusal, and finish by trying the old credential everywhere and recording that it was refused."
    ),
    limits=(
        "Only the drill shows this, and only for the systems on its list; an unknown consumer of the key appears as "
        "an outage. Re-wrapping does not take back a data key that the attacker already extracted: for that the "
        "artifact itself has to be re-encrypted."
    ),
    clauses=(
        Clause(
            id="IR-03.revoke-drill",
            text=(
                "A drill at most 90 days old revoked an identity and a compromised key everywhere (KMS, tokens, SSH "
                "CA, BMC, attestation allow-list) and re-wrapped all DEKs."
            ),
            measured_by=("drill",),
        ),
        Clause(
            id="IR-03.time-to-revoke",
            text=(
                "The time to revoke that the drill measured is within the target (15 min for an identity, 4 hours "
                "for keys)."
            ),
            measured_by=("drill",),
        ),
        Clause(
            id="IR-03.old-key-refused",
            text="The old key is provably refused after its revocation.",
            measured_by=("drill",),
        ),
    ),
    evidence="drill record, KMS state, negative probe with revoked credential",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-12", "AC-2(13)", "IR-4(2)", "IA-5", "AC-2(3)"),
        csa_aicm_domain=("CEK", "IAM", "SEF"),
        csa_ccm_4_1=("CEK-13", "CEK-19", "CEK-12", "IAM-07", "SEF-07"),
        rand_sl=("SL2-IR1", "SL2-WS2"),
        mitre_atlas=("AML.T0055", "AML.T0012", "AML.T0091.000"),
        mitre_attack=("T1528", "T1550.001", "T1098.001", "T1552"),
    ),
)
