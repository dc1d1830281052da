"""A running tenant of Azure: what is asked of it, what it comes to, and what a question that fails leaves unknown."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from tests.collect.azure_estate import SUB
from tests.collect.azure_tenant import Tenant
from tests.collect.cloud_server import FAULTS, Answer, Cloud, running

from strongroom.app.catalogue import catalogue
from strongroom.app.init_policies import POLICIES
from strongroom.app.sources import gather
from strongroom.assess.judge import findings
from strongroom.collect import cloud_asking
from strongroom.collect.azure import calls, live
from strongroom.collect.azure.assets import types
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Outside

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Run = Callable[[Tenant], Cloud]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put off is asked again without a pause, unless the server names one."""
    monkeypatch.setattr(cloud_asking, "_FIRST", 0.0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Starts a tenant, whose managed identity azure-identity finds as it does in an App Service."""
    for name in (
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "MSI_ENDPOINT",
    ):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as held:

        def start(tenant: Tenant) -> Cloud:
            tenant.cloud = held.enter_context(running(tenant))
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{tenant.cloud.host}/token")
            monkeypatch.setenv("IDENTITY_HEADER", "secret")
            return tenant.cloud

        yield start


def estate(cloud: Cloud, scope: str = "", limits: Limits | None = None) -> Estate:
    """The tenant as the source reads it."""
    return gather((f"azure:{scope}@{cloud.host}",), NOW, limits or Limits())


def judged(of: Estate) -> dict[tuple[str, str], Status]:
    """What every check says of every asset."""
    return {(f.check, f.asset): f.status for f in findings(of.assets, catalogue().checks.values(), NOW)}


def tail(of: Estate, end: str) -> Asset:
    """The asset whose address ends so."""
    return next(a for a in of.assets if a.address.endswith(end))


def failing(call: str, answer: Answer) -> Callable[[str], Answer | None]:
    """A fault of one call."""
    return lambda name: answer if name == call else None


def test_a_tenant_is_read_page_by_page(run: Run) -> None:
    """Rows of several pages, and what Resource Graph has no rows of, come to the facts of the tables, without a gap."""
    tenant = Tenant(good=True)
    found = estate(run(tenant))
    assert found.gaps == ()
    assert tail(found, "/storageaccounts/weights").value("log.types") == (
        "StorageRead",
        "AuditEvent",
        "AmlComputeClusterEvent",
        "Audit",
    )
    assert tail(found, "/containers/models").value("store.locked") is True
    key = tail(found, "/keys/k")
    assert key.value("key.rotation") is True
    assert tail(found, "/computes/gpu").value("net.ssh_public") is False
    assert {a.account for a in found.assets} == {SUB}


def test_every_list_is_asked_and_no_other(run: Run) -> None:
    """Each list of the table is asked of what is there, with the version that the table names, and nothing is written."""
    tenant = Tenant(good=True)
    cloud = run(tenant)
    estate(cloud)
    owners = {str(r["type"]) for r in tenant.resources}
    asked = {n.removeprefix("list ") for n in tenant.calls if n.startswith("list ")}
    assert asked == {f"{b.type} of {b.of}" for b in calls.lists() if b.of in owners}
    assert {a.verb for a in cloud.asked if a.path != calls.GRAPH} == {"GET"}


def test_the_role_has_what_is_asked() -> None:
    """What the reader asks for is allowed by the printed role."""
    role = "".join(POLICIES["azure"](f"/subscriptions/{SUB}")).lower()
    wanted = {*calls.NEEDED, *(f"{t}/read" for t in types()), *(f"{b.type}/read" for b in calls.lists())}
    assert [w for w in wanted if f'"{w.lower()}"' not in role] == []


def test_a_scope_goes_with_each_query(run: Run) -> None:
    """Subscriptions and management groups that are named are what Resource Graph is asked about."""
    cloud = run(Tenant(good=True))
    estate(cloud, SUB.upper())
    estate(cloud, "mg/root.1")
    bodies = [a.body for a in cloud.asked if a.path == calls.GRAPH]
    assert {str(b.get("subscriptions") or b.get("managementGroups")) for b in bodies} == {f"['{SUB}']", "['root.1']"}


# What fails

CALLS = sorted(
    {f"table {t}" for t in calls.QUERIES}
    | {"rights"}
    | {f"list {b.type} of {b.of}" for b in calls.lists()}
    | {f"one {b.type}" for b in calls.lists() if b.each is not None}
)
_NOT_THERE = "managedhsms"


@pytest.mark.parametrize("good", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize("call", [c for c in CALLS if _NOT_THERE not in c])
def test_a_refused_call_makes_nothing_look_better(call: str, good: bool, run: Run) -> None:
    """A call that is denied leaves every check as it was, unknown, or without its asset, and says so."""
    before = judged(estate(run(Tenant(good=good))))
    tenant = Tenant(good=good, fault=failing(call, FAULTS["denied"]))
    found = estate(run(tenant))
    if call not in tenant.calls:
        pytest.fail(f"{call} was never asked")
    _no_better(before, judged(found), found, call)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "call",
    [
        "table resources",
        "rights",
        "list microsoft.keyvault/vaults/keys of microsoft.keyvault/vaults",
        "one microsoft.keyvault/vaults/keys",
    ],
)
def test_no_kind_of_failure_makes_anything_look_better(call: str, fault: str, run: Run) -> None:
    """Denied, throttled, broken, half of an answer, another document: all the same to what is believed."""
    before = judged(estate(run(Tenant(good=False))))
    found = estate(run(Tenant(good=False, fault=failing(call, FAULTS[fault]))))
    _no_better(before, judged(found), found, f"{call} {fault}")


def _no_better(
    before: dict[tuple[str, str], Status], after: dict[tuple[str, str], Status], of: Estate, what: str
) -> None:
    better = {k for k, s in after.items() if s is Status.PASS and before.get(k) is not Status.PASS}
    assert not better, what
    unknown = any(s is Status.UNKNOWN and before[k] is not s for k, s in after.items() if k in before)
    assert of.gaps or unknown, f"{what} went without a word"


def test_a_page_that_fails_leaves_the_rest(run: Run) -> None:
    """What was read before a page failed is judged; that there is more is a gap for every kind."""
    count = 0

    def second(name: str) -> Answer | None:
        nonlocal count
        count += name == "table resources"
        return FAULTS["broken"] if name == "table resources" and count > 1 else None

    found = estate(run(Tenant(good=True, fault=second)))
    assert len(found.assets) > 3
    assert [(g.code, g.hides) for g in found.gaps if g.scope == "table resources"] == [(GapCode.NOT_FETCHED, ())]


def test_what_may_not_be_read_is_a_gap(run: Run) -> None:
    """Resource Graph leaves it out without a word; the asker's own rights tell what it leaves out."""
    tenant = Tenant(good=True)
    tenant.held = [{"actions": ["Microsoft.Storage/*/read"], "notActions": []},
                   {"actions": ["*"], "notActions": ["Microsoft.KeyVault/*", "microsoft.network/networkinterfaces/READ"]}]  # fmt: skip
    found = estate(run(tenant))
    gap = next(g for g in found.gaps if g.scope == f"subscription {SUB}")
    assert gap.code is GapCode.DENIED
    assert "microsoft.keyvault/managedhsms" in gap.detail
    assert "4 more" in gap.detail or "3 more" in gap.detail
    assert "storage" not in gap.detail


def test_a_page_elsewhere_is_not_asked_for(run: Run) -> None:
    """A next page on another server would be shown the token: it is not asked, and what is missing is said."""
    link = {"value": [], "nextLink": "https://evil.example.com/steal"}
    kind = "list microsoft.keyvault/vaults/keys of microsoft.keyvault/vaults"
    found = estate(run(Tenant(good=True, fault=failing(kind, Answer(link)))))
    assert [g.code for g in found.gaps] == [GapCode.OUTSIDE]


def test_pages_without_an_end_are_left(run: Run) -> None:
    """A page that names itself as the next one does not keep the reader for ever."""
    tenant = Tenant(good=True)
    cloud = run(tenant)
    kind = "list microsoft.keyvault/vaults/keys of microsoft.keyvault/vaults"
    asked = next(b for b in calls.lists() if b.type.endswith("vaults/keys"))
    tenant.fault = lambda n: (
        Answer({"value": [], "nextLink": f"http://{cloud.host}/a/b?api-version={asked.version}"})
        if n in (kind, "list nothing at /a/b")
        else None
    )
    found = estate(cloud)
    assert [g.code for g in found.gaps] == [GapCode.MALFORMED]


def test_a_server_that_hangs_is_left(run: Run) -> None:
    """A question without an answer ends with the time that there is; everything else is read."""
    tenant = Tenant(good=True, fault=failing("table securityresources", Answer(held=True)))
    found = estate(run(tenant), limits=Limits(wall_seconds=3.0))
    assert {g.code for g in found.gaps} & {GapCode.NOT_FETCHED, GapCode.TIMEOUT}
    assert len(found.assets) > 3


def test_a_busy_server_is_asked_again(run: Run) -> None:
    """What is put off twice and answered then is no gap."""
    left = 2

    def busy(name: str) -> Answer | None:
        nonlocal left
        left -= name == "table resources"
        return FAULTS["throttled"] if name == "table resources" and left >= 0 else None

    assert estate(run(Tenant(good=True, fault=busy))).gaps == ()


@pytest.mark.parametrize("fault", ["denied", "nobody", "broken", "html"])
def test_nothing_at_all_is_an_error(fault: str, run: Run) -> None:
    """Where no table may be read there is no estate, and the reason is told."""
    with pytest.raises(Unreadable, match="azure:"):
        estate(run(Tenant(good=True, fault=lambda n: FAULTS[fault] if n.startswith("table ") else None)))


def test_without_a_token_nothing_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that nobody takes are an error that names the way to better ones."""
    cloud = run(Tenant(good=True))
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{cloud.host}/elsewhere")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unreadable) as caught:
        estate(cloud)
    assert "az login" in caught.value.hint
    assert not [a for a in cloud.asked if a.path == calls.GRAPH]


@pytest.mark.parametrize("target", ["x", "mg/", "0a0a", f"{SUB},", f"{SUB}@a b", "mg/a/b", f"{SUB};"])
def test_what_is_no_target_is_refused(target: str) -> None:
    """A target says what is read, and no word of it is guessed."""
    with pytest.raises(BadUsage):
        live.parsed(f"azure:{target}", target)


def test_offline_asks_nobody(run: Run) -> None:
    """With --offline no cloud is asked."""
    cloud = run(Tenant(good=True))
    with pytest.raises(BadUsage):
        estate(cloud, limits=Limits(outside=Outside(offline=True)))
    assert cloud.asked == []
