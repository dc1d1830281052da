"""A token of SoftHSM with a key of each curve in it."""

import importlib
from pathlib import Path

import pytest
from pkcs11_case import PIN, TOKEN, make_token

CURVES = {"p256": "secp256r1", "p384": "secp384r1", "p521": "secp521r1"}


class Token:
    """A token with a key of each curve, whose label is the curve's."""

    def __init__(self, library: str, pin_file: str) -> None:
        self.library = library
        self.pin_file = pin_file
        self.public: dict[str, bytes] = {}
        pkcs11 = importlib.import_module("pkcs11")
        ec = importlib.import_module("pkcs11.util.ec")
        token = pkcs11.lib(library).get_token(token_label=TOKEN)
        with token.open(rw=True, user_pin=PIN) as session:
            for number, (label, curve) in enumerate(CURVES.items()):
                parameters = session.create_domain_parameters(
                    pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: ec.encode_named_curve_parameters(curve)}, local=True
                )
                public, _ = parameters.generate_keypair(store=True, label=label, id=bytes([number]))
                self.public[label] = ec.encode_ec_public_key(public)

    def uri(self, what: str, more: str = "") -> str:
        return f"pkcs11:token={TOKEN};{what}?module-path={self.library}{more or f'&pin-source=file:{self.pin_file}'}"


def made(folder: Path, patch: pytest.MonkeyPatch) -> Token:
    """A token in a folder, or a skip with what is missing."""
    token = make_token(folder, patch)
    pkcs11 = importlib.import_module("pkcs11")
    pkcs11.lib(token.options["module"]).reinitialize()  # it reads its configuration once a process
    return Token(token.options["module"], token.options["pin-file"])
