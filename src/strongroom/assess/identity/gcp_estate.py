"""What was read of Google Cloud as grants on scopes: resources, the rings they are in, projects, folders, organisations."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from strongroom.assess.identity.gcp_roles import holds, listed
from strongroom.assess.identity.levels import NO, PERHAPS, YES
from strongroom.assess.identity.scoped import Covers, Grant, Scopes
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.values import Statement, Unknown

ACCOUNT = "google_service_account"
PUBLIC = ("allUsers", "allAuthenticatedUsers")
PROJECT = "the project"
"""The scope of a project that nothing names."""
PARENTS = {"google_project": "project", "google_folder": "folder", "google_organization": "organization"}
_LINK = re.compile(r"\$\{((?:module\.[\w-]+(?:\[[^\]]*\])?\.)*google_\w+\.[\w-]+(?:\[[^\]]*\])?)(?:\.\w+)?\}")
_TIME = re.compile(r"""request\.time\s*(<=?|>=?)\s*timestamp\(["']([^"']+)["']\)""")
_CONVENIENCE = {"projectOwner": "roles/owner", "projectEditor": "roles/editor", "projectViewer": "roles/viewer"}
_GRANTING = re.compile(r"_iam_(member|binding|policy)$")


class Estate:
    """The grants of Google Cloud among what was read."""

    def __init__(self, assets: Sequence[Asset], now: datetime) -> None:
        self.assets = assets
        self.now = now
        self.scopes = Scopes(groups=lambda who: () if who in PUBLIC else PUBLIC)
        self._by_name: dict[str, list[Asset]] = defaultdict(list)
        for a in assets:
            for name in {a.id, a.address, re.sub(r"\[[^\]]*\]$", "", a.address), a.name, *a.aliases}:
                self._by_name[name].append(a)
        self.custom = [a for a in assets if a.native_type.endswith("_iam_custom_role")]
        self.parents: dict[str, str] = {}  # projects, folders and organisations, by what they are called here
        self._basic: list[tuple[str, str, str]] = []  # who holds which basic role where
        grants = [a for a in assets if a.kind is Kind.GRANT and "grant.roles" in a.facts]
        for a in grants:
            stem = _GRANTING.sub("", a.native_type)
            if stem in PARENTS:
                self.parents |= dict.fromkeys(self._on(a, stem), PARENTS[stem])
        higher = {p: YES for p, kind in self.parents.items() if kind != "project"}
        for name in (*self.parents, PROJECT):
            self.scopes.above[name] = {name: YES, **higher}
        for a in assets:
            if a.address not in self.parents:
                self.scopes.above[a.address] = self._above(a)
        for a in grants:
            self._grant(a)
        self._give_conveniences()

    # Scopes

    def _above(self, a: Asset) -> dict[str, int]:
        """The scopes that hold a resource, with how surely they do."""
        out = {a.address: YES}
        said: object = a.value("google.project") or a.account
        for rel in ("ring", "bucket", "pool"):
            for x in (x for r in a.refs if r.rel == rel for x in self._meant(r.id)):
                out[x.address] = YES
                said = said or x.value("google.project")
        projects = [p for p, kind in self.parents.items() if kind == "project"]
        mine = self._project(said) if isinstance(said, str) else ""
        if mine:
            out[mine] = YES
        else:
            sure = YES if len({p for p in projects if p != PROJECT}) <= 1 else PERHAPS
            out |= dict.fromkeys((*projects, PROJECT), sure)
        return out | {p: YES for p, kind in self.parents.items() if kind != "project"}

    def _project(self, said: str) -> str:
        found = [a for a in self._by_name.get(said, ()) if a.native_type == "google_project"]
        return found[0].address if len(found) == 1 else said.removeprefix("projects/")

    def _meant(self, ref: str) -> Sequence[Asset]:
        plain = ref.rpartition("//")[2].removeprefix("terraform:")
        found = (
            self._by_name.get(ref, ())
            or self._by_name.get(plain, ())
            or self._by_name.get(plain.rpartition("/")[2], ())
        )
        return [a for a in found if a.kind is not Kind.GRANT]

    def _on(self, a: Asset, stem: str) -> list[str]:
        """The scopes that a grant is on."""
        out = []
        for r in a.refs:
            found = [x.address for x in self._meant(r.id) if x.native_type == stem]
            plain = r.id.rpartition("//")[2].removeprefix("terraform:")
            out += found or [plain.removeprefix("projects/")]
        return out or ([PROJECT] if stem == "google_project" else [f"some {PARENTS.get(stem, stem)}"])

    # Grants

    def _grant(self, a: Asset) -> None:
        scopes = self._on(a, _GRANTING.sub("", a.native_type))
        sure, depends = self._condition(a)
        said = a.value("grant.roles")
        for s in said if isinstance(said, tuple) else (said,):
            if not isinstance(s, Statement):
                continue
            for role in s.actions:
                covers, doubt = self._covers(role)
                for member, scope in ((m, s_) for m in s.principals for s_ in scopes):
                    who = self.member(member)
                    self.scopes.add(Grant(who, scope, covers, f"{a.address} ({role})", sure, depends or doubt))
                    self._basic += [(who, role, scope)] if role in _CONVENIENCE.values() else []

    def _give_conveniences(self) -> None:
        """What is granted to a project's owners, editors or viewers is granted to whoever holds that role there."""
        for member in list(self.scopes.held):
            kind, _, project = member.partition(":")
            if kind in _CONVENIENCE:
                found = self.scopes.held.pop(member)
                for who, role, scope in self._basic:
                    if role == _CONVENIENCE[kind] and scope in (self._project(project), PROJECT):
                        self.scopes.held[who] += found

    def _condition(self, a: Asset) -> tuple[int, str]:
        """How surely a condition holds; the time is known, the rest is up to the request or the resource."""
        said = a.value("grant.when")
        if said is None:
            return YES, ""
        level, words = YES, list[str]()
        for text in said if isinstance(said, tuple) else (said,):
            one = self._holds(text) if isinstance(text, str) else PERHAPS
            level = min(level, one)
            if one == PERHAPS:
                words.append(text.detail if isinstance(text, Unknown) else str(text))
        return level, "; ".join(words)

    def _holds(self, text: str) -> int:
        found = _TIME.fullmatch(text.strip())
        try:
            limit = datetime.fromisoformat(found[2]) if found is not None else None
        except ValueError:
            limit = None
        if found is None or limit is None or limit.tzinfo is None:
            return PERHAPS
        return YES if (self.now < limit) == found[1].startswith("<") else NO

    def _covers(self, role: str) -> tuple[Covers, str]:
        """What a role holds, and why that is not known."""
        link = _LINK.fullmatch(role)
        name = link[1] if link else role.rpartition("/")[2] if not role.startswith("roles/") else ""
        custom = next((c for c in self.custom if name and name in (c.address, c.name)), None)
        if custom is not None:
            said = custom.value("role.permissions")
            if isinstance(said, tuple) and all(isinstance(p, str) for p in said):
                return partial(listed, tuple(map(str, said))), ""
            return _perhaps, f"the permissions of {custom.address} are not known"
        if "${" in role or not role.startswith("roles/"):
            return _perhaps, f"the role {role} is not in these files"
        return partial(holds, role), ""

    def member(self, text: str) -> str:
        """A member by its address where the files make it, else as it is written."""
        link = _LINK.search(text)
        if link is not None:
            found = [a for a in self._by_name.get(link[1], ()) if a.native_type == ACCOUNT]
            return found[0].address if len(found) == 1 else link[1]
        kind, _, email = text.partition(":")
        if kind == "serviceAccount" and "[" not in email and email.endswith(".iam.gserviceaccount.com"):
            named = [a for a in self._by_name.get(email.partition("@")[0], ()) if a.native_type == ACCOUNT]
            project = email.partition("@")[2].partition(".")[0]
            fit = [
                a
                for a in named
                if a.value("google.project") in (None, project) or "." in str(a.value("google.project"))
            ]
            if len(fit) == 1:
                return fit[0].address
        return text

    def principals(self) -> Iterable[str]:
        """Everybody whom the files name."""
        accounts = [a.address for a in self.assets if a.native_type == ACCOUNT]
        return dict.fromkeys((*accounts, *self.scopes.held))


def _perhaps(_permission: str) -> int:
    return PERHAPS
