"""PHY-02: Hardware supply chain and component identity."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="PHY-02",
    title="Hardware supply chain and component identity",
    verb=Verb.ATTEST,
    domain="Physical",
    area="physical",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="onprem",
    guide="On-prem: physical security; Emerging standards",
    what="Secure the supply chain: the components are genuine, and they are the ones that were ordered.",
    why=(
        "Between factory and rack a server passes through many hands, and again at every repair. A swapped NIC or "
        "BMC flash chip is below anything the operating system can examine, and grey-market GPUs come with a past. "
        "Comparing serials with the purchase record catches the crude cases; device certificates that chain to the "
        "vendor's root catch those where the serial was copied. The end of life belongs to it too: drives and cards "
        "sold with data on them are a yearly news item."
    ),
    fix=(
        "Take the serial and UUID list from the supplier's order, not from the first boot, and compare it on arrival "
        "and continuously. Verify what the hardware can prove (TPM endorsement certificate, platform certificate, "
        "SPDM for GPUs and NICs), and record explicitly what cannot prove anything. Route every component change "
        "through a ticket, alert on the rest, and demand a sanitisation record before a machine leaves the asset "
        "register."
    ),
    limits=(
        "Serials are strings that firmware reports about itself. Certificates prove the identity of the device with "
        "the key, not that nothing was added beside it; older components have none, and the sanitisation record is "
        "as good as the process behind it."
    ),
    clauses=(
        Clause(
            id="PHY-02.serials-equal-purchase",
            text="The set of serials and UUIDs equals the purchase record.",
            measured_by=("host", "redfish", "assert"),
        ),
        Clause(
            id="PHY-02.component-certs",
            text="Platform certificates and SPDM component certificates verify to vendor roots where available.",
            measured_by=("redfish", "attest"),
        ),
        Clause(
            id="PHY-02.change-alerts",
            text="An unexplained component change is an alert.",
            measured_by=("redfish",),
        ),
        Clause(
            id="PHY-02.sanitised",
            text="A decommissioned component has a sanitisation record.",
            measured_by=("ledger", "assert"),
        ),
    ),
    evidence="Redfish ComponentIntegrity/SPDM, TCG platform cert, TPM EK cert chain, GPU device cert, asset register",
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("SR-3", "SR-4(1)", "SR-4(3)", "SR-9", "SR-10", "SR-11", "SR-12", "PE-20"),
        csa_aicm_domain=("STA", "DCS"),
        csa_ccm_4_1=("STA-08", "DCS-07", "DCS-02"),
        rand_sl=("SL3-HW1", "SL3-SU2", "SL5-SU2"),
        mitre_atlas=("AML.T0010.000",),
        mitre_attack=("T1195.003", "T1200"),
        owasp_aisvs=("4.2.1",),
    ),
)
