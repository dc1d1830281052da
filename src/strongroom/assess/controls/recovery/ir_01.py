"""IR-01: Wipe-and-rebuild from golden images."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="IR-01",
    title="Wipe-and-rebuild from golden images",
    verb=Verb.RESPOND,
    domain="Recovery",
    area="recovery",
    phase=90,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="On-prem: incident response; 90-day plan",
    what="Have a wipe-and-rebuild playbook for compromised nodes, and keep golden images.",
    why=(
        "After a compromise at node level nothing on the machine can be believed, and cleaning is a wager against an "
        "intruder who had root and perhaps the BMC. Rebuilding is only faster than cleaning when it has been "
        "practised: the image must be known good, the disk, the VRAM and the firmware have to be reset together or "
        "the implant waits in the part that was left out, and evidence and keys come before the wipe or never."
    ),
    fix=(
        "Build golden images in the pipeline, sign them, pin them by digest, and rebuild at least every 90 days with "
        "a matching measured reference. Automate the sequence (cordon, evidence, revoke keys, reset disk, VRAM and "
        "firmware, reimage, re-attest, uncordon) so that it refuses to skip a step, and make a failed erase keep the "
        "node out. Run it on a real node twice a year and compare the time with the RTO."
    ),
    limits=(
        "Both clauses rest on records: a drill shows that it worked once on that hardware. Erase commands can "
        "succeed without erasing (NVMe format with no secure-erase setting is the classic), so read back samples; "
        "firmware without a reset path cannot be proven clean."
    ),
    clauses=(
        Clause(
            id="IR-01.golden-image",
            text=(
                "The golden image is signed, pinned by digest, at most 90 days old, and boots to its measured "
                "reference."
            ),
            measured_by=("assert", "attest"),
        ),
        Clause(
            id="IR-01.rebuild-drill",
            text=(
                "The playbook was executed from end to end in a drill within the last 180 days (cordon, evidence "
                "capture, key revocation, reset of disk, VRAM and firmware, reimage, re-attest, uncordon), with a "
                "recorded time within the RTO."
            ),
            measured_by=("drill",),
        ),
    ),
    evidence="image registry+signature, drill record in tlog, post-rebuild attestation",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CP-10", "CP-10(4)", "IR-4", "CM-2(3)", "SI-14(1)", "SI-7(7)", "MP-6", "SC-34"),
        csa_aicm_domain=("SEF", "BCR", "CCC"),
        csa_ccm_4_1=("SEF-07", "CCC-09", "BCR-09"),
        rand_sl=("SL2-IR1", "SL3-MO5"),
        mitre_atlas=("AML.T0112",),
        mitre_attack=("T1542", "T1014", "T1547.006", "T1525"),
        owasp_aisvs=("3.3.2",),
    ),
)
