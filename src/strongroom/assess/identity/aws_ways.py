"""How one principal becomes another.

Source: IAM User Guide, "Actions that modify permissions", "Grant a user permissions to pass a role to an AWS service" and
"Using IAM roles"; for each service the role that its jobs run as (Service Authorization Reference, iam:PassRole).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.identity.aws_account import Account
from strongroom.assess.identity.aws_entities import Entity
from strongroom.assess.identity.aws_evaluate import EMPTY, OURS, Hands, Judge, Principal, Request, Thing
from strongroom.assess.identity.aws_goal import Need, Option, attempt, fulfil
from strongroom.assess.identity.aws_managed import PREFIX
from strongroom.assess.identity.aws_names import OWN
from strongroom.assess.identity.aws_policy import Caller, Document, compiled
from strongroom.assess.identity.conditions import Form, Known
from strongroom.assess.identity.levels import NO, PERHAPS, YES
from strongroom.model.values import Statement

ADMINISTRATOR = f"{PREFIX}AdministratorAccess"

# A service that runs code as a role: its name in trust policies, and what starts the code; `+` is all of them. The text
# after a colon of the resource is the kind of ARN that is made.
SERVICES: tuple[tuple[str, str], ...] = (
    ("sagemaker", "CreateTrainingJob=training-job/"),
    ("sagemaker", "CreateProcessingJob=processing-job/"),
    ("sagemaker", "CreateHyperParameterTuningJob=hyper-parameter-tuning-job/"),
    (
        "sagemaker",
        "CreateNotebookInstance=notebook-instance/ + CreatePresignedNotebookInstanceUrl=notebook-instance/",
    ),
    (
        "sagemaker",
        "CreateNotebookInstance=notebook-instance/ + CreateNotebookInstanceLifecycleConfig=notebook-instance-lifecycle-config/",
    ),
    ("sagemaker", "CreateModel=model/ + CreateTransformJob=transform-job/"),
    ("sagemaker", "CreateModel=model/ + CreateEndpointConfig=endpoint-config/ + CreateEndpoint=endpoint/"),
    ("sagemaker", "CreatePipeline=pipeline/ + StartPipelineExecution=pipeline/"),
    ("sagemaker", "CreateDomain=domain/ + CreateUserProfile=user-profile/ + CreatePresignedDomainUrl=user-profile/"),
    ("lambda", "CreateFunction=function: + InvokeFunction=function:"),
    ("lambda", "CreateFunction=function: + CreateEventSourceMapping=event-source-mapping:"),
    ("lambda", "CreateFunction=function: + AddPermission=function:"),
    ("lambda", "CreateFunction=function: + CreateFunctionUrlConfig=function:"),
    ("ec2", "RunInstances=instance/"),
    ("ecs-tasks", "ecs:RegisterTaskDefinition=task-definition/ + ecs:RunTask=task-definition/"),
    ("ecs-tasks", "batch:RegisterJobDefinition=job-definition/ + batch:SubmitJob=job-definition/"),
    ("glue", "CreateJob=job/ + StartJobRun=job/"),
    ("glue", "CreateDevEndpoint=devEndpoint/"),
    ("codebuild", "CreateProject=project/ + StartBuild=project/"),
    ("cloudformation", "CreateStack=stack/"),
    ("states", "CreateStateMachine=stateMachine: + StartExecution=stateMachine:"),
    ("datapipeline", "CreatePipeline= + PutPipelineDefinition= + ActivatePipeline="),
    ("elasticmapreduce", "RunJobFlow=cluster/"),
)
TRAINING = SERVICES[0], SERVICES[2]


class Move(NamedTuple):
    """What gets a principal further: requests of his, and whom or what they give him. `level` is how surely."""

    level: int
    requests: tuple[Request, ...]
    what: str


STUCK = Move(NO, (), "")
_ALL = (Statement("allow", actions=("*",), resources=("*",), sid="whatever he likes"),)


@dataclass(slots=True)
class Newcomer:
    """A role or user that does not exist yet, and the requests that make one with every right."""

    principal: Principal
    options: tuple[Option, ...]


@dataclass(slots=True)
class Ways:
    """The ways between the principals of one account."""

    account: Account
    judge: Judge
    newcomers: dict[str, Newcomer] = field(default_factory=dict)
    _plain: dict[str, Thing] = field(default_factory=dict)
    _inside: dict[str, tuple[Option, ...]] = field(default_factory=dict)
    _trusts: dict[tuple[str, str], int] = field(default_factory=dict)
    _starts: dict[tuple[str, str], int] = field(default_factory=dict)
    _known: dict[tuple[str, str], bool] = field(default_factory=dict)
    _passable: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.newcomers = {n.principal.address: n for n in self._new()}
        for e in self.account.entities.values():
            self._inside.setdefault(e.address, tuple(self._running_as(e)))

    def entered(self, e: Entity) -> bool:
        """Whether something that runs as a role may be entered, or given other code."""
        return bool(self._inside.get(e.address))

    # One principal to another

    def become(self, who: Principal, whom: str, wanted: int, hands: Hands = EMPTY) -> Move:
        """The surest way from one principal to another, at least as sure as wanted; else none."""
        newcomer = self.newcomers.get(whom)
        if newcomer is not None:
            if hands is EMPTY and not (self._speaks(who, "iam:createrole") or self._speaks(who, "iam:createuser")):
                return STUCK
            done = attempt(self.judge, who, newcomer.options, hands, wanted)
            return Move(done.level, done.requests, whom) if done.level >= wanted else STUCK
        e = self.account.entities.get(whom)
        if e is None or e.kind == "group":
            return STUCK
        for way in (self._assume, self._keys, self._enter, self._pass):
            found = way(who, e, wanted, hands)
            if found.level >= wanted:
                return found
        return STUCK

    def _assume(self, who: Principal, e: Entity, wanted: int, hands: Hands) -> Move:
        """sts:AssumeRole, as the trust stands, or after it was written anew."""
        if e.trust is None:
            return STUCK
        take = Request("sts:assumerole", e.arn, e.trust)
        if hands is not EMPTY or self._trusts_people(e):
            level = self.judge.may(who, take, hands)
            if level >= wanted:
                return Move(level, (take,), e.address)
        if hands is EMPTY and not self._speaks(who, "iam:updateassumerolepolicy"):
            return STUCK
        rewrite = Request("iam:updateassumerolepolicy", e.arn, self.plain(e))
        level = self.judge.may(who, rewrite, hands)
        if level < wanted:
            return STUCK
        rewritten = Hands({**hands.policies, e.trust.policies[0].id: OURS}, hands.given)
        level = min(level, self.judge.may(who, take, rewritten))
        return Move(level, (rewrite, take), e.address)

    def _keys(self, who: Principal, e: Entity, wanted: int, hands: Hands) -> Move:
        """Credentials of a user, made by another."""
        if e.kind != "user":
            return STUCK
        for action in ("iam:createaccesskey", "iam:createloginprofile", "iam:updateloginprofile"):
            request = Request(action, e.arn, self.plain(e))
            level = self.judge.may(who, request, hands)
            if level >= wanted:
                return Move(level, (request,), e.address)
        return STUCK

    def _enter(self, who: Principal, e: Entity, wanted: int, hands: Hands) -> Move:
        """What already runs as the role, entered or given other code."""
        options = self._inside.get(e.address, ())
        if not options:
            return STUCK
        done = attempt(self.judge, who, options, hands, wanted)
        return Move(done.level, done.requests, e.address) if done.level >= wanted else STUCK

    def _pass(self, who: Principal, e: Entity, wanted: int, hands: Hands) -> Move:
        """iam:PassRole to a service that trusts the role, and what starts code there."""
        if e.kind != "role":
            return STUCK
        if hands is EMPTY and not self._speaks(who, "iam:passrole"):
            return STUCK
        for service, actions in self._services(e):
            if min(self.trusts(e, service), self._can_start(who, service, actions, hands)) < wanted:
                continue
            done = attempt(self.judge, who, (self.passing(e, service, actions),), hands, wanted)
            if done.level >= wanted:
                return Move(done.level, done.requests, e.address)
        return STUCK

    # What is asked of many pairs, and answered once for each of the two

    def _speaks(self, who: Principal, action: str) -> bool:
        """Whether some policy on somebody may allow an action on anything at all."""
        key = (who.address, action)
        if key not in self._known:
            self._known[key] = any(d.speaks_of(action) for d in who.policies)
        return self._known[key]

    def _trusts_people(self, e: Entity) -> bool:
        """Whether a role's trust speaks of anybody but services and providers of identities."""
        key = (e.address, "")
        if key not in self._known:
            documents = e.trust.policies if e.trust is not None else ()
            self._known[key] = any(
                d.hole
                or any(r.not_principals or any(p == "*" or p.startswith("AWS:") for p in r.principals) for r in d.rules)
                for d in documents
            )
        return self._known[key]

    def _services(self, e: Entity) -> tuple[tuple[str, str], ...]:
        """The services that a role trusts, with what starts code there."""
        if e.address not in self._passable:
            self._passable[e.address] = tuple((s, a) for s, a in SERVICES if self.trusts(e, s))
        return self._passable[e.address]

    def _can_start(self, who: Principal, service: str, actions: str, hands: Hands) -> int:
        """Whether somebody may start code of a service, whatever it runs as: asked for many roles, answered once."""
        if hands is not EMPTY:
            return YES
        key = (who.address, service + actions)
        if key not in self._starts:
            needs = tuple(self._starting(service, actions))
            self._starts[key] = min(fulfil(self.judge, who, (n,))[0] for n in needs)
        return self._starts[key]

    def passing(self, e: Entity, service: str, actions: str) -> Option:
        """The requests that run code of a service as a role."""
        context: Known = {"iam:passedtoservice": (f"{service}.amazonaws.com",)}
        role = Need("iam:passrole", self.plain(e), (e.arn,), context)
        return Option((role, *self._starting(service, actions)), self.trusts(e, service))

    def _starting(self, service: str, actions: str) -> Iterator[Need]:
        account = self.account.names.account
        region = self.account.names.region or "REGION"
        for piece in actions.split(" + "):
            name, _, kind = piece.partition("=")
            action = (name if ":" in name else f"{service}:{name}").lower()
            thing = Thing(f"a new {kind.rstrip('/:') or 'job'}", "", account)
            yield Need(action, thing, (f"arn:aws:{action.partition(':')[0]}:{region}:{account}:{kind}*",))

    def trusts(self, e: Entity, service: str) -> int:
        """Whether a role's trust lets a service take it."""
        key = (e.address, service)
        if key not in self._trusts and e.trust is not None:
            self._trusts[key] = max(
                (self._trusts_by(d, e, f"Service:{service}.amazonaws.com", service) for d in e.trust.policies),
                default=NO,
            )
        return self._trusts.get(key, NO)

    def _trusts_by(self, document: Document, e: Entity, entry: str, service: str) -> int:
        account = self.account.names.account
        known: Known = {
            "aws:sourceaccount": (account,),
            "aws:sourcearn": (Form(f"arn:aws:{service}:*:{account}:*"),),
            "aws:principalisawsservice": ("true",),
        }
        context = self.judge.context(_NOBODY, Request("sts:assumerole", e.arn, self.plain(e), known))
        allow, deny = PERHAPS if document.hole else NO, NO
        for rule, level in document.found("sts:assumerole").of(e.arn):
            named = entry in rule.principals or "*" in rule.principals
            if rule.not_principals:
                named = entry not in rule.not_principals
            sure = min(level, rule.covers(e.arn, context)) if named else NO
            allow, deny = (allow, max(deny, sure)) if rule.deny else (max(allow, sure), deny)
        return min(allow, YES - deny)

    def plain(self, e: Entity) -> Thing:
        """A role, user or group as what IAM's own requests are about: it has no policy that grants these."""
        if e.address not in self._plain:
            known = dict(e.trust.known) if e.trust is not None else {}
            bound = self.account.arn_of(e.boundary) if e.boundary is not None else ""
            known["iam:permissionsboundary"] = () if e.boundary is None else (bound,) if bound else None
            self._plain[e.address] = Thing(e.address, e.arn, self.account.account_of(e), known=known)
        return self._plain[e.address]

    def _running_as(self, e: Entity) -> Iterator[Option]:
        """Notebooks, profiles, functions and machines of the files that run as a role."""
        if e.kind != "role":
            return
        for a in self.account.running_as(e):
            thing = self.account.thing(a)
            if a.native_type == "aws_sagemaker_notebook_instance":
                yield Option((Need("sagemaker:createpresignednotebookinstanceurl", thing, (thing.arn,)),))
            elif a.native_type == "aws_sagemaker_user_profile":
                yield Option((Need("sagemaker:createpresigneddomainurl", thing, (thing.arn,)),))
            elif a.native_type == "aws_sagemaker_domain" and a.value("studio.auth") != "SSO":
                within = thing.arn.replace(":domain/", ":user-profile/") + "/*"
                yield Option((Need("sagemaker:createpresigneddomainurl", thing, (within,)),))
            elif a.native_type == "aws_lambda_function":
                code = Need("lambda:updatefunctioncode", thing, (thing.arn,))
                yield Option((code, Need("lambda:invokefunction", thing, (thing.arn,))))
                yield Option((code,), PERHAPS, "when the function is next called")
            elif a.native_type in ("aws_instance", "aws_spot_instance_request"):
                managed_by = self.judge.may(
                    self.account.principals[e.address],
                    Request("ssm:updateinstanceinformation", thing.arn, thing),
                )
                for action in ("ssm:startsession", "ssm:sendcommand") if managed_by else ():
                    yield Option((Need(action, thing, (thing.arn,)),), managed_by)

    def _new(self) -> Iterator[Newcomer]:
        """A role and a user that somebody makes for himself, with every boundary that he may be told to put on them."""
        for boundary in (None, *self.account.demanded_boundaries()):
            for kind in ("role", "user"):
                yield self._newcomer(kind, boundary)

    def _newcomer(self, kind: str, boundary: Document | None) -> Newcomer:
        account = self.account.names.account
        arn = f"arn:aws:iam::{account}:{kind}/*"
        bound = (self.account.arn_of(boundary) or boundary.name,) if boundary is not None else ()
        name = f"a new {kind}" + (f" within {boundary.name}" if boundary is not None else "")
        taken = frozenset(e.arn for e in self.account.entities.values())
        thing = Thing(name, arn, account, known={"iam:permissionsboundary": bound}, taken=taken)
        everything = compiled(name, name, _ALL, lambda t: (t,))
        caller = Caller(f"arn:aws:iam::{account}:{kind}/\ue001new", account, is_role=kind == "role")
        number = None if account == OWN else (account,)
        # Whoever makes it chooses its name and its tags: these are not known.
        known: Known = {
            "aws:principalaccount": number,
            "kms:calleraccount": number,
            "aws:principaltype": ("AssumedRole",) if kind == "role" else ("User",),
        }
        principal = Principal(name, caller, (everything,), boundary, known=known)
        trust = Thing(name, arn, account, (_OWN_TRUST,), required=True)  # it names whoever makes the role
        last = Need("sts:assumerole", trust, (arn,)) if kind == "role" else Need("iam:createaccesskey", thing, (arn,))
        give = (
            Need(f"iam:put{kind}policy", thing, (arn,)),
            Need(f"iam:attach{kind}policy", thing, (arn,), {"iam:policyarn": (ADMINISTRATOR,)}),
        )
        return Newcomer(principal, tuple(Option((Need(f"iam:create{kind}", thing, (arn,)), g, last)) for g in give))


_TAKE = Statement("allow", ("*",), actions=("sts:assumerole",))
_OWN_TRUST = compiled("own trust", "a trust of one's own", (_TAKE,), lambda t: (t,), lambda t: (t,))
_NOBODY = Principal("", Caller("", ""))
