"""The requester: what it sends, what it takes for an answer, and how it ends when the broker is not what it should be."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import broker_rig as b
import composite_minting as c
import kinds_rig as k
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from served_broker import Answer, Served, certified, serving

from strongroom.app.release_client import Client, To
from strongroom.app.release_words import OutOfReach, TurnedAway
from strongroom.kit import jws, kbs, kbs_client
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, StrongroomError, Unreadable


@dataclass
class At:
    """A broker, where it is served, and a machine that it expects."""

    rig: k.KindRig
    served: Served
    kind: k.Kind

    def client(self, **fields: object) -> Client:
        """A client of the machine; `fields` change what it is told of the broker."""
        to = replace(To(self.served.url, str(self.served.ca), timeout=5.0), **fields)  # type: ignore[arg-type] # by name
        return Client(to, self.kind, lambda: self.rig.now)

    def spoil(self, path: str, how: Callable[[Answer], Answer]) -> None:
        """Make one answer wrong."""
        self.served.spoil[path] = how


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    """A broker and an SEV-SNP guest."""
    kind = k.KINDS["snp"]()
    made = k.KindRig(tmp_path, now=kind.now, kind=kind)
    with serving(made.broker, tmp_path) as served:
        yield At(made, served, kind)
    made.log.close()
    made.store.close()


def failing(at: At, **fields: object) -> StrongroomError:
    """The error of asking for the weights."""
    with at.client(**fields) as client, pytest.raises(StrongroomError) as told:
        client.get(b.WEIGHTS)
    return told.value


# The certificate and the line


def test_another_authority_is_refused(at: At, tmp_path: Path) -> None:
    """A certificate by an authority that was not named is no broker, and nothing of this machine is sent there."""
    folder = tmp_path / "other"
    folder.mkdir()
    told = failing(at, ca=str(certified(folder, "other")[0]))
    assert isinstance(told, OutOfReach)
    assert "certificate" in told.found
    assert at.served.asked == []


def test_another_name_is_refused(at: At) -> None:
    """A certificate that is not for the host that was named is no broker."""
    told = failing(at, url=at.served.url.replace("127.0.0.1", "localhost"))
    assert isinstance(told, OutOfReach)
    assert at.served.asked == []


def test_plain_http_does_not_leave_this_machine() -> None:
    """A broker on another host is spoken to by https only."""
    with pytest.raises(BadInput, match="http to another host"):
        Client(To("http://broker.example"), k.KINDS["snp"](), lambda: c.x.NOW)


def test_a_file_without_authorities_is_told(tmp_path: Path) -> None:
    """A file of authorities that is none is named."""
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(Unreadable, match="PEM"):
        Client(To("https://broker.example", str(tmp_path / "ca")), k.KINDS["snp"](), lambda: c.x.NOW)


def test_an_unknown_algorithm_is_told() -> None:
    """RSA1_5 is not spoken."""
    with pytest.raises(BadUsage, match="RSA-OAEP-256"):
        Client(To("http://127.0.0.1", algorithm="RSA1_5"), k.KINDS["snp"](), lambda: c.x.NOW)


def test_a_broker_that_is_down_is_out_of_reach(at: At) -> None:
    """Where nobody listens, the client says so, with exit code 3."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = failing(at, url=f"https://127.0.0.1:{free.getsockname()[1]}")
    assert isinstance(told, OutOfReach)
    assert told.exit_code == 3


def test_a_broker_that_never_answers_is_out_of_reach(at: At) -> None:
    """A broker that takes the connection and is silent is given up on."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = failing(at, url=f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
    assert isinstance(told, OutOfReach)


def test_a_broker_that_stops_in_the_middle_is_out_of_reach(at: At) -> None:
    """Half an answer is none."""
    listening = socket.create_server(("127.0.0.1", 0))

    def half() -> None:
        connected, _ = listening.accept()
        with connected:
            connected.recv(65536)
            connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")

    with listening:
        thread = threading.Thread(target=half)
        thread.start()
        told = failing(at, url=f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()
    assert isinstance(told, OutOfReach)


# What the broker answers


def refusing(status: int, kind: str = "PolicyDeny", detail: str = "no") -> Callable[[Answer], Answer]:
    """An answer that is a refusal."""
    return lambda _: (status, kbs.problem(kind, detail), {})


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("auth", 503, OutOfReach),
        ("auth", 429, OutOfReach),
        ("attest", 401, TurnedAway),
        ("attest", 503, OutOfReach),
        ("llm-1", 401, TurnedAway),
        ("llm-1", 403, TurnedAway),
        ("llm-1", 404, Malformed),
        ("auth", 302, Malformed),
    ],
)
def test_refusals_are_told_apart(at: At, path: str, status: int, kind: type[StrongroomError]) -> None:
    """No is 1, not now is 3, and what is neither is 2; a redirect is not followed."""
    at.spoil(path, refusing(status))
    told = failing(at)
    assert type(told) is kind
    assert told.exit_code == {TurnedAway: 1, OutOfReach: 3, Malformed: 2}[kind]  # type: ignore[index] # one of these


def test_another_version_is_told(at: At) -> None:
    """A broker of another protocol version is named as that, with the version that it serves."""
    at.spoil("auth", refusing(400, "ProtocolVersion", "this broker serves protocol 0.9.x"))
    assert "0.9.x" in str(failing(at))


def test_what_a_refusal_says_is_made_harmless(at: At) -> None:
    """Control characters of a broker do not reach a terminal."""
    at.spoil("auth", refusing(401, "\x1b[2J", "\x1b[31mred\nline"))
    told = str(failing(at))
    assert told.isprintable()


WRONG: dict[str, tuple[str, Callable[[Answer], Answer], str]] = {
    "no JSON": ("auth", lambda a: (200, b"<html>", a[2]), "challenge"),
    "no nonce": ("auth", lambda a: (200, b"{}", a[2]), "nonce"),
    "a short nonce": ("auth", lambda a: (200, kbs.challenge(b"short", "sha384"), a[2]), "5 octets"),
    "an empty nonce": ("auth", lambda a: (200, b'{"nonce": ""}', a[2]), "0 octets"),
    "no base64": ("auth", lambda a: (200, b'{"nonce": "%%%"}', a[2]), "base64"),
    "a weak hash": ("auth", lambda a: (200, kbs.challenge(bytes(32), "sha1"), a[2]), "sha1"),
    "a member twice": ("auth", lambda a: (200, b'{"nonce": "", "nonce": ""}', a[2]), "challenge"),
    "no session": ("auth", lambda a: (200, a[1], {}), "cookie"),
    "another's session": ("auth", lambda a: (200, a[1], {"Set-Cookie": "other=1"}), "cookie"),
    "no token": ("attest", lambda _: (200, b"{}", {}), "token"),
    "a token that is none": ("attest", lambda _: (200, b'{"token": "a.b.c"}', {}), ""),
    "no JWE": ("llm-1", lambda _: (200, b"{}", {}), "flattened form"),
    "the secret in the clear": ("llm-1", lambda _: (200, b.SECRET, {}), "JSON"),
}


@pytest.mark.parametrize(("path", "how", "words"), WRONG.values(), ids=WRONG)
def test_an_answer_that_is_none_is_refused(at: At, path: str, how: Callable[[Answer], Answer], words: str) -> None:
    """What is not of the protocol is named, with exit code 2, and no secret comes of it."""
    at.spoil(path, how)
    told = failing(at)
    assert isinstance(told, BadInput)
    assert words.lower() in str(told).lower()


def _changed(member: str) -> Callable[[Answer], Answer]:
    def change(answer: Answer) -> Answer:
        held = json.loads(answer[1])
        first = held[member][0]
        held[member] = ("B" if first != "B" else "C") + held[member][1:]
        return 200, json.dumps(held).encode(), {}

    return change


@pytest.mark.parametrize("member", ["encrypted_key", "iv", "ciphertext", "tag", "protected"])
def test_a_changed_answer_does_not_open(at: At, member: str) -> None:
    """One changed letter anywhere in the answer, and nothing comes of it."""
    at.spoil("llm-1", _changed(member))
    assert isinstance(failing(at), BadInput)


def test_an_answer_for_another_key_does_not_open(at: At) -> None:
    """An answer that was encrypted to the key of before is of no use to the one of now."""
    kept: list[bytes] = []

    def keep(answer: Answer) -> Answer:
        kept.append(answer[1])
        return answer[0], kept[0], answer[2]

    at.spoil("llm-1", keep)
    with at.client() as client, client.get(b.WEIGHTS):
        pass
    assert isinstance(failing(at), BadSignature)


def test_a_token_for_another_key_is_refused(at: At) -> None:
    """A broker that vouches for another's key was not answering this machine."""

    def other(answer: Answer) -> Answer:
        claims = dict(b.claims_of(json.loads(answer[1])["token"])) | {"cnf": {"jwk": c.jwk(c.OTHER)}}
        token = jws.sign(json.dumps(claims).encode(), {}, ec.derive_private_key(77, ec.SECP256R1()))
        return 200, json.dumps({"token": token}).encode(), {}

    at.spoil("attest", other)
    told = failing(at)
    assert isinstance(told, BadSignature)
    assert "/kbs/v0/resource/models/weights/llm-1" not in at.served.asked


def test_a_name_that_is_none_is_not_asked_for(at: At) -> None:
    """Nothing is sent for a name that cannot be one."""
    with at.client() as client, pytest.raises(Malformed, match="REPOSITORY/TYPE/TAG"):
        client.get("../../etc/passwd")
    assert at.served.asked == []


# One attestation, and when there is another


def test_one_attestation_serves_several_resources(at: At) -> None:
    """Another resource comes by the attestation of before; the same one again by a new one: a release is good for once."""
    with at.client() as client:
        client.get(b.WEIGHTS).wipe()
        with pytest.raises(TurnedAway, match="PolicyDeny"):
            client.get("models/weights/none")
        assert at.served.asked.count("/kbs/v0/attest") == 1
        with client.get(b.WEIGHTS) as again:
            assert bytes(again) == b.SECRET
        assert at.served.asked.count("/kbs/v0/attest") == 2


def test_an_attestation_that_ended_is_made_again(at: At) -> None:
    """After its minutes the client attests anew, by our clock or because the broker says so by its own."""
    at.rig.policy = msgspec.structs.replace(at.rig.policy, rules=(at.rig.rule(resource="models/*/*"),))
    with at.client() as client:
        first = client.attest()
        at.rig.later(minutes=6)
        client.get(b.WEIGHTS).wipe()
        assert client.session() is not first
        second = client.session()
        at.spoil("llm-2", lambda _: (401, kbs.problem("TokenNotFound", "begin with auth"), {}))
        with pytest.raises(TurnedAway, match="TokenNotFound"):
            client.get("models/weights/llm-2")
        assert client.session() is not second


def test_every_attestation_has_a_key_of_its_own(at: At) -> None:
    """The key is made for one attestation, and let go of with it."""
    with at.client() as client:
        held = {json.dumps(dict(client.attest().standing.key), sort_keys=True) for _ in range(3)}
    assert len(held) == 3


@pytest.mark.parametrize("times", [(0, 90_000_000), (500, 400), (0, 0)])
def test_a_token_cannot_last_for_long(at: At, times: tuple[int, int]) -> None:
    """A token that claims years, or ends before it began, is good for a day at most, and at least for nothing."""
    with at.client() as client:
        standing = client.attest().standing
        made = replace_session(client, standing._replace(issued=times[0], ends=times[1]))
    assert timedelta(0) <= made.length <= timedelta(days=1)


def replace_session(client: Client, standing: kbs_client.Standing):  # type: ignore[no-untyped-def] # noqa: ANN201 - the client's own
    """The session of a client with another standing."""
    return replace(client.session(), standing=standing)


@pytest.mark.parametrize(
    ("header", "cookie"),
    [
        ("kbs-session-id=abc; Path=/", "abc"),
        ("other=1, kbs-session-id=abc", "abc"),
        ('kbs-session-id="abc"; Secure', "abc"),
        ("xkbs-session-id=abc", ""),
        ("kbs-session-id=a\r\nX: y", ""),
        ("", ""),
    ],
)
def test_the_session_of_a_header(header: str, cookie: str) -> None:
    """The session is read from the header as browsers do, and nothing else is sent back."""
    assert kbs_client.cookie(header) == cookie


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({kbs.LEASE: "42"}, 42),
        ({kbs.LEASE: "0"}, 0),
        ({kbs.LEASE: "9" * 30}, 86_400),
        ({kbs.LEASE: "soon"}, 300),
        ({}, 300),
    ],
    ids=["told", "none left", "without end", "no number", "not told"],
)
def test_what_was_got_is_held_as_long_as_the_broker_says(at: At, told: dict[str, str], seconds: int) -> None:
    """The shortest lease of what was got counts; without one, what was got is held until the attestation is over."""
    at.spoil("llm-1", lambda a: (a[0], a[1], {**a[2], **told}))
    with at.client() as client:
        client.get(b.WEIGHTS).wipe()
        session = client.session()
    assert session.kept_until == at.rig.now + timedelta(seconds=seconds)
