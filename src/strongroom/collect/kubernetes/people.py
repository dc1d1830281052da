"""Users and groups that bindings name. The API serves none of them, so all that is known is what they are given."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.collect.kubernetes.drafts import Draft
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value, Where

GROUP = "rbac.authorization.k8s.io"
KINDS = ("User", "Group")
_OWN = "system:"  # names that Kubernetes keeps for its own parts and for everybody ("Using RBAC Authorization")


@dataclass(slots=True)
class Person:
    """A user or a group: where it is bound first, the bindings, and the powers of all of their roles together."""

    kind: str
    name: str
    where: Where
    powers: dict[str | Unknown, None] = field(default_factory=dict)
    bindings: dict[str, None] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Value]:
        """What is known of it; a power is unknown for each role that is."""
        return {"subject.powers": tuple(self.powers), "subject.bindings": tuple(self.bindings)}


def people(drafts: Iterable[Draft]) -> Iterator[Person]:
    """Everybody who is bound to something by more than Kubernetes itself, in the order of the source."""
    found: dict[tuple[str, str], Person] = {}
    for made in drafts:
        subjects = made.facts.get("grant.subjects")
        if (
            made.what is not Kind.GRANT
            or made.facts.get("rbac.standard") is not False
            or not isinstance(subjects, tuple)
        ):
            continue
        given = made.facts.get("rbac.powers")
        parts = given if isinstance(given, tuple) else (given,)
        powers = [p for p in parts if isinstance(p, str | Unknown)]
        for said in subjects:
            kind, _, name = str(said).partition(" ")
            if kind in KINDS and name and not name.startswith(_OWN):
                one = found.setdefault((kind, name), Person(kind, name, made.where))
                one.powers.update(dict.fromkeys(powers))
                one.bindings[f"{made.namespace}/{made.name}" if made.namespace else made.name] = None
    yield from found.values()
