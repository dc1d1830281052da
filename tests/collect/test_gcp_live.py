"""A running organisation of Google Cloud: what is asked of it, what it comes to, and what a failure leaves unknown."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.collect.cloud_server import FAULTS, Answer, Asked, Cloud, running
from tests.collect.gcp_estate import Record, closed, opened

from strongroom.app.catalogue import catalogue
from strongroom.app.init_policies import POLICIES
from strongroom.app.sources import gather
from strongroom.assess.judge import findings
from strongroom.collect import cloud_asking
from strongroom.collect.gcp import live
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.model.estate import Estate
from strongroom.model.ports import Limits, Outside

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOKEN = "a-token"
_PAGE = 7
_FIELDS = {"RESOURCE": "resource", "IAM_POLICY": "iamPolicy", "ACCESS_POLICY": "servicePerimeter"}
Run = Callable[["Organisation"], Cloud]


@pytest.fixture(scope="module")
def key() -> str:
    """A key of a service account."""
    made = rsa.generate_private_key(65537, 2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str) -> Iterator[Run]:
    """Starts an organisation, and gives google-auth a service account whose tokens it hands out."""
    monkeypatch.setattr(cloud_asking, "_FIRST", 0.0)
    with ExitStack() as held:

        def start(organisation: "Organisation") -> Cloud:
            cloud = held.enter_context(running(organisation))
            account = {
                "type": "service_account", "project_id": "ai-prod", "private_key_id": "1", "private_key": key, "client_id": "2",
                "client_email": "reader@ai-prod.iam.gserviceaccount.com", "token_uri": f"http://{cloud.host}/token",
            }  # fmt: skip
            path = tmp_path / "account.json"
            path.write_text(json.dumps(account))
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
            monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
            return cloud

        yield start


class Organisation:
    """Answers as Cloud Asset Inventory does; `fault` names what a content answers instead."""

    def __init__(self, *, good: bool, fault: Callable[[str], Answer | None] = lambda _: None) -> None:
        self.records = closed() if good else opened()
        self.fault = fault

    def __call__(self, asked: Asked) -> Answer:
        """The answer to a request."""
        if asked.path == "/token":
            assert asked.body["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            return Answer({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, 401)
        content = asked.query["contentType"]
        return self.fault(content) or self._page(asked, _FIELDS[content])

    def _page(self, asked: Asked, field: str) -> Answer:
        rows = [_one(r, field) for r in self.records if field in r or field == "resource"]
        start = int(asked.query.get("pageToken", "0"))
        page = rows[start : start + _PAGE]
        following = {"nextPageToken": str(start + _PAGE)} if start + _PAGE < len(rows) else {}
        held = {"assets": page} if page else {}
        return Answer({"readTime": "2026-06-01T00:00:00Z", **held, **following})


def _one(record: Record, field: str) -> Record:
    return {k: v for k, v in record.items() if k not in _FIELDS.values() or k == field}


def estate(cloud: Cloud, parent: str = "organizations/9", limits: Limits | None = None) -> Estate:
    """The organisation as the source reads it."""
    return gather((f"gcp:{parent}@{cloud.host}",), NOW, limits or Limits())


def judged(of: Estate) -> dict[tuple[str, str], Status]:
    """What every check says of every asset; a project's number is its id, which its resource alone tells."""
    found = findings(of.assets, catalogue().checks.values(), NOW)
    return {(f.check, f.asset.replace("projects/123", "projects/ai-prod")): f.status for f in found}


def failing(content: str, answer: Answer) -> Callable[[str], Answer | None]:
    """A fault of one content."""
    return lambda name: answer if name == content else None


def test_a_running_organisation_is_what_its_export_says(run: Run, tmp_path: Path) -> None:
    """Page by page and content by content comes the same as out of one file of all of it."""
    found = estate(run(Organisation(good=True)))
    path = tmp_path / "assets.json"
    path.write_text("\n".join(json.dumps(r) for r in closed()))
    other = gather((f"gcp-assets:{path}",), NOW)
    assert found.gaps == other.gaps == ()
    assert {a.address: {n: f.value for n, f in a.facts.items()} for a in found.assets} == {
        a.address: {n: f.value for n, f in a.facts.items()} for a in other.assets
    }


def test_perimeters_are_asked_of_an_organisation_alone(run: Run) -> None:
    """A project has no perimeters of its own to list; without a parent it is the project of the credentials."""
    cloud = run(Organisation(good=True))
    estate(cloud, "")
    assert {a.path for a in cloud.asked} == {"/token", "/v1/projects/ai-prod/assets"}
    assert {a.query["contentType"] for a in cloud.asked if a.verb == "GET"} == {"RESOURCE", "IAM_POLICY"}
    estate(cloud)
    assert {a.query.get("contentType") for a in cloud.asked} >= {"ACCESS_POLICY"}


def test_the_role_has_what_is_asked() -> None:
    """Each content has the permission that the printed role names, and that a refusal would name."""
    role = "".join(POLICIES["gcp"](""))
    assert all(f"cloudasset.assets.list{c.title().replace('_', '')}" in role for c in live.CONTENTS)


@pytest.mark.parametrize("good", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("content", live.CONTENTS)
def test_no_failure_makes_anything_look_better(content: str, fault: str, good: bool, run: Run) -> None:
    """A content that fails leaves every check as it was, unknown, or without its asset, and is a gap."""
    before = judged(estate(run(Organisation(good=good))))
    found = estate(run(Organisation(good=good, fault=failing(content, FAULTS[fault]))))
    better = {k for k, s in judged(found).items() if s is Status.PASS and before.get(k) is not Status.PASS}
    assert not better
    assert [g.scope for g in found.gaps] == [f"assets {content}"]


def test_a_refusal_names_its_permission(run: Run) -> None:
    """Whoever reads the gap knows which permission is missing."""
    found = estate(run(Organisation(good=True, fault=failing("IAM_POLICY", FAULTS["denied"]))))
    assert found.gaps[0].code is GapCode.DENIED
    assert "cloudasset.assets.listIamPolicy" in found.gaps[0].detail


def test_a_page_that_fails_leaves_the_rest(run: Run) -> None:
    """What was read before a page failed is there; that there is more is a gap for every kind."""
    count = 0

    def second(content: str) -> Answer | None:
        nonlocal count
        count += content == "RESOURCE"
        return FAULTS["broken"] if content == "RESOURCE" and count > 1 else None

    before = judged(estate(run(Organisation(good=False))))
    found = estate(run(Organisation(good=False, fault=second)))
    assert [(g.scope, g.hides) for g in found.gaps] == [("assets RESOURCE", ())]
    assert len(found.assets) > 3
    assert not {k for k, s in judged(found).items() if s is Status.PASS and before.get(k) is not Status.PASS}


def test_a_page_that_comes_again_is_left(run: Run) -> None:
    """A token for a page that was read already does not keep the reader for ever."""
    again = Answer({"readTime": "x", "assets": [], "nextPageToken": "again"})
    found = estate(run(Organisation(good=True, fault=failing("IAM_POLICY", again))))
    assert [g.code for g in found.gaps] == [GapCode.MALFORMED]


def test_a_server_that_hangs_is_left(run: Run) -> None:
    """A question without an answer ends with the time that there is; everything else is read."""
    held = Organisation(good=True, fault=failing("IAM_POLICY", Answer(held=True)))
    found = estate(run(held), limits=Limits(wall_seconds=3.0))
    assert {g.code for g in found.gaps} <= {GapCode.NOT_FETCHED, GapCode.TIMEOUT}
    assert len(found.assets) > 3


@pytest.mark.parametrize("fault", ["denied", "broken", "html", "object"])
def test_nothing_at_all_is_an_error(fault: str, run: Run) -> None:
    """Where nothing may be listed there is no estate, and the reason is told."""
    with pytest.raises(Unreadable) as caught:
        estate(run(Organisation(good=True, fault=lambda _: FAULTS[fault])))
    assert "init gcp" in caught.value.hint


def test_without_credentials_nothing_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of credentials that is none is an error that names the way to better ones."""
    cloud = run(Organisation(good=True))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    with pytest.raises(Unreadable) as caught:
        estate(cloud)
    assert "application-default" in caught.value.hint
    assert cloud.asked == []


TARGETS = ["x", "organizations/", "organizations/a", "projects/A B", "@evil.example.com", "@googleapis.com.evil.example",
           "projects/a/b", "@127.0.0.1.evil.example:80"]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_target_is_refused(target: str) -> None:
    """A target says what is read; a token is shown to no server but Google's."""
    with pytest.raises(BadUsage):
        live.parsed(f"gcp:{target}", target)


def test_offline_asks_nobody(run: Run) -> None:
    """With --offline no cloud is asked."""
    cloud = run(Organisation(good=True))
    with pytest.raises(BadUsage):
        estate(cloud, limits=Limits(outside=Outside(offline=True)))
    assert cloud.asked == []
