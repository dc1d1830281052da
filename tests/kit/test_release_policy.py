"""Release policies as files: what is refused, whose signatures count, and that nothing hostile gets through."""

import contextlib
import tomllib
from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import release_policy as files
from strongroom.kit.jwk import public_members, recipient
from strongroom.kit.release_policy import File
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.errors import BadSignature, Malformed, StrongroomError
from strongroom.model.release import Issue

LAB = SignerKey("lab-a", Kind.ED25519, bytes(range(32)))
LAB2 = SignerKey("lab-a-2", Kind.ED25519, bytes(range(1, 33)))
PARTNER = SignerKey("lab-b", Kind.ED25519, bytes(range(2, 34)))
OPS = SignerKey("ops", Kind.ED25519, bytes(range(3, 35)))
OPS2 = SignerKey("ops-2", Kind.ED25519, bytes(range(4, 36)))
COSIGNER = SignerKey("w", Kind.COSIGNATURE_ED25519, bytes(range(5, 37)))
SIGNERS = (OPS.verifier, OPS2.verifier)

TEXT = f"""
schema = "strongroom.release-policy/1"
name = "weights"
version = 3
[[owner]]
name = "lab-a"
keys = ["{LAB.verifier}", "{LAB2.verifier}"]
threshold = 2
[[owner]]
name = "lab-b"
keys = ["{PARTNER.verifier}"]
[[rule]]
resource = "models/weights/*"
[rule.owners.lab-a]
references = ["worker 1.4"]
[rule.owners.lab-b]
measured = {{ pcr9 = ["aa"] }}
"""
DATA = TEXT.encode()


def read(text: str = TEXT) -> File:
    """The policy of a text."""
    return files.read(tomllib.loads(text), "weights.toml")


def note(key: SignerKey, data: bytes = DATA) -> bytes:
    """A note of one key."""
    return files.sign(data, read(data.decode()), Ed25519Signer(key))


def swap(old: str, new: str) -> Callable[[], str]:
    """The text with a part changed, which must be in it."""

    def changed() -> str:
        assert old in TEXT
        return TEXT.replace(old, new, 1)

    return changed


RULE = 'resource = "models/weights/*"\n'
RANK = "spiffe://lab.example/rank"
KEY1, KEY2 = (public_members(ec.derive_private_key(n, ec.SECP256R1()).public_key()) for n in (31, 32))


def receiver(name: str, key: dict[str, str] = KEY1) -> str:
    """A recipient of a policy."""
    jwk = ", ".join(f'{n} = "{v}"' for n, v in key.items())
    return f'[[recipient]]\nname = "{name}"\nkey = {{ {jwk} }}\n'


def issuing(more: str = "", rule: str = "", spiffe: str = RANK) -> Callable[[], str]:
    """The text with a rule that gives certificates."""
    issue = f'[rule.issue]\nspiffe = "{spiffe}"\n{more}\n[rule.owners.lab-a]\n'
    changed = swap(RULE, f'resource = "lab/ca/rank"\n{rule}')
    return lambda: changed().replace("[rule.owners.lab-a]\n", issue, 1)


REFUSED: dict[str, tuple[str, Callable[[], str]]] = {
    "another schema": ("schema", swap("release-policy/1", "release-policy/2")),
    "no name": ("name ''", swap('name = "weights"', 'name = ""')),
    "a name with a space": ("name", swap('name = "weights"', 'name = "we ights"')),
    "version 0": ("version 0", swap("version = 3", "version = 0")),
    "a version beyond numbers": ("version", swap("version = 3", f"version = {1 << 53}")),
    "an unknown field": ("approval", swap(RULE, f"{RULE}approval = 1\n")),
    "an unknown demand": ("refs", swap("references", "refs")),
    "a rule without owner": ("without an owner", lambda: TEXT + '[[rule]]\nresource = "a/b/c"\nowners = {}\n'),
    "a rule of a stranger": ("names the owner", swap("[rule.owners.lab-b]", "[rule.owners.lab-c]")),
    "an owner who demands nothing": ("demands nothing", swap('references = ["worker 1.4"]', 'kinds = ["snp"]')),
    "an owner twice": ("the owner 'lab-a'", swap('name = "lab-b"', 'name = "lab-a"')),
    "a key of two owners": ("the key lab-a", swap(str(PARTNER.verifier), str(LAB.verifier))),
    "a key of a witness": ("the key w of", swap(str(PARTNER.verifier), str(COSIGNER.verifier))),
    "a key that is none": ("", swap(str(PARTNER.verifier), "lab-b")),
    "a threshold of none": ("threshold 0", swap("threshold = 2", "threshold = 0")),
    "a threshold of more than all": ("threshold 3", swap("threshold = 2", "threshold = 3")),
    "two segments": ("the rule for", swap("models/weights/*", "models/*")),
    "a pattern that climbs": ("the rule for", swap("models/weights/*", "models/../*")),
    "the same pattern twice": (
        "two rules",
        lambda: TEXT + '[[rule]]\nresource = "models/weights/*"\n[rule.owners.lab-a]\nreferences = ["x"]\n',
    ),
    "an age of none": ("max_age_minutes", swap("[rule.owners.lab-b]", "[rule.owners.lab-b]\nmax_age_minutes = 0.0")),
    "an age of days": ("max_age_minutes", swap("[rule.owners.lab-b]", "[rule.owners.lab-b]\nmax_age_minutes = 1441.0")),
    "an age that is no number": (
        "max_age_minutes",
        swap("[rule.owners.lab-b]", "[rule.owners.lab-b]\nmax_age_minutes = nan"),
    ),
    "no uses": ("uses", swap(RULE, f"{RULE}uses = 0\n")),
    "no releases an hour": ("per_hour", swap(RULE, f"{RULE}per_hour = 0\n")),
    "a lease of none": ("lease_minutes", swap(RULE, f"{RULE}lease_minutes = 0.0\n")),
    "a lease without end": ("lease_minutes", swap(RULE, f"{RULE}lease_minutes = inf\n")),
    "more approvals than approvers": ("approvals", swap(RULE, f"{RULE}approvals = 1\n")),
    "break glass alone": ("break_glass", swap(RULE, f"{RULE}break_glass = true\n")),
    "a recipient that nobody is": ("'lab-x'", swap(RULE, f'{RULE}recipients = ["lab-x"]\n')),
    "a thumbprint of no recipient": ("'" + "ab" * 32, swap(RULE, f'{RULE}recipients = ["{"ab" * 32}"]\n')),
    "a recipient twice": ("the recipient 'lab-a'", lambda: TEXT + receiver("lab-a") + receiver("lab-a", KEY2)),
    "a key of two recipients": ("a second time", lambda: TEXT + receiver("lab-a") + receiver("lab-b")),
    "a recipient's name with a quote": ("the recipient", lambda: TEXT + receiver("lab a")),
    "a recipient whose name is a thumbprint": ("the recipient", lambda: TEXT + receiver("ab" * 32)),
    "a recipient's private key": ("private member", lambda: TEXT + receiver("lab-a", {**KEY1, "d": "AA"})),
    "a recipient's key of no kind": ("of type 'oct'", lambda: TEXT + receiver("lab-a", {"kty": "oct"})),
    "certificates by a pattern": ("has *", swap(RULE, f"{RULE}issue = {{ spiffe = '{RANK}' }}\n")),
    "certificates and break glass": (
        "break_glass",
        issuing("", 'break_glass = true\napprovals = 1\napprovers = ["ann+1"]\n'),
    ),
    "a SPIFFE ID without a path": ("SPIFFE ID", issuing(spiffe="spiffe://lab.example")),
    "a SPIFFE ID that climbs": ("SPIFFE ID", issuing(spiffe="spiffe://lab.example/../admin")),
    "a SPIFFE ID with a hole for the caller": ("SPIFFE ID", issuing(spiffe="spiffe://lab.example/{name}")),
    "a SPIFFE ID for all": ("SPIFFE ID", issuing(spiffe="spiffe://lab.example/*")),
    "another scheme": ("SPIFFE ID", issuing(spiffe="https://lab.example/rank")),
    "a host with a wildcard": ("dns", issuing('dns = ["*.lab.example"]')),
    "minutes of none": ("minutes", issuing("minutes = 0.0")),
    "minutes of days": ("minutes", issuing("minutes = 1441.0")),
    "minutes that are no number": ("minutes", issuing("minutes = nan")),
    "a usage of authorities": ("usages", issuing('usages = ["sign"]')),
    "no usage": ("usages", issuing("usages = []")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_policy_is_refused_with_its_reason(case: str) -> None:
    """Each mistake is refused by name, and nothing of the file counts."""
    said, text = REFUSED[case]
    with pytest.raises(Malformed) as e:
        read(text())
    assert said in e.value.found


def test_the_policy_as_written_is_read() -> None:
    """What is not refused comes back with every field."""
    found = read()
    assert (found.name, found.version, len(found.rule)) == ("weights", 3, 1)
    assert found.rule[0].owners["lab-a"].references == ("worker 1.4",)


def test_recipients_are_named_or_known_by_their_keys() -> None:
    """A name and a thumbprint lead to the same key, and to it once."""
    thumbprint = recipient(KEY1).thumbprint
    text = swap(RULE, f'{RULE}recipients = ["lab-b", "{thumbprint}", "lab-a"]\n')()
    found = read(text + receiver("lab-a") + receiver("lab-b", KEY2))
    named = files.receivers(found.recipient, found.rule[0])
    assert [name for name, _ in named] == ["lab-b", "lab-a"]
    assert named[1][1].thumbprint == thumbprint


def test_a_rule_gives_certificates() -> None:
    """What a certificate is to say is read with the rule, and comes into force with it."""
    text = issuing('dns = ["rank.lab.example"]\nminutes = 30')() + receiver("lab-a")
    policy = files.in_force(text.encode(), read(text), [note(OPS, text.encode())], SIGNERS, 1)
    assert policy.rules[0].issue == Issue(RANK, ("rank.lab.example",), 30.0)
    assert [r.name for r in policy.recipients] == ["lab-a"]


def test_it_counts_once_enough_signers_have_signed() -> None:
    """One of two signers is too few where two are needed; an owner's key is no signer's."""
    with pytest.raises(BadSignature, match="1 signatures of 2"):
        files.in_force(DATA, read(), [note(OPS), note(LAB)], SIGNERS, 2)
    policy = files.in_force(DATA, read(), [note(OPS), note(OPS2)], SIGNERS, 2)
    assert (policy.version, policy.owners) == (3, ())


def test_two_notes_of_one_key_are_one_signature() -> None:
    """A threshold counts keys, not notes."""
    with pytest.raises(BadSignature):
        files.in_force(DATA, read(), [note(OPS), note(OPS)], SIGNERS, 2)


def test_an_owner_counts_once_enough_of_his_own_keys_have_signed() -> None:
    """Who has not signed is not among the owners, so that his rules stay closed."""
    one = files.in_force(DATA, read(), [note(OPS), note(LAB), note(PARTNER)], SIGNERS, 1)
    assert [o.name for o in one.owners] == ["lab-b"]
    both = files.in_force(DATA, read(), [note(OPS), note(LAB), note(LAB2), note(PARTNER)], SIGNERS, 1)
    assert [o.name for o in both.owners] == ["lab-a", "lab-b"]


def test_a_note_over_another_version_is_refused() -> None:
    """A signature beside the file that says something else makes all of it suspect."""
    older = note(OPS, DATA.replace(b"version = 3", b"version = 2"))
    with pytest.raises(BadSignature, match="another version"):
        files.in_force(DATA, read(), [note(OPS2), older], SIGNERS, 1)


def test_a_changed_file_has_no_signatures() -> None:
    """One octet more, and what was signed is another file."""
    with pytest.raises(BadSignature):
        files.in_force(DATA + b"\n", read(), [note(OPS)], SIGNERS, 1)


def test_a_note_of_a_stranger_is_refused() -> None:
    """A key that neither the broker nor an owner has signs nothing."""
    stranger = SignerKey("x", Kind.ED25519, bytes(range(6, 38)))
    with pytest.raises(StrongroomError):
        files.in_force(DATA, read(), [note(OPS), note(stranger)], SIGNERS, 1)


@pytest.mark.parametrize("threshold", [0, -1, 3])
def test_a_threshold_outside_the_signers_is_refused(threshold: int) -> None:
    """A threshold of nobody would put an unsigned policy into force."""
    with pytest.raises(Malformed, match="threshold"):
        files.in_force(DATA, read(), [note(OPS), note(OPS2)], SIGNERS, threshold)


_LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["lab-a", "*/*/*"])
)
_VALUE = st.recursive(
    _LEAF, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=12), v, max_size=3), max_leaves=8
)
_PLACES = st.sampled_from(["schema", "name", "version", "owner", "rule", "rules", ""])
_BELOW = st.sampled_from(["resource", "owners", "uses", "lease_minutes", "per_hour", "approvals", "break_glass", "x"])


@given(place=_PLACES, value=_VALUE)
def test_a_hostile_table_is_read_or_refused_and_never_anything_else(place: str, value: object) -> None:
    """Whatever stands in the place of a field, the answer is a policy that satisfies its own checks, or Malformed."""
    table = tomllib.loads(TEXT) | {place: value}
    with contextlib.suppress(StrongroomError):
        found = files.read(table, "hostile")
        assert all(r.owners for r in found.rule)
        assert all(1 <= o.threshold <= len(o.keys) for o in found.owner)


@given(place=_BELOW, value=_VALUE)
def test_a_hostile_rule_never_opens_more_than_it_says(place: str, value: object) -> None:
    """A rule that is accepted has an owner with a demand, at least one use, and an end."""
    table = tomllib.loads(TEXT)
    table["rule"][0][place] = value
    with contextlib.suppress(StrongroomError):
        rule = files.read(table, "hostile").rule[0]
        assert rule.uses >= 1
        assert 0 < rule.lease_minutes <= 24 * 60
        assert all(d.policies or d.references or d.measured for d in rule.owners.values())
        assert msgspec.json.encode(rule)
