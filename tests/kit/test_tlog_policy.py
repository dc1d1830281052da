"""Policies: who is trusted, and how many of them it takes."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import checkpoint, policy
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.kit.tlog.policy import Group, Policy
from strongroom.model.errors import BadProof, BadSignature, Malformed, StrongroomError, TooLarge

ORIGIN = "example.org/log"
LOG = SignerKey(ORIGIN, Kind.ED25519, bytes(32))
OTHER_LOG = SignerKey("example.org/other", Kind.ED25519, bytes([9]) * 32)
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
WITNESSES = {
    name: SignerKey(
        f"w.example/{name}", Kind.COSIGNATURE_ML_DSA_44 if i % 2 else Kind.COSIGNATURE_ED25519, bytes([i]) * 32
    )
    for i, name in enumerate(NAMES, 1)
}
VKEYS = {name: str(key.verifier) for name, key in WITNESSES.items()}
LINES = "".join(f"witness {name} {vkey}\n" for name, vkey in VKEYS.items())
HEAD = Checkpoint(ORIGIN, 7, bytes(32))

# The example of the specification, with keys put in.
EXAMPLE = f"""log {LOG.verifier}

{LINES}group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()


def cosigned(*names: str, log: SignerKey = LOG, head: Checkpoint = HEAD) -> bytes:
    return checkpoint.sign_checkpoint(
        head, [Ed25519Signer(log), *(Cosigner(WITNESSES[n], 1_800_000_000) for n in names)]
    )


def test_the_example_means_what_it_says() -> None:
    """Two of the X witnesses and one of the Y witnesses make the quorum, for each of the 64 ways to cosign."""
    found = policy.parse(EXAMPLE)
    for count in range(len(NAMES) + 1):
        for names in itertools.combinations(NAMES, count):
            enough = sum(n[0] == "X" for n in names) >= 2 and any(n[0] == "Y" for n in names)
            assert (b"X-and-Y" in policy.witnessed(found, [n.encode() for n in names])) is enough


def test_a_checkpoint_is_accepted_with_its_quorum_only() -> None:
    """The cosignatures that verify decide; the accepted checkpoint names the witnesses."""
    found = policy.parse(EXAMPLE)
    accepted = policy.open_checkpoint(cosigned("X1", "Y2", "X3"), found)
    assert accepted.checkpoint == HEAD
    assert accepted.witnesses == (b"X1", b"Y2", b"X3")
    assert {s.timestamp for s in accepted.signatures[1:]} == {1_800_000_000}
    for names in ((), ("X1", "X2", "X3"), ("X1", "Y1", "Y2", "Y3")):
        with pytest.raises(BadProof, match="the quorum X-and-Y"):
            policy.open_checkpoint(cosigned(*names), found)


def test_a_line_written_twice_is_one_voice() -> None:
    """Repeating a witness's cosignature does not make a quorum."""
    found = policy.parse(EXAMPLE)
    data = cosigned("X1", "Y1")
    repeated = data + data.split("— ".encode())[2].join(["— ".encode(), b""])
    with pytest.raises(BadProof):
        policy.open_checkpoint(repeated, found)


def test_only_known_logs_are_accepted() -> None:
    """Another log's checkpoint, or another log's key on this origin, is refused; a key from elsewhere may be given."""
    found = policy.parse(b"quorum none\n")
    assert found == Policy((), (), (), None)
    with pytest.raises(BadSignature):
        policy.open_checkpoint(cosigned(), found)
    assert policy.open_checkpoint(cosigned(), found, [LOG.verifier]).witnesses == ()
    known = policy.parse(f"log {LOG.verifier} https://log.example/\nquorum none\n".encode())
    assert known.logs[0].url == b"https://log.example/"
    assert policy.open_checkpoint(cosigned(), known).checkpoint == HEAD
    for bad in (cosigned(log=OTHER_LOG), cosigned(log=OTHER_LOG, head=HEAD._replace(origin="example.org/other"))):
        with pytest.raises(BadSignature):
            policy.open_checkpoint(bad, known)


def test_a_quorum_may_be_one_witness() -> None:
    """A witness's name is a quorum of one."""
    found = policy.parse(f"log {LOG.verifier}\n{LINES}quorum Y3\n".encode())
    assert policy.open_checkpoint(cosigned("Y3"), found).witnesses == (b"Y3",)
    with pytest.raises(BadProof):
        policy.open_checkpoint(cosigned("Y2"), found)


def test_spaces_comments_and_octets() -> None:
    """Tabs, comments and empty lines are passed over; names are octets, and look-alikes are two."""
    text = f"\t# caf\u00e9\n \t\n\twitness  K\t{VKEYS['X1']} \n witness \u212a {VKEYS['X2']} u\ngroup g\tall K \u212a\nquorum g\n"
    found = policy.parse(text.encode())
    assert [w.name for w in found.witnesses] == [b"K", "\u212a".encode()]
    assert found.groups == (Group(b"g", 2, (b"K", "\u212a".encode())),)
    assert policy.parse(b"witness \xff " + VKEYS["X1"].encode() + b"\nquorum \xff\n").quorum == b"\xff"


W1, W2 = f"witness a {VKEYS['X1']}\n", f"witness b {VKEYS['X2']}\n"
SAME_KEY = str(SignerKey("other.name", Kind.COSIGNATURE_ED25519, bytes([2]) * 32).verifier)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no newline"),
        ("\n", "no quorum"),
        (W1, "no quorum"),
        ("quorum none", "no newline"),
        ("quorum none\r\n", "byte 0x0d"),
        ("quorum none\x7f\n", "byte 0x7f"),
        ("quorum none\nquorum none\n", "line 2: found a second quorum"),
        ("quorum\n", "line 1"),
        ("quorum none none\n", "line 1"),
        ("quorum a\n" + W1, "line 1: found the quorum 'a'"),
        ("Quorum none\n", "line 1"),
        ("quorum none # why\n", "line 1"),
        (W1 + W1.replace(" a ", " b ") + "quorum none\n", "line 2: found the public key"),
        (W2 + f"witness c {SAME_KEY}\nquorum none\n", "line 2: found the public key"),
        (W1 + W2.replace(" b ", " a ") + "quorum none\n", "line 2: found the name 'a' again"),
        (W1.replace(" a ", " none ") + "quorum none\n", "the name 'none'"),
        (f"witness a {LOG.verifier}\nquorum a\n", "signature type 0x01"),
        (f"log {LOG.verifier}\nlog {LOG.verifier} url\nquorum none\n", "line 2: found the public key"),
        (f"log {LOG.verifier} url more\nquorum none\n", "line 1"),
        ("log\nquorum none\n", "line 1"),
        ("log nokey\nquorum none\n", "line 1: verifier key"),
        ("witness a\nquorum none\n", "line 1"),
        (W1 + "group g all\nquorum g\n", "no member"),
        (W1 + "group g\nquorum none\n", "line 2"),
        (W1 + "group g all none\nquorum g\n", "the member 'none'"),
        (W1 + "group g all b\n" + W2 + "quorum g\n", "the member 'b'"),
        (W1 + "group g any g\nquorum g\n", "the member 'g'"),
        (W1 + "group g any a a\nquorum g\n", "the member 'a' again"),
        (W1 + "group g any a\ngroup h any a\nquorum g\n", "line 3: found the member 'a' again"),
        (W1 + "group a any a\nquorum a\n", "the name 'a' again"),
        (W1 + "group none any a\nquorum none\n", "the name 'none'"),
        *((W1 + f"group g {k} a\nquorum g\n", "threshold") for k in ("0", "2", "-1", "01", "+1", "one", "9" * 30)),
    ],
)
def test_other_policies_are_refused_with_the_line(text: str, why: str) -> None:
    """A policy that is not whole, or counts a witness twice, is refused, and the message says where."""
    with pytest.raises(Malformed) as caught:
        policy.parse(text.encode())
    assert why in str(caught.value)


def test_a_verifier_key_is_utf_8() -> None:
    """A key whose name is no UTF-8 is no key."""
    with pytest.raises(Malformed, match="UTF-8"):
        policy.parse(b"log \xff+00000000+AA==\nquorum none\n")


def test_a_policy_has_a_limit() -> None:
    """A million bytes are read, and one more is not."""
    end = b"quorum none\n"
    assert policy.parse(b" " * (policy.MAX_POLICY - len(end)) + end).quorum is None
    with pytest.raises(TooLarge):
        policy.parse(b" " * policy.MAX_POLICY + end)


@given(st.lists(st.tuples(st.sampled_from(("all", "any", "1", "2")), st.integers(1, 3)), max_size=4), st.data())
def test_groups_count_as_defined(shapes: list[tuple[str, int]], data: st.DataObject) -> None:
    """For groups of groups of any shape, the answer is that of the definition, written as a recursion."""
    free, lines, groups = list(NAMES), [LINES], {}
    for i, (word, count) in enumerate(shapes):
        members, free = free[:count], free[count:]
        wanted = {"all": len(members), "any": 1}.get(word) or int(word)
        if not members or wanted > len(members):
            free = members + free
            continue
        lines.append(f"group g{i} {word} {' '.join(members)}\n")
        groups[f"g{i}"] = (wanted, members)
        free.append(f"g{i}")
    quorum = free[-1]
    names = data.draw(st.sets(st.sampled_from(NAMES)))

    def holds(name: str) -> bool:
        if name not in groups:
            return name in names
        wanted, members = groups[name]
        return sum(map(holds, members)) >= wanted

    found = policy.parse("".join([*lines, f"quorum {quorum}\n"]).encode())
    assert (quorum.encode() in policy.witnessed(found, [n.encode() for n in names])) is holds(quorum)


@given(st.data())
def test_a_cut_policy_is_refused_or_says_the_same(data: st.DataObject) -> None:
    """No cut of a policy makes a weaker one."""
    found = None
    with contextlib.suppress(Malformed):
        found = policy.parse(EXAMPLE[: data.draw(st.integers(0, len(EXAMPLE) - 1))])
    assert found is None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_policy_or_refused(data: bytes) -> None:
    """Nothing but the tree's own errors comes out of the parser."""
    with contextlib.suppress(StrongroomError):
        assert policy.parse(data + b"\nquorum none\n").quorum is None
