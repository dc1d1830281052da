"""What an API server holds of the rule: any hook, policy or binding that is narrower than the rendered one is named."""

import copy
import json
from collections.abc import Callable

import clusters as a
import msgspec
import pytest
import yaml
from clusters import Json

from strongroom.app.isolation import render
from strongroom.isolate import installed
from strongroom.isolate.installed import Engine
from strongroom.model.errors import Malformed
from strongroom.model.isolate import Mode, Rendering, Rollout, Rule

DENYING: Rule = msgspec.structs.replace(a.RULE, rollout=Rollout(Mode.DENY))
LABELLED = a.namespace("red", "south", "restricted", **{f"{a.PREFIX}/sensitivity": "restricted"})
Change = Callable[[list[Json]], object]


def documents(target: str) -> list[Json]:
    """The objects of a target."""
    return [d for one in render(target, Rendering(DENYING)) for d in yaml.safe_load_all(one.text)]


def held(objects: list[Json]) -> Engine:
    """An engine of objects."""
    return installed.engine((str(o["kind"]), json.dumps(o).encode()) for o in objects)


def hooks(objects: list[Json]) -> list[Json]:
    """The hooks of a configuration."""
    return objects[0]["webhooks"]  # type: ignore[return-value]


def hook(objects: list[Json], name: str) -> Json:
    """One hook."""
    return next(h for h in hooks(objects) if str(h["name"]).startswith(name))


def lacks(target: str, change: Change) -> list[str]:
    """What is named once something was changed."""
    there = copy.deepcopy(documents(target))
    change(there)
    wanted, found = held(documents(target)), held(there)
    if target == "vap":
        return list(installed.policies_differ(wanted, found))
    return list(installed.not_asked(wanted, found, DENYING, a.state(base=[LABELLED])))


def rendered(_: list[Json]) -> None:
    """Nothing is changed."""


def defaulted(objects: list[Json]) -> None:
    """What an API server fills in."""
    for one in hooks(objects):
        one["objectSelector"], one["namespaceSelector"] = {}, one.get("namespaceSelector", {})
        for rule in one["rules"]:  # type: ignore[attr-defined]
            rule["scope"] = "*"


def wider(objects: list[Json]) -> None:
    """Asked about everything, everywhere, and closed while it is down."""
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    for one in hooks(objects):
        one |= {"rules": [every], "failurePolicy": "Fail"}
        one.pop("namespaceSelector", None)
        one.pop("matchConditions", None)


@pytest.mark.parametrize("change", [rendered, defaulted, wider])
def test_a_webhook_that_is_asked_as_much_lacks_nothing(change: Change) -> None:
    """The rendered webhook, the same as a server keeps it, and a wider one are whole."""
    assert lacks("webhook", change) == []


NARROWER: dict[str, tuple[Change, str]] = {
    "nothing": (lambda o: o.clear(), "no webhook of the rule is installed"),
    "another's": (lambda o: [h.update(name="x.example.org") for h in hooks(o)], "no webhook of the rule is installed"),
    "a hook less": (lambda o: hooks(o).remove(hook(o, "sources")), "sources: is not asked about CREATE namespaces"),
    "open while it is down": (lambda o: hook(o, "sensitive").update(failurePolicy="Ignore"), "sensitive: lets by while it is down"),
    "no bindings": (
        lambda o: hook(o, "sensitive")["rules"][0].update(resources=["pods", "pods/resize"]),  # type: ignore[index]
        "sensitive: is not asked about CREATE pods/binding",
    ),
    "no updates": (
        lambda o: [r.update(operations=["CREATE"]) for r in hook(o, "sensitive")["rules"]],  # type: ignore[attr-defined]
        "sensitive: is not asked about UPDATE pods",
    ),
    "one version": (
        lambda o: [r.update(apiVersions=["v1beta1"]) for r in hook(o, "sensitive")["rules"]],  # type: ignore[attr-defined]
        "sensitive: is not asked about",
    ),
    "one scope": (
        lambda o: [r.update(scope="Cluster") for r in hook(o, "sensitive")["rules"]],  # type: ignore[attr-defined]
        "sensitive: is not asked about",
    ),
    "a label of the object": (
        lambda o: hook(o, "sensitive").update(objectSelector={"matchLabels": {"gpu": "yes"}}),
        "sensitive: is not asked about",
    ),
    "fewer namespaces": (
        lambda o: hook(o, "sensitive")["namespaceSelector"]["matchExpressions"].append(  # type: ignore[index]
            {"key": "watched", "operator": "Exists"}
        ),
        "sensitive: is not asked about",
    ),
    "another condition": (
        lambda o: hook(o, "sensitive").update(matchConditions=[{"name": "n", "expression": "request.userInfo.username != 'eve'"}]),
        "sensitive: is not asked about",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NARROWER.values(), ids=NARROWER.keys())
def test_a_narrower_webhook_is_named(case: tuple[Change, str]) -> None:
    """Whatever leaves something out is told, with what it leaves out."""
    change, expected = case
    found = lacks("webhook", change)
    assert found
    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(
    ("space", "named"),
    [
        (LABELLED, False),
        (a.namespace("red", "south", "restricted"), True),
        (a.namespace("red", "south", "restricted", **{f"{a.PREFIX}/sensitivity": "public"}), True),
        (a.namespace("open", "north", "public"), False),
        (a.namespace("kube-system", "south", "restricted"), False),
    ],
)
def test_a_sensitive_namespace_without_its_label_is_named(space: Json, named: bool) -> None:
    """A hook's selector sees labels alone: without one, its tenant does not wait while the service is down."""
    whole = held(documents("webhook"))
    found = list(installed.not_asked(whole, whole, DENYING, a.state(base=[space])))
    assert bool(found) is named
    assert all("lacks the label" in line for line in found)


def of(objects: list[Json], kind: str) -> Json:
    """The first object of a kind."""
    return next(o for o in objects if o["kind"] == kind)


def spec(objects: list[Json], kind: str = "ValidatingAdmissionPolicy") -> Json:
    """Its spec."""
    return of(objects, kind)["spec"]  # type: ignore[return-value]


BOUND = "ValidatingAdmissionPolicyBinding"
WEAKER: dict[str, tuple[Change, str]] = {
    "a policy less": (lambda o: o.remove(of(o, "ValidatingAdmissionPolicy")), "is not installed"),
    "no binding": (lambda o: o.remove(of(o, BOUND)), "is bound nowhere"),
    "a warning": (lambda o: spec(o, BOUND).update(validationActions=["Warn"]), "does not deny everywhere"),
    "some namespaces": (
        lambda o: spec(o, BOUND).update(matchResources={"namespaceSelector": {"matchLabels": {"a": "b"}}}),
        "does not deny everywhere",
    ),
    "open": (lambda o: spec(o).update(failurePolicy="Ignore"), "is not as the rule is rendered"),
    "a check less": (lambda o: spec(o)["validations"].pop(), "is not as the rule is rendered"),  # type: ignore[attr-defined]
    "a check that is true": (
        lambda o: spec(o)["validations"][0].update(expression="true"),  # type: ignore[index]
        "is not as the rule is rendered",
    ),
    "another variable": (
        lambda o: spec(o)["variables"][0].update(expression="''"),  # type: ignore[index]
        "is not as the rule is rendered",
    ),
    "a condition": (
        lambda o: spec(o)["matchConditions"].append({"name": "n", "expression": "false"}),  # type: ignore[attr-defined]
        "is not as the rule is rendered",
    ),
    "an exclusion": (
        lambda o: spec(o)["matchConstraints"].update(excludeResourceRules=[{"apiGroups": ["*"]}]),  # type: ignore[attr-defined]
        "is not as the rule is rendered",
    ),
}


@pytest.mark.parametrize("case", WEAKER.values(), ids=WEAKER.keys())
def test_a_weaker_policy_is_named(case: tuple[Change, str]) -> None:
    """Whatever a policy or its binding lets by is told."""
    change, expected = case
    found = lacks("vap", change)
    assert len(found) == 1
    assert found[0].endswith(expected), found


def test_the_rendered_policies_differ_in_nothing() -> None:
    """Policies as they are rendered are as the rule is rendered."""
    assert lacks("vap", rendered) == []


@pytest.mark.parametrize(
    ("rollout", "reviewed", "found"),
    [
        (Rollout(Mode.DENY), True, []),
        (Rollout(Mode.DENY), False, ["no report that the rule names was reviewed, so that it only warns"]),
        (Rollout(), True, ["the default is observe"]),
        (Rollout(Mode.OBSERVE, dict.fromkeys("123467", Mode.DENY)), True, []),
        (Rollout(Mode.OBSERVE, dict.fromkeys("12346", Mode.DENY)), True, ["the default is observe"]),
        (Rollout(Mode.DENY, {"4.2": Mode.WARN}), True, ["clause 4.2 is warn"]),
        (Rollout(Mode.DENY, namespaces={"red": Mode.OBSERVE}), True, ["namespace red is observe"]),
        (Rollout(Mode.DENY, namespaces={"open": Mode.OBSERVE}), True, []),
        (Rollout(Mode.DENY, namespaces={"bare": Mode.WARN}), True, ["namespace bare is warn"]),
        (Rollout(Mode.DENY, namespaces={"nowhere": Mode.WARN}), True, ["namespace nowhere is warn"]),
    ],
)
def test_where_a_rule_does_not_deny_is_told(rollout: Rollout, reviewed: bool, found: list[str]) -> None:
    """Default, clauses and namespaces of sensitive or unknown tenants count; those of public ones do not."""
    rule = msgspec.structs.replace(a.RULE, rollout=rollout)
    assert list(installed.not_denied(rule, a.state(), reviewed=reviewed)) == found


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"webhooks": 5}', b'{"webhooks": [{"rules": "x"}]}'])
def test_what_is_no_configuration_is_refused(data: bytes) -> None:
    """An object that cannot be read is an error, and never one that lacks nothing."""
    with pytest.raises(Malformed):
        installed.engine([(installed.WEBHOOKS, data)])
