"""A report, and the chain of a vendor that does not exist: what a forger would offer. Written into a folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "attest"))
from snp_minting import genuine  # the tests mint their evidence there


def main(folder: Path) -> None:
    """Write report.bin, and the certificates and the list beside it."""
    minted = genuine()
    (folder / "vendor").mkdir(parents=True, exist_ok=True)
    (folder / "report.bin").write_bytes(minted.report)
    for number, certificate in enumerate((*minted.certificates, *minted.crls)):
        (folder / "vendor" / f"{number}.der").write_bytes(certificate)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
