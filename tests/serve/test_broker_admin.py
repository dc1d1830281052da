"""Administration over HTTP: who may do what, each call in the log before it takes effect, and what each of them does."""

import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import broker_counter as k
import broker_rig as b
import minted_x509 as x
import pytest
from broker_house import ANN, House
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from served_broker import certified

from strongroom.app.log import Log
from strongroom.kit import release_approval
from strongroom.kit.jwk import recipient
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.codes import EntryKind
from strongroom.model.errors import LogUnavailable
from strongroom.model.log import LogEntry
from strongroom.model.release import Approval
from strongroom.serve.broker_admin_http import CALLS

NAME = "models/weights/llm-2"
DEPOSIT = {"name": NAME, "secret": base64.b64encode(b.SECRET).decode()}
REVOKE = {"what": "resource", "value": b.WEIGHTS, "reason": "the lab left"}
ROLES = {"kim": "key-admin", "pat": "policy-admin", "oli": "operator", "ada": "auditor"}
MAY = {
    "POST resources": {"kim"},
    "POST revocations": {"kim", "pat", "oli"},
    "POST approvals": {"pat", "oli"},
    "POST policy": {"pat"},
    "GET policy": {"kim", "pat", "ada"},
    "GET decisions": {"ada"},
    "GET health/full": {"oli", "ada"},
    "GET metrics": {"oli", "ada"},
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A configuration with one person of each role, and an identity provider."""
    made = House(tmp_path, admins=k.PEOPLE, more="")
    with made.config.open("a") as f:
        f.write(k.oidc(str(tmp_path)))
    certified(tmp_path, "eve")
    return made


@pytest.fixture
def at(house: House) -> Iterator[k.Counter]:
    """Its broker."""
    with k.counter(house) as found:
        yield found


def approval(at: k.Counter, **changes: object) -> dict[str, str]:
    """What Ann signs for whoever asks for the weights."""
    said = {"resource": b.WEIGHTS, "requester": "ab" * 32, "approver": str(ANN.verifier), "reason": "a drill"}
    held = Approval(**{**said, "until": at.now + timedelta(hours=1), **changes})  # type: ignore[arg-type] # by name
    return {"approver": str(ANN.verifier), "note": release_approval.sign(held, Ed25519Signer(ANN)).decode()}


def body(at: k.Counter, call: str, version: int = 2) -> Mapping[str, object] | None:
    """A sound body of a call."""
    text = at.house.policy_text(version, uses="7", approvals="1", approvers=f'["{ANN.verifier}"]')
    return {
        "POST resources": DEPOSIT,
        "POST revocations": REVOKE,
        "POST approvals": approval(at),
        "POST policy": {"policy": text, "notes": [at.house.note(text).decode()], "dry_run": True},
    }.get(call)


def ask(at: k.Counter, call: str, given: object = None, **more: object) -> tuple[int, dict[str, object]]:
    """Make a call; status, and what it says."""
    method, _, path = call.partition(" ")
    where = "/metrics" if path == "metrics" else k.V0 + path
    got = at.admin.request(method, where, json=given, **more)  # type: ignore[arg-type] # headers and the like
    return got.status_code, got.json() if "json" in got.headers["content-type"] else {"text": got.text}


def test_the_table_of_roles_has_every_call() -> None:
    """What is tested below is all that there is."""
    held = {f"{c.method.value} {c.path}" for c in CALLS}
    assert held | {"GET health/full", "GET metrics"} == set(MAY)
    for c in CALLS:
        assert {n for n, role in ROLES.items() if role in c.roles} == MAY[f"{c.method.value} {c.path}"]


@pytest.mark.parametrize("who", [*ROLES, "eve", ""], ids=[*ROLES, "unknown", "nobody"])
def test_each_role_may_do_its_own_and_nothing_else(at: k.Counter, who: str) -> None:
    """Who has none of a call's roles is refused, and that is in the log; who is nobody is refused without an entry."""
    at.house.policy(2, approvals="1", approvers=f'["{ANN.verifier}"]')
    for call, may in MAY.items():
        before = len(at.entries())
        at.as_person(who)
        status, said = ask(at, call, body(at, call, 3))
        entries = at.entries()[before:]
        if who not in ROLES:
            assert (status, entries) == (401, []), call
        elif who in may:
            assert status == 200, (call, said)
        else:
            assert status == 403, call
            [entry] = entries
            assert (entry.kind, entry.actor) == (EntryKind.DENIAL, f"admin:{who}")
            assert (entry.fields["verb"], entry.fields["outcome"]) == ("administer", "deny")


def acts(entries: list[LogEntry]) -> list[tuple[str, str, str]]:
    """Who did what to what."""
    return [(e.actor, str(e.fields.get("action", e.fields.get("verb"))), e.subject) for e in entries]


def test_a_deposit_is_kept_wrapped_and_logged_twice(at: k.Counter) -> None:
    """The call is in the log, then what it changed; the secret is in neither, and an attested workload gets it."""
    at.as_person("kim")
    status, said = ask(at, "POST resources", DEPOSIT)
    assert status == 200
    assert (said["version"], said["ruled"], said["owners"]) == (1, True, [str(ANN.verifier)])
    entries = at.entries()
    call = f"POST {k.V0}resources"
    assert acts(entries) == [("admin:kim", "administer", call), ("admin:kim", "put", NAME)]
    at.attested()
    assert b.opened(at.public.get(f"/kbs/v0/resource/{NAME}").content) == b.SECRET
    held = b"".join(p.read_bytes() for p in at.house.folder.rglob("*") if p.is_file())
    assert b.SECRET not in held
    assert DEPOSIT["secret"].encode() not in held


def test_a_secret_may_be_made_of_chance(at: k.Counter) -> None:
    """Nobody has seen it: the deposit has its length alone. Neither both nor none is a deposit."""
    at.as_person("kim")
    assert ask(at, "POST resources", {"name": NAME, "generate": 32})[0] == 200
    assert ask(at, "POST resources", {"name": NAME, "generate": 32})[1]["version"] == 2
    at.attested()
    assert len(b.opened(at.public.get(f"/kbs/v0/resource/{NAME}").content)) == 32
    assert ask(at, "POST resources", {**DEPOSIT, "generate": 32})[0] == 400
    assert ask(at, "POST resources", {"name": NAME})[0] == 400
    assert ask(at, "POST resources", {**DEPOSIT, "backend": "none"})[0] == 404
    assert ask(at, "POST resources", {**DEPOSIT, "secret": "!!"})[0] == 400
    assert ask(at, "POST resources", {**DEPOSIT, "secret": ""})[0] == 400
    assert ask(at, "POST resources", {**DEPOSIT, "secret": None, "generate": 32})[0] == 400
    assert ask(at, "POST resources", {**DEPOSIT, "owners": ["nobody"]})[0] == 400


def test_a_revocation_counts_at_the_next_release(at: k.Counter) -> None:
    """What was released to a session a moment ago is not released to it again."""
    at.attested()
    assert at.weights() == 200
    at.as_person("oli")
    assert ask(at, "POST revocations", REVOKE)[0] == 200
    assert at.weights() == 401
    kinds = [e.kind for e in at.entries()]
    assert kinds == [EntryKind.RELEASE, EntryKind.DECISION, EntryKind.POLICY_CHANGE, EntryKind.DENIAL]


def test_an_approval_is_what_its_approver_signed(at: k.Counter) -> None:
    """Whoever hands it in: it is by an approver of the rule in force, and not over; and then it lets one requester in."""
    at.house.policy(2, approvals="1", approvers=f'["{ANN.verifier}"]')
    at.attested()
    assert at.weights() == 401
    thumb = recipient(b.c.jwk()).thumbprint
    at.as_person("oli")
    over = approval(at, requester=thumb, until=at.now - timedelta(minutes=1))
    assert ask(at, "POST approvals", over)[0] == 400
    sound = approval(at, requester=thumb)
    assert ask(at, "POST approvals", {**sound, "note": sound["note"].replace("drill", "thing")})[0] == 400
    assert at.weights() == 401
    assert ask(at, "POST approvals", sound)[0] == 200
    assert at.weights() == 200
    assert ask(at, "POST approvals", approval(at, resource="other/weights/x"))[0] == 409


def bring(
    at: k.Counter, text: str, *, dry: bool = False, notes: list[str] | None = None
) -> tuple[int, dict[str, object]]:
    """Bring a policy, with the note of its signer."""
    signed = [at.house.note(text).decode()] if notes is None else notes
    return ask(at, "POST policy", {"policy": text, "notes": signed, "dry_run": dry})


def test_a_policy_is_tried_brought_and_never_rolled_back(at: k.Counter) -> None:
    """What it would change is told first and changes nothing; brought, it counts at once; an older one is refused."""
    at.attested()
    assert at.weights() == 200
    closed = at.house.policy_text(2).replace("worker 1.4", "worker 9")
    at.as_person("pat")
    status, said = bring(at, closed, dry=True)
    assert (status, said["loses"], said["gains"], said["entry"]) == (200, 1, 0, None)
    assert at.weights() == 200
    status, said = bring(at, closed)
    assert (status, said["version"], said["changed"]) == (200, 2, ["the rule for models/weights/* differs in owners"])
    assert at.weights() == 401
    assert ask(at, "GET policy")[1]["policy"]["version"] == 2  # type: ignore[index] # a policy in JSON
    assert bring(at, at.house.policy_text(1))[0] == 409
    assert bring(at, at.house.policy_text(2))[0] == 409
    assert at.weights() == 401
    done = [a for a in acts(at.entries()) if a[1] == "apply"]
    assert done == [("admin:pat", "apply", "release policy weights")]


def test_a_policy_that_nobody_signed_changes_nothing(at: k.Counter) -> None:
    """Without the signers of the configuration, or signed for another text, it is refused: an administrator is no signer."""
    at.as_person("pat")
    other = at.house.note(at.house.policy_text(3)).decode()
    for notes in ([], [other], ["not a note"]):
        assert bring(at, at.house.policy_text(2), notes=notes)[0] == 400
    status, said = bring(at, "schema = 1", notes=[other])
    assert (status, str(said["detail"]).partition(":")[0]) == (400, "policy")
    at.attested()
    assert at.weights() == 200


def test_decisions_are_read_page_by_page(at: k.Counter) -> None:
    """The auditor sees releases and denials with their reasons, from an index on; and reading is an entry too."""
    at.attested()
    assert at.weights() == 200
    at.as_person("ada")
    at.entries()
    status, said = ask(at, "GET decisions?most=1&start=0")
    assert status == 200
    [entry] = said["entries"]  # type: ignore[misc] # a list
    assert (entry["kind"], entry["subject"], said["next"]) == ("release", b.WEIGHTS, 1)
    assert ask(at, "GET decisions?start=-1")[0] == 400
    assert ask(at, "GET decisions?most=5000")[0] == 400
    assert ask(at, "GET decisions?most=0")[0] == 400


def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log takes nothing any more."""

    def fails(*_: object, **__: object) -> None:
        raise LogUnavailable("log", "no space left on device", "a log that takes entries")

    monkeypatch.setattr(Log, "append", fails)


@pytest.mark.parametrize(("call", "who"), [(c, min(w)) for c, w in MAY.items() if c.startswith("POST")])
def test_what_cannot_be_logged_is_not_done(at: k.Counter, call: str, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a log every call that changes something is 503, and nothing has changed once the log is back."""
    at.house.policy(2, approvals="0", approvers=f'["{ANN.verifier}"]')
    at.found.terms()
    before = state(at)
    given = {**(body(at, call) or {})}
    if call == "POST policy":
        text = at.house.policy_text(3)
        given = {"policy": text, "notes": [at.house.note(text).decode()]}
    at.as_person(who)
    with monkeypatch.context() as patch:
        no_log(patch)
        got = at.admin.post(k.V0 + call.partition(" ")[2], json=given)
    assert (got.status_code, got.headers["retry-after"]) == (503, "1")
    assert state(at) == before
    assert ask(at, call, given)[0] == 200


def state(at: k.Counter) -> tuple[object, ...]:
    """All that administration changes."""
    store = at.found.broker.setup.store
    return (
        store.resources(),
        store.revocations(),
        store.approvals(b.WEIGHTS),
        (at.house.folder / "policy.toml").read_text(),
    )


def test_bodies_that_are_none_are_refused(at: k.Counter) -> None:
    """Unknown members, members twice, other types, and what is no JSON: 400, with what is wrong, for who may ask at all."""
    at.as_person("oli")
    for text in (b"", b"[]", b'{"what":"resource","what":"key"}', json.dumps({**REVOKE, "x": 1}).encode(), b"\xff{"):
        got = at.admin.post(k.V0 + "revocations", content=text)
        assert (got.status_code, got.headers["content-type"]) == (400, "application/problem+json"), text
    assert at.found.broker.setup.store.revocations() == ()


def test_one_person_cannot_fill_the_log(at: k.Counter) -> None:
    """Beyond a rate a person is told when to come again, and what was refused so is no entry."""
    at.as_person("kim")
    got = [ask(at, "GET policy")[0] for _ in range(140)]
    assert 429 in got
    assert len(at.entries()) == got.count(200) <= 120


# Tokens


def test_a_token_of_the_provider_is_a_person(at: k.Counter) -> None:
    """With the roles that its claim comes to, under the name that the provider has for him."""
    at.as_person("")
    assert ask(at, "POST resources", DEPOSIT, headers=at.token())[0] == 200
    assert at.entries()[0].actor == f"admin:kim@{k.ISSUER}"
    assert ask(at, "GET decisions", headers=at.token())[0] == 403
    assert ask(at, "GET decisions", headers=at.token(groups="vault-all other"))[0] == 200
    assert ask(at, "GET health/full", headers=at.token(groups=["vault-all"], aud=["x", k.AUDIENCE]))[0] == 200


NOW = int(x.NOW.timestamp())


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"iss": "https://other.test"}, 401),
        ({"aud": "other"}, 401),
        ({"aud": None}, 401),
        ({"exp": NOW - 1}, 401),
        ({"exp": None}, 401),
        ({"iat": NOW + 120, "exp": NOW + 600}, 401),
        ({"nbf": NOW + 120}, 401),
        ({"exp": NOW + 90_000}, 401),
        ({"sub": ""}, 401),
        ({"sub": "a\nb"}, 401),
        ({"sub": None}, 401),
        ({"header": {"kid": "p2"}}, 401),
        ({"header": {"kid": ""}}, 401),
        ({"header": {"crit": ["b64"]}}, 401),
        ({"groups": ["key-admin"]}, 403),
        ({"groups": {"vault-keys": True}}, 403),
        ({"groups": None}, 403),
    ],
    ids=str,
)
def test_other_tokens_are_nobody(at: k.Counter, changes: Mapping[str, object], status: int) -> None:
    """Another issuer, audience, time, key or algorithm is nobody; a role that was not given is none."""
    at.as_person("")
    assert ask(at, "POST resources", DEPOSIT, headers=at.token(**changes))[0] == status
    assert at.found.broker.setup.store.resource(NAME) is None
    assert len(at.entries()) == (1 if status == 403 else 0)


def segment(held: Mapping[str, str]) -> str:
    """A header as tokens have it."""
    return base64.urlsafe_b64encode(json.dumps(held).encode()).rstrip(b"=").decode()


def test_a_token_without_a_signature_is_nobody(at: k.Counter) -> None:
    """`alg: none`, a symmetric algorithm over the public key, another's signature, a cut one, and what is too long: nobody."""
    at.as_person("")
    sound = k.token(at.now).split(".")
    none, symmetric = (segment({"alg": a, "kid": "p1"}) for a in ("none", "HS256"))
    spki = k.PROVIDER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    tag = hmac.digest(spki, f"{symmetric}.{sound[1]}".encode(), "sha256")
    forged = f"{symmetric}.{sound[1]}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}"
    other = k.token(at.now, key=b.c.OTHER)
    long = k.token(at.now, more="x" * 300_000)
    for text in (
        f"{none}.{sound[1]}.",
        f"{none}.{sound[1]}.{sound[2]}",
        f"{sound[0]}.{sound[1]}.",
        forged,
        other,
        long,
        "x",
        "a.b.c",
    ):
        assert ask(at, "POST resources", DEPOSIT, headers={"Authorization": f"Bearer {text}"})[0] == 401
    assert at.entries() == []


def test_a_bad_token_is_not_made_good_by_a_certificate(at: k.Counter) -> None:
    """Who shows a token is judged by it, whatever certificate the connection has."""
    at.as_person("kim")
    assert ask(at, "POST resources", DEPOSIT, headers=at.token(aud="other"))[0] == 401
    for shown in ("", "Bearer", "Bearer ", "Basic a2ltOmtpbQ=="):
        assert ask(at, "POST resources", DEPOSIT, headers={"Authorization": shown})[0] == 401


def test_the_keys_of_the_provider_are_read_again(at: k.Counter) -> None:
    """A new key counts within seconds; without the file the keys at hand count for an hour, and then nobody is let in."""
    at.as_person("")
    held = at.house.folder / "provider.json"
    assert ask(at, "POST resources", DEPOSIT, headers=at.token())[0] == 200
    held.write_bytes(k.KEYS.replace(b'"p1"', b'"p2"'))
    at.later(seconds=11)
    assert ask(at, "POST resources", DEPOSIT, headers=at.token(header={"kid": "p2"}))[0] == 200
    assert ask(at, "POST resources", DEPOSIT, headers=at.token())[0] == 401
    held.unlink()
    at.later(minutes=50)
    assert ask(at, "POST resources", DEPOSIT, headers=at.token(header={"kid": "p2"}))[0] == 200
    at.later(minutes=11)
    assert ask(at, "POST resources", DEPOSIT, headers=at.token(header={"kid": "p2"}))[0] == 503
    assert ask(at, "POST resources", DEPOSIT, headers=at.token(header={"kid": "p2"}))[0] == 503
    held.write_bytes(k.KEYS)
    at.later(seconds=11)
    assert ask(at, "POST resources", DEPOSIT, headers=at.token())[0] == 200
