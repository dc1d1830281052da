"""nv-local-gpu-verifier over recorded evidence, run by the interpreter that has it: prints verifications a CPU second.

What it does is what it does for `--test_no_gpu`, without its requests for certificate status: report, chain of the device,
schema, chain and signature of both manifests, and the measurements. It knows no time but the clock's, at which the signers
of the recorded manifests have ended, so every chain is given the time of the recording.
"""

import json
import logging
import sys
import time
from datetime import datetime
from pathlib import Path


def main() -> None:
    """Arguments: seconds, report (hex), chain (PEM), the manifests of driver and VBIOS."""
    from OpenSSL import crypto  # noqa: PLC0415 - only the peer's interpreter has these
    from verifier.attestation import AttestationReport  # noqa: PLC0415 - same
    from verifier.cc_admin_utils import CcAdminUtils  # noqa: PLC0415 - same
    from verifier.config import HopperSettings  # noqa: PLC0415 - same
    from verifier.rim import RIM  # noqa: PLC0415 - same
    from verifier.verifier import Verifier  # noqa: PLC0415 - same

    logging.disable(logging.CRITICAL)
    begin, at = crypto.X509StoreContext.__init__, datetime(2025, 8, 21, 12)  # noqa: DTZ001 - pyOpenSSL takes none with a zone

    def then(self: object, store: object, *more: object, **named: object) -> None:
        store.set_time(at)
        begin(self, store, *more, **named)

    crypto.X509StoreContext.__init__ = then
    seconds, report, chain = float(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    settings, data = HopperSettings(), bytes.fromhex(report.read_text().strip())
    pems = [f"{part}-----END CERTIFICATE-----\n" for part in chain.read_text().split("-----END CERTIFICATE-----")[:-1]]

    def one() -> None:
        held = [crypto.load_certificate(crypto.FILETYPE_PEM, p.encode()) for p in pems]
        found = AttestationReport(data, settings)
        opaque = found.get_response_message().get_opaque_data()
        stated = opaque.get_data("OPAQUE_FIELD_ID_FWID").hex()
        good = CcAdminUtils.verify_gpu_certificate_chain(held, settings, stated)[0]
        good = good and found.verify_signature(held[0].to_cryptography(), 96, settings.HashFunction)
        rims = [RIM(name, settings, path) for name, path in zip(("driver", "vbios"), sys.argv[4:], strict=True)]
        good = good and all(r.validate_schema() and r.verify_signature(settings) for r in rims)
        if not good or not Verifier(found, *rims, settings).verify(settings):
            raise SystemExit("the peer refuses what it should take")

    one()
    rates = []
    for _ in range(3):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds:
            one()
            count += 1
        rates.append(count / spent)
    sys.stdout.write(json.dumps({"per_second": max(rates)}) + "\n")


if __name__ == "__main__":
    main()
