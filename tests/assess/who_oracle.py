"""An oracle for who can do what on AWS, written from AWS's documents and sharing nothing with the product.

It knows two values only. What depends on a request is decided twice: once in favour of whoever asks, once against him. It
does not search for ways: it lets everybody who is held make every request that there is, until nothing new is held.
"""

import itertools
import re
from dataclasses import dataclass, field

US, THEM = "111122223333", "999988887777"
BUCKET, KEY = "arn:aws:s3:::weights", f"arn:aws:kms:eu-west-1:{US}:key/k"
OBJECTS = [f"{BUCKET}/{name}" for name in ("a", "m/x", "m/other", "elsewhere")]
ROOT = f"arn:aws:iam::{US}:root"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

# What a service needs to run code as a role that trusts it; each action on something that is made for it.
JOBS = {
    "sagemaker.amazonaws.com": [
        ["sagemaker:CreateTrainingJob"],
        ["sagemaker:CreateProcessingJob"],
        ["sagemaker:CreateHyperParameterTuningJob"],
        ["sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"],
        ["sagemaker:CreateNotebookInstance", "sagemaker:CreateNotebookInstanceLifecycleConfig"],
        ["sagemaker:CreateModel", "sagemaker:CreateTransformJob"],
        ["sagemaker:CreateModel", "sagemaker:CreateEndpointConfig", "sagemaker:CreateEndpoint"],
        ["sagemaker:CreatePipeline", "sagemaker:StartPipelineExecution"],
        ["sagemaker:CreateDomain", "sagemaker:CreateUserProfile", "sagemaker:CreatePresignedDomainUrl"],
    ],
}


@dataclass(frozen=True)
class Rule:
    """One statement; `principals` is None in an identity's policy."""

    effect: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: tuple[str, ...] | None = None
    not_principals: tuple[str, ...] | None = None
    condition: tuple[str, str, str] | None = None  # operator, key, value


Policy = tuple[Rule, ...]


@dataclass(frozen=True)
class Being:
    """A role or user. `attached` are names of managed policies, `boundary` one of them."""

    kind: str
    name: str
    inline: Policy | None = None
    attached: tuple[str, ...] = ()
    boundary: str | None = None
    trust: Policy = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:iam::{US}:{self.kind}/{self.name}"


@dataclass(frozen=True)
class Account:
    """Everything that bears on a request."""

    beings: tuple[Being, ...]
    managed: dict[str, Policy]
    bucket: Policy | None
    key: Policy | None  # None: the bucket is not under it
    scp: Policy | None = None


@dataclass
class Held:
    """What one asker has: principals, and what has become of policies."""

    beings: dict[str, Being] = field(default_factory=dict)
    inline_ours: set[str] = field(default_factory=set)  # beings that got a policy with every right
    dropped: set[tuple[str, str]] = field(default_factory=set)  # (being, policy) taken off
    rewritten: set[str] = field(default_factory=set)  # managed policies with every right in them
    unbound: set[str] = field(default_factory=set)  # beings without their boundary
    trusting: set[str] = field(default_factory=set)  # roles whose trust lets everybody in
    bucket: set[str] = field(default_factory=set)  # "ours", "gone"
    key: set[str] = field(default_factory=set)  # "ours", "grant"

    def size(self) -> int:
        """How much it is; it only grows."""
        parts = (
            self.beings,
            self.inline_ours,
            self.dropped,
            self.rewritten,
            self.unbound,
            self.trusting,
            self.bucket,
            self.key,
        )
        return sum(map(len, parts))


EVERYTHING: Policy = (Rule("Allow", actions=("*",), resources=("*",)),)


def wild(pattern: str, text: str) -> bool:
    """IAM's wildcards."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


class Oracle:
    """One account, seen in favour of whoever asks, or against him."""

    def __init__(self, account: Account, *, favour: bool) -> None:
        self.account = account
        self.favour = favour

    # One statement

    def condition(self, rule: Rule, who: Being, context: dict[str, str]) -> bool:
        """Whether its condition holds; one that the request decides goes the way that is wanted."""
        if rule.condition is None:
            return True
        operator, key, value = rule.condition
        known = {
            "aws:PrincipalAccount": US,
            "aws:SecureTransport": "true",
            "aws:PrincipalArn": who.arn,
            **{f"aws:PrincipalTag/{k}": v for k, v in who.tags},
            **context,
        }
        always = ("aws:PrincipalAccount", "aws:SecureTransport", "aws:PrincipalArn")
        chosen = who.name.startswith("new-") and key.startswith(("aws:PrincipalTag/", "aws:PrincipalArn"))
        if chosen:  # whoever makes a role chooses its name and its tags
            return self.favour if rule.effect == "Allow" else not self.favour
        absent = key.startswith("aws:PrincipalTag/") or key in (
            "aws:SourceAccount",
            "kms:GrantIsForAWSResource",
        )
        if key == "kms:GrantIsForAWSResource":
            return value == "false"
        if key not in known and not absent and key not in always:
            return self.favour if rule.effect == "Allow" else not self.favour
        found = known.get(key)
        if operator == "StringNotEquals":
            return found is None or found != value
        if operator == "Null":
            return (found is None) == (value == "true")
        if found is None:
            return operator.endswith("IfExists")
        return wild(value, found) if operator == "ArnLike" else found == value

    def speaks(self, rule: Rule, action: str, resource: str) -> bool:
        """Whether it is about an action on a resource."""
        low = action.lower()
        acts = any(wild(a.lower(), low) for a in rule.actions)
        if rule.not_actions:
            acts = not any(wild(a.lower(), low) for a in rule.not_actions)
        on = any(wild(r, resource) for r in rule.resources)
        if rule.not_resources:
            on = not any(wild(r, resource) for r in rule.not_resources)
        if not rule.resources and not rule.not_resources:
            on = rule.principals is not None or rule.not_principals is not None
        return acts and on

    def outcome(self, policy: Policy, who: Being, action: str, resource: str, context: dict[str, str]) -> str:
        """`deny`, `allow` or nothing, for an identity's policy."""
        effects = {r.effect for r in policy if self.speaks(r, action, resource) and self.condition(r, who, context)}
        return "deny" if "Deny" in effects else "allow" if "Allow" in effects else ""

    def of_resource(self, policy: Policy, who: Being, action: str, resource: str, context: dict[str, str]) -> set[str]:
        """What a resource's policy says of somebody: `deny`, `arn`, `direct`, `account`."""
        out = set()
        for r in policy:
            if not self.speaks(r, action, resource) or not self.condition(r, who, context):
                continue
            means = set()
            if r.not_principals is not None:
                means = {"direct"} if who.arn not in r.not_principals else set()
            for p in r.principals or ():
                if p == "*":
                    means.add("direct")
                elif p == who.arn:
                    means.add("arn" if who.kind == "role" else "direct")
                elif p in (ROOT, US):
                    means.add("account")
            if means:
                out |= {"deny"} if r.effect == "Deny" else means
        return out

    # One request

    def allowed(
        self, held: Held, who: Being, action: str, resource: str, on: str = "", context: dict[str, str] | None = None
    ) -> bool:
        """Whether somebody gets a request through, with his policies in the best shape that they can be in."""
        context = context or {}
        grants = False
        for outcomes in self.identity(held, who, action, resource, context):
            if outcomes == {"deny"}:
                return False
            grants = grants or "allow" in outcomes
        limits = True
        if who.boundary is not None and who.name not in held.unbound and who.boundary not in held.rewritten:
            said = self.outcome(self.account.managed[who.boundary], who, action, resource, context)
            if said == "deny":
                return False
            limits = said == "allow"
        if self.account.scp is not None:
            said = self.outcome((*self.account.scp, *EVERYTHING), who, action, resource, context)
            if said != "allow":
                return False
        said_on, required = self.resource_side(held, who, on, action, resource, context)
        if "deny" in said_on:
            return False
        return bool(
            "direct" in said_on
            or ("arn" in said_on and limits)
            or (grants and limits and (not required or "account" in said_on))
        )

    def identity(self, held: Held, who: Being, action: str, resource: str, context: dict[str, str]) -> list[set[str]]:
        """For each policy on him what it can be made to say."""
        out = []
        named = [("inline", who.inline)] if who.inline is not None else []
        named += [(n, self.account.managed[n]) for n in who.attached]
        for name, policy in named:
            said = {self.outcome(policy, who, action, resource, context)}
            ours = name in held.rewritten or (name == "inline" and f"{who.name}:put" in held.inline_ours)
            if ours:
                said = {"allow"}
            elif (who.name, name) in held.dropped:
                said.add("")
            if len(said) > 1:
                said.discard("deny")
            out.append(said)
        if who.name in held.inline_ours:
            out.append({"allow"})
        return out

    def resource_side(
        self, held: Held, who: Being, on: str, action: str, resource: str, context: dict[str, str]
    ) -> tuple[set[str], bool]:
        """What the resource's side says, and whether it must have a word."""
        if on == "bucket":
            if "ours" in held.bucket:
                return {"direct"}, False
            said = self.of_resource(self.account.bucket or (), who, action, resource, context)
            if "gone" in held.bucket and "deny" in said:
                said = set()
            return said, False
        if on == "key":
            if "ours" in held.key:
                return {"direct", "account"}, True
            said = self.of_resource(self.account.key or (), who, action, resource, context)
            if "grant" in held.key and action in ("kms:Decrypt", "kms:CreateGrant"):
                said.add("arn" if who.kind == "role" else "direct")
            return said, True
        if on == "open trust":
            return {"direct"}, True
        if on.startswith("trust:"):
            name = on.removeprefix("trust:")
            if name in held.trusting:
                return {"direct", "account"}, True
            role = next(b for b in self.account.beings if b.name == name)
            return self.of_resource(role.trust, who, action, resource, context), True
        return set(), False

    # Everything that can be reached

    def reaches(self, start: Being) -> bool:
        """Whether one who begins as this being comes to read the bucket."""
        held = Held(beings={start.arn: start})
        while True:
            if any(self.reads(held, b) for b in held.beings.values()):
                return True
            before = held.size()
            for b in list(held.beings.values()):
                self.act(held, b)
            if held.size() == before:
                return False

    def reads(self, held: Held, who: Being) -> bool:
        """Whether somebody reads an object, and opens it."""
        got = any(self.allowed(held, who, "s3:GetObject", o, "bucket") for o in OBJECTS)
        return got and (self.account.key is None or self.allowed(held, who, "kms:Decrypt", KEY, "key"))

    def act(self, held: Held, who: Being) -> None:
        """Let somebody make every request that changes something."""

        def may(action: str, resource: str, on: str = "", **context: str) -> bool:
            named = {k.replace("_", ":", 1): v for k, v in context.items()}
            return self.allowed(held, who, action, resource, on, named)

        if may("s3:PutBucketPolicy", BUCKET, "bucket"):
            held.bucket.add("ours")
        if may("s3:DeleteBucketPolicy", BUCKET, "bucket"):
            held.bucket.add("gone")
        if self.account.key is not None:
            if may("kms:PutKeyPolicy", KEY, "key"):
                held.key.add("ours")
            if may("kms:CreateGrant", KEY, "key"):
                held.key.add("grant")
        for name in self.account.managed:
            arn = f"arn:aws:iam::{US}:policy/{name}"
            if may("iam:CreatePolicyVersion", arn) or (self.favour and may("iam:SetDefaultPolicyVersion", arn)):
                held.rewritten.add(name)
        self.make(held, who)
        for b in self.account.beings:
            self.change(held, may, b)
            self.become(held, who, may, b)

    def change(self, held: Held, may, b: Being) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a closure
        """What can be done to the policies on a being."""
        kind = b.kind.capitalize()
        bound = {"iam_PermissionsBoundary": f"arn:aws:iam::{US}:policy/{b.boundary}"} if b.boundary else {}
        if may(f"iam:Put{kind}Policy", b.arn, **bound):
            held.inline_ours |= {b.name, f"{b.name}:put"}
        if may(f"iam:Attach{kind}Policy", b.arn, iam_PolicyARN=ADMINISTRATOR, **bound):
            held.inline_ours.add(b.name)
        if may(f"iam:Delete{kind}Policy", b.arn, **bound):
            held.dropped.add((b.name, "inline"))
        for name in b.attached:
            if may(f"iam:Detach{kind}Policy", b.arn, iam_PolicyARN=f"arn:aws:iam::{US}:policy/{name}", **bound):
                held.dropped.add((b.name, name))
        if b.boundary is not None and any(
            may(f"iam:{verb}{kind}PermissionsBoundary", b.arn, **bound) for verb in ("Delete", "Put")
        ):
            held.unbound.add(b.name)
        if b.kind == "role" and may("iam:UpdateAssumeRolePolicy", b.arn, **bound):
            held.trusting.add(b.name)

    def become(self, held: Held, who: Being, may, b: Being) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a closure
        """The ways to another being."""
        if b.arn in held.beings:
            return
        if b.kind == "user":
            actions = ("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile")
            bound = {"iam_PermissionsBoundary": f"arn:aws:iam::{US}:policy/{b.boundary}"} if b.boundary else {}
            if any(may(a, b.arn, **bound) for a in actions):
                held.beings[b.arn] = b
            return
        if may("sts:AssumeRole", b.arn, f"trust:{b.name}"):
            held.beings[b.arn] = b
        for service, jobs in JOBS.items():
            if not self.trusts(b, service) or not may("iam:PassRole", b.arn, iam_PassedToService=service):
                continue
            made = f"arn:aws:sagemaker:eu-west-1:{US}:thing/new"
            if any(all(may(a, made) for a in job) for job in jobs):
                held.beings[b.arn] = b
        del who

    def trusts(self, b: Being, service: str) -> bool:
        """Whether a role's trust lets a service take it."""
        named = [r for r in b.trust if r.principals and (f"Service:{service}" in r.principals or "*" in r.principals)]
        nobody = Being("user", "service")
        fit = [r for r in named if self.speaks(r, "sts:AssumeRole", b.arn) and self.service_condition(r, nobody)]
        effects = {r.effect for r in fit}
        return "Allow" in effects and "Deny" not in effects

    def service_condition(self, rule: Rule, nobody: Being) -> bool:
        """The condition of a trust, for a service; what is said of principals does not hold for it."""
        if rule.condition is None:
            return True
        if rule.condition[1].startswith("aws:Principal"):
            return self.favour if rule.effect == "Allow" else not self.favour
        return self.condition(rule, nobody, {"aws:SourceAccount": US})

    def make(self, held: Held, who: Being) -> None:
        """A role or user of one's own making, with every right; within a boundary where one is demanded."""
        demanded = {None} | {
            r.condition[2].rpartition("/")[2]
            for p in self.every_policy()
            for r in p
            if r.condition is not None and r.condition[1] == "iam:PermissionsBoundary" and r.effect == "Allow"
        }
        there = {b.name for b in self.account.beings}
        for kind, boundary in itertools.product(("role", "user"), demanded):
            if boundary is not None and boundary not in self.account.managed:
                continue
            new = Being(kind, f"new-{kind}-{boundary}", EVERYTHING, boundary=boundary)
            free = [n for n in ("any", f"{kind[0]}1", f"{kind[0]}2", f"{kind[0]}3", f"{kind[0]}9") if n not in there]
            if any(self.can_make(held, who, kind, boundary, f"arn:aws:iam::{US}:{kind}/{n}") for n in free):
                held.beings[new.arn] = new

    def can_make(self, held: Held, who: Being, kind: str, boundary: str | None, arn: str) -> bool:
        """Whether somebody makes a role or user of a name that is free, gives it every right, and takes it."""
        context = {"iam:PermissionsBoundary": f"arn:aws:iam::{US}:policy/{boundary}"} if boundary else {}
        title = kind.capitalize()
        attaching = {**context, "iam:PolicyARN": ADMINISTRATOR}
        if not self.allowed(held, who, f"iam:Create{title}", arn, "", context):
            return False
        put = self.allowed(held, who, f"iam:Put{title}Policy", arn, "", context)
        if not put and not self.allowed(held, who, f"iam:Attach{title}Policy", arn, "", attaching):
            return False
        if kind == "user":
            return self.allowed(held, who, "iam:CreateAccessKey", arn, "", context)
        return self.allowed(held, who, "sts:AssumeRole", arn, "open trust")

    def every_policy(self) -> list[Policy]:
        """Every policy that is on somebody."""
        out = [b.inline for b in self.account.beings if b.inline is not None]
        return out + [self.account.managed[n] for b in self.account.beings for n in b.attached]


def verdicts(account: Account) -> dict[str, str]:
    """The verdict of every being, by its name."""
    against, favour = Oracle(account, favour=False), Oracle(account, favour=True)
    return {
        b.name: "ALLOW" if against.reaches(b) else "CONDITIONAL" if favour.reaches(b) else "DENY"
        for b in account.beings
    }
