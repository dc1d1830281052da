"""What leads from one network of Azure to another: addresses, balancers, NAT gateways, routes."""

from collections.abc import Iterator, Mapping

from strongroom.collect.native import Default, Native, Reader, Row, choice
from strongroom.collect.resource import Resource
from strongroom.collect.tables._azure import docs
from strongroom.collect.tables._paths import Named, Rules, inside, many, tied
from strongroom.kit.kleene import any_of, negate
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import NetRule, Unknown, Value

# https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses#sku: a Standard one lets nothing in but what
# a security group allows; a Basic one is open. What a block leaves out hangs on the provider's version.
_CLOSED = {"standard": True, "standardv2": True, "basic": False, "gateway": True}
_POOL, _RULE, _NAT_RULE, _OUT = (
    "azurerm_lb_backend_address_pool",
    "azurerm_lb_rule",
    "azurerm_lb_nat_rule",
    "azurerm_lb_outbound_rule",
)
_PROTOCOLS = {"tcp": "tcp", "udp": "udp", "all": "all"}


def _other(native: str, *rows: Row, kind: Kind = Kind.OTHER) -> Native:
    return Native(type=native, kind=kind, provider="azure", rows=rows)


def _sku(r: Reader) -> Value:
    word = r.text("sku") if not isinstance(r.at("sku"), Mapping) else r.text("sku.name")
    if isinstance(word, Unknown):
        return word
    if word is None:
        return Unknown(GapCode.UNDECIDED, "its SKU is not set, and what that means hangs on the provider's version")
    return _CLOSED.get(word.lower(), Unknown(GapCode.UNSUPPORTED, f"the SKU {word[:40]!r} is not known"))


# Balancers


def _front(r: Reader) -> Value:
    """Whether a balancer has an address of the internet. One has public frontends, or private ones."""
    found = r.blocks("frontend_ip_configuration")
    if isinstance(found, Unknown):
        return found
    names = ("public_ip_address_id", "public_ip_prefix_id")
    return any_of(r.given(n, b) for b in found for n in names)


def _flows(r: Reader) -> Value:
    """What a balancer passes on: protocol and port of those behind it, and the pools or the rules that they are in."""
    rules: list[NetRule | Unknown] = []
    for native in (_RULE, _NAT_RULE):
        found = r.satellites(native, "loadbalancer_id")
        rules += [rule for s in found.found for rule in _flow(r.reading(s), s)]
        rules += [m.maybe for m in found.maybe if m.maybe is not None]
        if found.doubt is not None and not found.maybe:
            rules.append(found.doubt)
    return tuple(rules)


def _flow(r: Reader, s: Resource) -> Rules:
    protocol = r.text("protocol")
    port = r.number("backend_port")
    pools = (*many(r, r.at("backend_address_pool_ids")), *many(r, r.at("backend_address_pool_id")))
    if s.type == _NAT_RULE:
        own = s.values.get("id")
        pools = (*pools, s.id, *((own.lower(),) if isinstance(own, str) else ()))
    doubt = next((x for x in (protocol, port, *pools) if isinstance(x, Unknown)), None)
    if doubt is not None:
        return (doubt,)
    word = _PROTOCOLS.get((protocol or "tcp").lower() if isinstance(protocol, str | None) else "", "all")
    whole = word == "all" or not port
    low, high = (0, 65535) if whole else (int(port), int(port)) if isinstance(port, float) else (0, 65535)
    return (NetRule("ingress", "allow", word, low, high, (), tuple(p for p in pools if isinstance(p, str))),)


def _lends(r: Reader) -> Value:
    """The pools whose members leave by the balancer's address: by a rule that does not switch that off, or a rule for it."""

    def found() -> Iterator[Named]:
        for native, off in ((_RULE, "disable_outbound_snat"), (_OUT, "")):
            some = r.satellites(native, "loadbalancer_id")
            for s in some.found:
                reader = r.reading(s)
                no = reader.flag(off) if off else False
                if no is True:
                    continue
                pools = (
                    *many(reader, reader.at("backend_address_pool_ids")),
                    *many(reader, reader.at("backend_address_pool_id")),
                )
                yield from (no if isinstance(no, Unknown) else p for p in pools)
            yield from (m.maybe for m in some.maybe if m.maybe is not None)
            if some.doubt is not None and not some.maybe:
                yield some.doubt

    return tuple(dict.fromkeys(found()))


def _pools(r: Reader) -> Value:
    """The pools that are a balancer's: blocks of their own that name it, and those that its own answer lists."""
    found = r.satellites(_POOL, "loadbalancer_id")
    own = (i.lower() for s in found.found if isinstance(i := s.values.get("id"), str))
    doubt = () if found.doubt is None else (found.doubt,)
    return tuple(
        dict.fromkeys((*(s.id for s in found.found), *own, *doubt, *many(r, r.at("backend_address_pool_ids"))))
    )


# Routes


def _route(r: Reader, block: object) -> Named:
    """One route as `PREFIX KIND -`."""
    prefix, hop = r.text("address_prefix", block), r.text("next_hop_type", block)
    doubt = next((x for x in (prefix, hop) if isinstance(x, Unknown)), None)
    if isinstance(prefix, str) and isinstance(hop, Unknown):
        return f"{prefix} unknown -"
    return doubt or f"{prefix} {str(hop or 'none').lower()} -"


def _entries(r: Reader) -> Value:
    own = r.blocks("route")
    found: list[Named] = [own] if isinstance(own, Unknown) else [_route(r, b) for b in own]
    apart = r.satellites("azurerm_route", "route_table_name")
    found += [_route(r.reading(s), s.values) for s in apart.found]
    found += [m.maybe for m in apart.maybe if m.maybe is not None]
    if apart.doubt is not None and not apart.maybe:
        found.append(apart.doubt)
    return tuple(found)


def _private(r: Reader) -> Value:
    """A NAT gateway without an address of the internet passes nothing on."""
    own = (r.given(n) for n in ("public_ip_address_ids", "public_ip_prefix_ids"))
    addresses = (
        ("azurerm_nat_gateway_public_ip_association", "public_ip_address_id"),
        ("azurerm_nat_gateway_public_ip_prefix_association", "public_ip_prefix_id"),
    )
    apart = (n for native, name in addresses for n in tied(r, native, "nat_gateway_id", name))
    return negate(any_of((*own, *(n if isinstance(n, Unknown) else True for n in apart))))


TABLE = (
    _other(
        "azurerm_public_ip",
        choice("ip.version", "ip_version", {"ipv4": "4", "ipv6": "6"}, Default("4", docs("public_ip"))),
        Row("ip.closed", _sku),
    ),
    _other("azurerm_nat_gateway", Row("nat.private", _private)),
    Native(
        type="azurerm_route_table",
        kind=Kind.ROUTES,
        provider="azure",
        rows=(Row("routes.entries", _entries),),
    ),
    Native(
        type="azurerm_lb",
        kind=Kind.LOAD_BALANCER,
        provider="azure",
        rows=(
            Row("net.public", _front),
            Row("ip.closed", _sku),
            Row("lb.flows", _flows),
            Row("link.lends", _lends),
            Row("link.pools", _pools),
        ),
    ),
    Native(
        type="azurerm_application_gateway",
        kind=Kind.LOAD_BALANCER,
        provider="azure",
        rows=(
            Row("net.public", _front),
            inside("link.subnets", "gateway_ip_configuration", "subnet_id"),
        ),
    ),
)
