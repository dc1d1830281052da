"""The agent's conversation, its patience, and what it tells: with a made-up TPM and server at both ends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.app import agent as module
from strongroom.app.agent import Agent, Identity, Outcome, Round, pause, rounds
from strongroom.app.agent_client import Activated, Challenge, Credential, RefusedError, Server, Standing, context
from strongroom.app.agent_running import Running, run_once
from strongroom.collect.evidence.tpm import Keys
from strongroom.ledger import asking
from strongroom.ledger.asking import NoAnswerError, Response
from strongroom.model.errors import BadInput, Unreadable

AREA = bytes.fromhex("0023000b000500720000 0010 0018000b 0003 0010 0020") + bytes.fromhex(
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "00204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
TRUSTED = Standing("trusted")


@dataclass
class MadeUpTpm:
    """Holds a key, and notes what it is asked."""

    troubles: tuple[str, ...] = ()
    asked: list[object] = field(default_factory=list)
    broken: bool = False
    certificates: tuple[bytes, ...] = (b"own",)

    def keys(self) -> Keys:
        if self.broken:
            raise Unreadable("tpm2 load", "no answer", "the TPM's answer", "is it gone?")
        return Keys(b"ek", self.certificates, AREA)

    def activate(self, blob: bytes, secret: bytes) -> bytes:
        return blob + secret

    def quote(self, nonce: bytes, bank: str, pcrs: tuple[int, ...]) -> bytes:
        self.asked.append((nonce, bank, pcrs))
        return b'{"quote":"of the nonce"}'


@dataclass
class MadeUpDesk:
    """Answers as it is told to: each of `said` once, the last for ever."""

    said: list[Standing | Exception] = field(default_factory=lambda: [TRUSTED])
    admitted: bool = True
    forgets: int = 0  # how many challenges are refused as from an unknown machine
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def enrol(self, host: str, ek: bytes, certificates: tuple[bytes, ...], ak: bytes) -> Credential:
        self.asked.append(("enrol", host, ek, certificates, ak))
        return Credential("session", b"blob", b"secret")

    def activate(self, session: str, opened: bytes) -> Activated:
        self.asked.append(("activate", session, opened))
        return Activated("node1", "000b", "first-use", self.admitted)

    def challenge(self, host: str, ak_name: str) -> Challenge:
        self.asked.append(("challenge", host, ak_name))
        if self.forgets:
            self.forgets -= 1
            raise RefusedError(404, "unknown")
        return Challenge(b"n" * 32, "sha384", (0, 7), 40.0)

    def evidence(self, host: str, nonce: bytes, document: bytes) -> Standing:
        self.asked.append(("evidence", host, nonce, document))
        found = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(found, Exception):
            raise found
        return found

    @property
    def kinds(self) -> list[object]:
        """What was asked, in order."""
        return [a[0] for a in self.asked]


def made(
    folder: Path, desk: MadeUpDesk, tpm: MadeUpTpm | None = None, chain: tuple[bytes, ...] = ()
) -> tuple[Agent, list[str]]:
    """An agent, and what it tells."""
    told: list[str] = []
    return Agent(Identity("https://verifier", "node1", folder, chain), tpm or MadeUpTpm(), desk, told.append), told


def test_it_enrols_once_and_then_answers(tmp_path: Path) -> None:
    """The first round enrols, later ones and those of a later run do not; the quote is what the server asked for."""
    desk, tpm = MadeUpDesk(), MadeUpTpm()
    agent, told = made(tmp_path, desk, tpm, (b"above",))
    assert agent.once().outcome is agent.once().outcome is Outcome.TRUSTED
    assert made(tmp_path, desk)[0].once().outcome is Outcome.TRUSTED
    assert desk.kinds == ["enrol", "activate", *["challenge", "evidence"] * 3]
    assert desk.asked[0] == ("enrol", "node1", b"ek", (b"own", b"above"), AREA)
    assert desk.asked[1] == ("activate", "session", b"blobsecret")
    assert desk.asked[3] == ("evidence", "node1", b"n" * 32, b'{"quote":"of the nonce"}')
    assert tpm.asked[0] == (b"n" * 32, "sha384", (0, 7))
    assert agent.interval == 40.0
    assert "first use" in told[0]
    assert told[1:] == ["standing: trusted"]


def test_without_a_certificate_no_chain_is_sent(tmp_path: Path) -> None:
    """Authorities alone are nobody's chain."""
    desk = MadeUpDesk()
    made(tmp_path, desk, MadeUpTpm(certificates=()), (b"above",))[0].once()
    assert desk.asked[0][3] == ()


def test_another_server_or_name_is_another_enrolment(tmp_path: Path) -> None:
    """The note of an enrolment is for one server and one name, and a damaged note is none."""
    desk = MadeUpDesk()
    made(tmp_path, desk)[0].once()
    other: list[str] = []
    Agent(Identity("https://other", "node1", tmp_path), MadeUpTpm(), desk, other.append).once()
    (tmp_path / "enrolled.json").write_text("{")
    Agent(Identity("https://other", "node1", tmp_path), MadeUpTpm(), desk, other.append).once()
    assert desk.kinds.count("enrol") == 3


def test_a_server_that_forgot_is_told_again(tmp_path: Path) -> None:
    """An enrolled machine that the server does not know enrols again, once a round."""
    desk = MadeUpDesk()
    agent, _ = made(tmp_path, desk)
    agent.once()
    desk.forgets = 1
    assert agent.once().outcome is Outcome.TRUSTED
    assert desk.kinds.count("enrol") == 2
    desk.forgets = 2
    assert agent.once().outcome is Outcome.COULD_NOT
    assert desk.kinds.count("enrol") == 3


def test_a_machine_that_waits_to_be_admitted_says_so(tmp_path: Path) -> None:
    """The owner's admission is not the agent's to presume."""
    _, told = (pair := made(tmp_path, MadeUpDesk([Standing("enrolled")], admitted=False)))
    assert pair[0].once().outcome is Outcome.NOT_TRUSTED
    assert "waits for the owner" in told[0]


def test_what_changes_is_told_once(tmp_path: Path) -> None:
    """A standing or a trouble is told when it changes, not with every round."""
    gone = NoAnswerError("connection refused")
    lost = Standing("lost", None, ("tpm.measurement",))
    desk = MadeUpDesk([TRUSTED, TRUSTED, gone, gone, lost, lost, TRUSTED])
    agent, told = made(tmp_path, desk)
    found = [agent.once().outcome.value for _ in range(7)]
    assert found == [0, 0, 3, 3, 1, 1, 0]
    assert told[1:] == [
        "standing: trusted",
        "no answer from https://verifier: connection refused",
        "standing: lost; failed: tpm.measurement",
        "standing: trusted",
    ]


def test_a_missing_log_is_told(tmp_path: Path) -> None:
    """A log that goes missing from the evidence is told once, with the reason."""
    agent, told = made(tmp_path, MadeUpDesk(), MadeUpTpm(("the log: permission denied",)))
    agent.once()
    agent.once()
    assert sum("permission denied" in t for t in told) == 1


def test_a_tpm_that_is_gone_is_no_end(tmp_path: Path) -> None:
    """A TPM that does not answer ends a round, with its hint, and the next one tries again."""
    tpm = MadeUpTpm(broken=True)
    agent, told = made(tmp_path, MadeUpDesk(), tpm)
    assert agent.once().outcome is Outcome.COULD_NOT
    assert "is it gone?" in told[0]
    tpm.broken = False
    assert agent.once().outcome is Outcome.TRUSTED


@given(
    outcome=st.sampled_from(Outcome),
    failures=st.integers(0, 10_000),
    interval=st.floats(1, 86_400),
    jitter=st.floats(0, 1),
    after=st.none() | st.floats(0, 1e9),
)
def test_it_never_hurries_and_never_sleeps_for_ever(
    outcome: Outcome, failures: int, interval: float, jitter: float, after: float | None
) -> None:
    """Whatever happened, there is a pause, it ends, and after a success it ends before the standing does."""
    seconds = pause(Round(outcome, "", after), failures, interval, jitter)
    assert 0.5 <= seconds <= 86_400
    if outcome is not Outcome.COULD_NOT:
        assert seconds <= 0.8 * interval
    elif after is not None:
        assert seconds >= min(after, 3600.0)


def test_failures_wait_twice_as_long_each_time() -> None:
    """The pause doubles from two seconds up to five minutes, and jitter takes off at most half."""
    grown = [pause(Round(Outcome.COULD_NOT, ""), n, 60.0, 1.0) for n in range(1, 12)]
    assert grown[:4] == [2.0, 4.0, 8.0, 16.0]
    assert grown[-1] == 300.0
    assert pause(Round(Outcome.COULD_NOT, ""), 3, 60.0, 0.0) == 4.0


def test_rounds_count_failures_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A success begins the counting anew."""
    monkeypatch.setattr(module.secrets, "randbelow", lambda _: 1000)
    gone = NoAnswerError("gone")
    agent, _ = made(tmp_path, MadeUpDesk([gone, gone, TRUSTED, gone, TRUSTED]))
    assert list(islice(rounds(agent), 5)) == pytest.approx([2.0, 4.0, 32.0, 2.0, 32.0])


# What is sent, and what is made of the answers


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Response], list[tuple[str, bytes]]]:
    """Makes every request be answered in one way; gives what was sent."""
    sent: list[tuple[str, bytes]] = []

    def prepared(answer: Response) -> list[tuple[str, bytes]]:
        def ask(_: object, tail: str, limit: int, body: bytes, extra: dict[str, str]) -> Response:
            assert extra == {"Content-Type": "application/json"}
            sent.append((tail, body))
            assert len(answer.body) <= limit
            return answer

        monkeypatch.setattr(asking.Caller, "ask", ask)
        return sent

    return prepared


def test_a_challenge_is_read_and_bounded(answering: Callable[[Response], list[tuple[str, bytes]]]) -> None:
    """Nonces that are short or long, and intervals of no time or of years, are no challenge."""
    form = '{"nonce":"%s","bank":"sha256","pcrs":[0,7],"interval":%s}'
    sent = answering(Response(200, "", (form % ("QUJDREVGR0hJSktMTU5PUA==", "60")).encode()))
    found = Server("http://127.0.0.1:1").challenge("node1", "000b")
    assert found == Challenge(b"ABCDEFGHIJKLMNOP", "sha256", (0, 7), 60.0)
    assert sent == [("attest/v0/challenge", b'{"host":"node1","ak_name":"000b"}')]
    for nonce, interval in (("QUJD", "60"), ("A" * 128, "60"), ("QUJDREVGR0hJSktMTU5PUA==", "0"), ("!", "60")):
        answering(Response(200, "", (form % (nonce, interval)).encode()))
        with pytest.raises(BadInput):
            Server("http://127.0.0.1:1").challenge("node1", "000b")


def test_a_refusal_is_told_in_the_servers_words(answering: Callable[[Response], list[tuple[str, bytes]]]) -> None:
    """A problem's detail is told, printable and short; its Retry-After counts; anything else is no reason given."""
    answering(
        Response(429, "", b'{"type":"x","title":"later","status":429,"detail":"busy\\u001b[2J"}', {"retry-after": "7"})
    )
    with pytest.raises(RefusedError, match=r"429.*busy \[2J") as told:
        Server("http://127.0.0.1:1").challenge("node1", "000b")
    assert (told.value.status, told.value.after) == (429, 7.0)
    answering(Response(500, "", b"<html>", {"retry-after": "soon"}))
    with pytest.raises(RefusedError, match="no reason given") as told:
        Server("http://127.0.0.1:1").challenge("node1", "000b")
    assert told.value.after is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"standing":1}', b"\xff"])
def test_an_answer_that_is_none_is_told(answering: Callable[[Response], list[tuple[str, bytes]]], body: bytes) -> None:
    """Whatever else comes with status 200 is bad input, never a standing."""
    answering(Response(200, "", body))
    with pytest.raises(BadInput):
        Server("http://127.0.0.1:1").evidence("node1", b"nonce", b"{}")


def test_plain_http_stays_on_this_machine() -> None:
    """A server elsewhere is asked over https only, and a file without authorities is told."""
    with pytest.raises(BadInput, match="http to another host"):
        Server("http://verifier.example")
    with pytest.raises(Unreadable):
        context("/no/such/file.pem")


def test_one_round_without_a_tpm_could_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tpm2-tools one round leaves 3 and says what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    assert run_once(Running("http://127.0.0.1:1", "node1", str(tmp_path / "a")), told.append) == 3
    assert "tpm2-tools" in told[0]
