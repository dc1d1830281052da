"""The words that pages for people use for the program's own."""

from strongroom.model.codes import Effort, Status, Verb
from strongroom.model.kinds import Kind

STATUS = {
    Status.PASS: "pass",
    Status.FAIL: "fail",
    Status.UNKNOWN: "unknown",
    Status.NOT_APPLICABLE: "not applicable",
    Status.ACCEPTED: "accepted",
    Status.NOT_ASSESSED: "not assessed",
    Status.ATTESTED: "attested",
}

MEANS = {
    Status.PASS: "proven on everything it applies to",
    Status.FAIL: "broken on at least one asset",
    Status.UNKNOWN: "asked, and what was read does not tell; never a pass",
    Status.NOT_APPLICABLE: "nothing here that it applies to",
    Status.ACCEPTED: "broken, and a named person accepts it until a date",
    Status.NOT_ASSESSED: "no source that was given can measure it, or not all of it",
    Status.ATTESTED: "a person vouches for it, until a date",
}

# In the order in which a bar shows them: what is wrong first, what nobody looked at last.
SHOWN = (
    Status.FAIL,
    Status.UNKNOWN,
    Status.ACCEPTED,
    Status.PASS,
    Status.ATTESTED,
    Status.NOT_ASSESSED,
    Status.NOT_APPLICABLE,
)

VERBS = {
    Verb.ASSESS: "know what you have",
    Verb.PLAN: "decide what comes first",
    Verb.ATTEST: "prove what runs",
    Verb.ISOLATE: "keep apart what must not mix",
    Verb.SEAL: "close what must not leak",
    Verb.LOG: "be able to prove it later",
    Verb.WATCH: "notice misuse",
    Verb.RESPOND: "recover",
}

PHASES = {30: "First 30 days", 60: "By day 60", 90: "By day 90"}

EFFORT = {Effort.SMALL: "minutes", Effort.MEDIUM: "about a day", Effort.LARGE: "a project"}

KINDS = {
    Kind.NOTEBOOK: "Notebooks",
    Kind.WORKSPACE: "AI workspaces",
    Kind.JOB: "Training and processing jobs",
    Kind.MODEL: "Models",
    Kind.ENDPOINT: "Inference endpoints",
    Kind.ENDPOINT_CONFIG: "Endpoint configurations",
    Kind.AGENT: "Agents",
    Kind.INDEX: "Vector and search indexes",
    Kind.DATASET: "Datasets",
    Kind.GUARDRAIL: "Guardrails",
    Kind.CLUSTER: "Kubernetes clusters",
    Kind.NODE_POOL: "Node pools",
    Kind.WORKLOAD: "Workloads",
    Kind.NAMESPACE: "Namespaces",
    Kind.INSTANCE: "Instances",
    Kind.TEMPLATE: "Instance templates",
    Kind.HOST: "Hosts",
    Kind.GPU: "GPUs",
    Kind.BUCKET: "Buckets",
    Kind.DISK: "Disks",
    Kind.FILE_SYSTEM: "File systems",
    Kind.REGISTRY: "Registries",
    Kind.SEARCH: "Search domains",
    Kind.ARTIFACT: "Model artifacts",
    Kind.IMAGE: "Images",
    Kind.ACCESS_BLOCK: "Public access blocks",
    Kind.KEY: "Keys",
    Kind.KEY_VAULT: "Key vaults",
    Kind.SECRET: "Secrets",
    Kind.IDENTITY: "Identities",
    Kind.POLICY: "Policies",
    Kind.GRANT: "Grants",
    Kind.NETWORK: "Networks",
    Kind.SUBNET: "Subnets",
    Kind.ROUTES: "Route tables",
    Kind.FIREWALL: "Firewalls and security groups",
    Kind.ACL: "Network ACLs",
    Kind.INTERFACE: "Network interfaces",
    Kind.PRIVATE_ENDPOINT: "Private endpoints",
    Kind.LOAD_BALANCER: "Load balancers",
    Kind.NIC: "Network cards",
    Kind.TRAIL: "Audit trails",
    Kind.LOG_GROUP: "Log groups",
    Kind.DETECTOR: "Detectors",
    Kind.ACCOUNT: "Cloud accounts",
    Kind.OTHER: "Other resources, seen and not judged",
}

# The headings of the inventory, in order; a kind that is in none comes last.
FAMILIES = (
    ("AI services", frozenset(k for k in Kind if k.value.startswith("ai."))),
    ("Clusters and machines", frozenset(k for k in Kind if k.value.startswith(("k8s.", "compute.")))),
    ("Stores", frozenset(k for k in Kind if k.value.startswith("store."))),
    (
        "Accounts, keys and identities",
        frozenset(k for k in Kind if k.value.startswith(("cloud.", "key", "secret", "identity", "policy"))),
    ),
    ("Network", frozenset(k for k in Kind if k.value.startswith("net."))),
    ("Logs and detection", frozenset(k for k in Kind if k.value.startswith(("log.", "detector")))),
)


def kind_name(kind: Kind) -> str:
    """A kind for people, in the plural."""
    return KINDS.get(kind, kind.value)


AREAS = {
    "inventory": "Inventory",
    "confidential": "Confidential computing",
    "artifacts": "Model artifacts",
    "gpu": "GPUs",
    "network": "Network",
    "identity": "Identity",
    "audit": "Audit logs",
    "monitoring": "Monitoring",
    "physical": "Physical",
    "firmware": "Boot and firmware",
    "management": "Management plane",
    "endpoint": "Inference endpoints",
    "recovery": "Response, recovery",
    "governance": "Governance",
}


def area_name(area: str) -> str:
    """An area of the catalogue for people."""
    return AREAS.get(area, area.capitalize())
