"""What the texts of policies name: ARNs of what was read, whichever way they are written, and whose account is whose.

An account that nothing declares as ours is foreign. Where nothing declares any, the files tell it themselves: by ARNs of
what is in them, by policies that name by account and name what is in them, by the account that a key is left to.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product

from strongroom.model.estate import Asset
from strongroom.model.values import Statement

OWN = "ACCOUNT"
"""Our account, where its number is not known."""
REGION = "REGION"
STATEMENTS = ("policy.statements", "trust.statements", "resource.statements", "bucket.statements")

_REFERENCE = re.compile(
    r"\$\{((?:module\.[\w-]+(?:\[[^\]]*\])?\.)*(?:data\.)?[a-z][a-z0-9]*_\w+\.[\w-]+(?:\[[^\]]*\])?)(?:\.(\w+))?\}"
)
_LOGICAL = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)(?:\.(\w+))?\}")  # what a template calls its resources
_ACCOUNT_ARN = re.compile(r"arn:aws[\w-]*:([\w-]*):[\w-]*:(\d{12}):(.+)", re.DOTALL)
_INDEX = re.compile(r"\[[^\]]*\]$")
_MOST = 64  # instances of a block that one text may stand for; the others are covered by a hole
_LEFT_TO = frozenset({"*", "kms:*", "kms:put*", "kms:putkeypolicy"})


class Names:
    """The names of AWS resources, of one source or of several, and the accounts that they are in."""

    def __init__(self, assets: Sequence[Asset]) -> None:
        self._assets = assets
        self._by_address: dict[str, list[Asset]] = defaultdict(list)
        taken = Counter(a.address for a in assets)
        self._shown = {a.id: a.address if taken[a.address] == 1 else _within(label(a.id), a.address) for a in assets}
        for a in assets:
            told = a.value("aws.arn")
            of_key = (
                (told.rpartition("/")[2],) if a.native_type.startswith("aws_kms_") and isinstance(told, str) else ()
            )
            here = (_within(label(a.id), x) for x in (a.address, _INDEX.sub("", a.address)))
            for address in {*here, *a.aliases, *of_key}:
                self._by_address[address].append(a)
        self.region = _region(assets)
        self._arns: dict[str, str] = {}
        self.account = OWN
        self.account, self._accounts = OWN, dict[str, str]()
        declared = {name: tuple(_declared(found)) for name, found in _by_label(assets).items()}
        self.ours = frozenset(n for found in declared.values() for n in found)
        self.account = min(self.ours, default="") or _seen(assets) or self._told() or OWN
        self._accounts = {name: found[0] for name, found in declared.items() if len(set(found)) == 1}
        self._arns = {}
        self.ours |= {self.account}

    def account_of(self, asset_id: str) -> str:
        """The account that an asset is in."""
        return self._accounts.get(label(asset_id), self.account)

    def shown(self, asset: Asset) -> str:
        """What an asset is called here: its address, with its source where several have one of that address."""
        return self._shown[asset.id]

    def arn(self, asset: Asset) -> str:
        """The ARN of an asset, made up where a part of it is not known; empty for what has none."""
        known = self._arns.get(asset.id)
        if known is None:
            known = self._arns[asset.id] = self._arn(asset)
        return known

    def _arn(self, asset: Asset) -> str:
        alias = next((a for a in asset.aliases if a.startswith("arn:")), "")
        if alias:
            return alias
        told = asset.value("aws.arn")
        if not isinstance(told, str):
            return ""
        text = told.replace("${account}", self.account_of(asset.id)).replace("${region}", self.region or REGION)
        text = text.replace(f"${{{asset.address}}}", f"{{{self.shown(asset)}}}")
        return f"{text}-xxxxxx" if ":secretsmanager:" in text and told != text else text

    def at(self, address: str, within: str = "") -> Sequence[Asset]:
        """The assets of an address in a source, of an id or of an ARN: one, or every instance of a counted block."""
        found = self._by_address.get(_within(within, address))
        return found if found is not None else self._by_address.get(address, ())

    def resources(self, text: str, within: str = "") -> Sequence[str]:
        """What a resource's pattern stands for, in the form that ARNs have here."""
        return [_arn_pattern(t, self.account, self.region) for t in self._spelt(text, within)]

    def principals(self, text: str, within: str = "") -> Sequence[str]:
        """What an entry of Principal stands for."""
        spelt = self._spelt(text, within)
        return [t.replace("arn:aws-cn:", "arn:aws:").replace("arn:aws-us-gov:", "arn:aws:") for t in spelt]

    def _spelt(self, text: str, within: str) -> Iterable[str]:
        """A text with names in place of references, once for each instance that a reference may mean."""
        text = text.replace("${account}", self._accounts.get(within, self.account))
        if "${AWS::" in text:  # pseudo parameters of CloudFormation
            text = text.replace("${AWS::AccountId}", self._accounts.get(within, self.account))
            text = text.replace("${AWS::Partition}", "aws").replace("${AWS::URLSuffix}", "amazonaws.com")
            text = text.replace("${AWS::Region}", self.region or "*")
        if "${" not in text:
            return (text,)
        pieces: list[Sequence[str]] = []
        start = 0
        for m in self._references(text, within):
            pieces += [(text[start : m.start()],), self._meant(m, within)]
            start = m.end()
        pieces.append((text[start:],))
        return ["".join(p) for p in islice(product(*pieces), _MOST)]

    def _references(self, text: str, within: str) -> list[re.Match[str]]:
        """The references of a text; what could be a template's own name is one where something is called so."""
        logical = [m for m in _LOGICAL.finditer(text) if self.at(m[1], within)]
        return sorted((*_REFERENCE.finditer(text), *logical), key=lambda m: m.start())

    def _meant(self, reference: re.Match[str], within: str) -> Sequence[str]:
        address, attribute, inside = reference[1], reference[2] or "", reference.start() > 0
        if "aws_caller_identity." in address:
            return (self._accounts.get(within, self.account),)
        if "aws_partition." in address:
            return ("aws",)
        if "aws_region." in address:
            return (self.region or "*",)
        found = [arn for a in self.at(address, within)[:_MOST] if (arn := self.arn(a))]
        if not found:
            return (reference[0],)
        return [_last(arn) for arn in found] if inside and attribute != "arn" else found

    def _told(self) -> str:
        """The account that the policies of the files take for their own."""
        mine = {_tail(self.arn(a)) for a in self._assets} - {""}
        votes: Counter[str] = Counter()
        seen: set[str] = set()
        for a, s in _statements(self._assets):
            left = a.native_type.startswith("aws_kms_") and s.effect == "allow" and _LEFT_TO.intersection(s.actions)
            for text in (*s.principals, *s.not_principals, *s.resources, *s.not_resources):
                found = _ACCOUNT_ARN.search(text)
                if found is None:
                    continue
                seen.add(found[2])
                votes[found[2]] += 100 if f"{found[1]}:{found[3]}" in mine else 10 if left and found[3] == "root" else 0
        best = votes.most_common(1)
        if best and best[0][1]:
            return best[0][0]
        return next(iter(seen)) if len(seen) == 1 else ""


def _statements(assets: Iterable[Asset]) -> Iterator[tuple[Asset, Statement]]:
    for a in assets:
        for name in STATEMENTS:
            said = a.value(name)
            yield from ((a, s) for s in said if isinstance(s, Statement)) if isinstance(said, tuple) else ()


def _by_label(assets: Iterable[Asset]) -> dict[str, list[Asset]]:
    found: dict[str, list[Asset]] = defaultdict(list)
    for a in assets:
        found[label(a.id)].append(a)
    return found


def _within(source: str, address: str) -> str:
    return f"{source}//{address}" if source else address


def _declared(assets: Iterable[Asset]) -> Iterator[str]:
    for a in assets:
        said = a.value("account.ours")
        yield from (n for n in said if isinstance(n, str)) if isinstance(said, tuple) else ()


def _seen(assets: Iterable[Asset]) -> str:
    """The account of most of the ARNs that are known."""
    found = Counter(m[2] for a in assets for alias in a.aliases if (m := _ACCOUNT_ARN.fullmatch(alias)) is not None)
    return found.most_common(1)[0][0] if found else ""


def _region(assets: Iterable[Asset]) -> str:
    found = Counter(
        pieces[3] for a in assets for alias in a.aliases if len(pieces := alias.split(":", 5)) == 6 and pieces[3]
    )
    return found.most_common(1)[0][0] if len(found) == 1 else ""


def _tail(arn: str) -> str:
    """Service and resource of an ARN: what two ARNs share that differ in the account alone."""
    pieces = arn.split(":", 5)
    return f"{pieces[2]}:{pieces[5]}" if len(pieces) == 6 and pieces[2] != "s3" else ""


def _last(arn: str) -> str:
    """The bare name within an ARN."""
    return re.split(r"[/:]", arn.partition(":::")[2] or arn.split(":", 5)[-1])[-1]


def _arn_pattern(text: str, account: str, region: str) -> str:
    """A resource pattern whose partition is `aws`, and which matches any region and account where ours is not known."""
    pieces = text.split(":", 5)
    if len(pieces) < 6 or pieces[0] != "arn":
        return text
    pieces[1] = "aws"
    if pieces[3] and (not region or "${" in pieces[3]):
        pieces[3] = "*"
    if pieces[4].isdigit() and account == OWN:
        pieces[4] = "*"
    return ":".join(pieces)


def label(asset_id: str) -> str:
    """Which source an asset is of, where several of one kind were read together."""
    front, slashes, _ = asset_id.partition("//")
    return front.partition(":")[2] if slashes else ""
