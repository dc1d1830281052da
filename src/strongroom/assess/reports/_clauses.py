"""Which clause a finding speaks of, and what other catalogues call its control."""

from strongroom.assess.judge import SOURCE_CHECK, SOURCE_CLAUSE
from strongroom.model.control import Finding, Mappings
from strongroom.model.ports import Catalogue

# Catalogues whose ids are requirements; techniques of attackers are not.
STANDARDS = (
    ("nist_800_53_r5", "NIST SP 800-53 Rev. 5"),
    ("csa_ccm_4_1", "CSA CCM 4.1"),
    ("rand_sl", "RAND RR-A2849-1"),
    ("owasp_aisvs", "OWASP AISVS 1.0"),
)


def clause_of(f: Finding, catalogue: Catalogue) -> str:
    """The clause that the finding's check proves; the control itself where no check of the catalogue stands behind."""
    check = catalogue.checks.get(f.check)
    if check is not None:
        return check.clause
    return SOURCE_CLAUSE if f.check == SOURCE_CHECK else f.control


def standards(maps: Mappings) -> list[str]:
    """What other catalogues call the same requirement, as `STANDARD ID`; ids only."""
    return [f"{name} {ident}" for field, name in STANDARDS for ident in getattr(maps, field)]
