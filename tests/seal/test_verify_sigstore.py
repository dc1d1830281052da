"""What is made of a client of Sigstore's answer; the client here is made up, the real one is in the integration tests."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import signing_case as s

from strongroom.app.seal_verify import Trust
from strongroom.kit import dsse
from strongroom.model.errors import Malformed

CONFIG = b'{"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"}'
ROOT = b'{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'


class ClientError(Exception):
    """The root of the errors of the client."""


class Client:
    """A client that answers what a test wants, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: object = None
        self.asked: dict[str, object] = {}
        for name, held in {
            "sigstore": {},
            "sigstore.errors": {"Error": ClientError},
            "sigstore.models": {
                "Bundle": SimpleNamespace(from_json=lambda data: ("bundle", data)),
                "TrustedRoot": lambda inner: ("root", inner),
                "ClientTrustConfig": SimpleNamespace(from_json=self._config),
            },
            "sigstore.verify": {
                "Verifier": self._verifier,
                "policy": SimpleNamespace(Identity=lambda *, identity, issuer: (identity, issuer)),
            },
            "sigstore_models.trustroot.v1": {"TrustedRoot": SimpleNamespace(from_json=lambda data: ("inner", data))},
        }.items():
            module = ModuleType(name)
            vars(module).update(held)
            monkeypatch.setitem(sys.modules, name, module)

    def _config(self, text: str) -> object:
        if text != CONFIG.decode():
            raise ValueError("no such configuration\nof many lines")
        return SimpleNamespace(trusted_root="the root")

    def _verifier(self, *, trusted_root: object) -> object:
        self.asked["root"] = trusted_root
        return SimpleNamespace(verify_dsse=self._verify)

    def _verify(self, bundle: object, policy: object) -> object:
        self.asked |= {"bundle": bundle, "policy": policy}
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    return Client(monkeypatch)


@pytest.fixture
def case(tmp_path: Path) -> s.Case:
    made = s.Case(tmp_path, s.make_model(tmp_path / "model"))
    bundle = json.loads(made.signed())
    bundle["verificationMaterial"] = {"certificate": {"rawBytes": "YQ=="}, "tlogEntries": [{}]}
    Path(made.signature).write_text(json.dumps(bundle))
    return made


def trust(case: s.Case, config: bytes = CONFIG) -> Trust:
    return Trust(trust_config=s.put(case.folder / "config", config), identity="a@x", identity_provider="https://x")


def test_verify_sigstore_asks_for_the_identity_and_the_root(case: s.Case, client: Client) -> None:
    """The client gets the bundle as it lies there, the root that was given, and whom it must be of."""
    data = Path(case.signature).read_bytes()
    client.answer = (dsse.IN_TOTO, s.payload_of(data))
    found = case.verdict(trust(case))
    assert found.valid
    assert (found.signers[0].method, found.signers[0].names) == ("sigstore", ("a@x",))
    assert client.asked == {"root": "the root", "bundle": ("bundle", data), "policy": ("a@x", "https://x")}
    assert case.verdict(trust(case, ROOT)).valid
    assert client.asked["root"] == ("root", ("inner", ROOT))


def test_verify_sigstore_still_compares_the_files(case: s.Case, client: Client) -> None:
    """A signature that the client takes says nothing of files that have changed."""
    client.answer = (dsse.IN_TOTO, s.payload_of(Path(case.signature).read_bytes()))
    s.put(case.model / "z.txt", b"other")
    assert case.codes(trust(case)) == ["changed"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (ClientError("Not in the log.\nmore"), "not in the log"),
        (ValueError(), "ValueError"),
        (RuntimeError("what nobody foresaw, with the input in it"), "RuntimeError at "),
        ((dsse.IN_TOTO, b"another payload"), "read differently"),
        (("text/plain", None), "read differently"),
    ],
)
def test_verify_sigstore_takes_nothing_but_a_verified_payload(
    case: s.Case, client: Client, answer: object, found: str
) -> None:
    """An error of the client, a fault of it, and a payload that is not the one read here are each a reason."""
    client.answer = answer
    verdict = case.verdict(trust(case))
    assert [r.code.value for r in verdict.reasons] == ["sigstore"]
    assert found in verdict.reasons[0].found
    assert "foresaw" not in verdict.reasons[0].found
    assert verdict.signers == ()


@pytest.mark.parametrize("config", [b"", b"{}", b"[]", b"\xff"])
def test_verify_sigstore_wants_a_trust_configuration(case: s.Case, client: Client, config: bytes) -> None:
    """What is no trust configuration is unreadable, and no default takes its place."""
    with pytest.raises(Malformed, match="config"):
        case.verdict(trust(case, config))
    assert client.asked == {}
