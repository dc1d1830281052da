"""The closed list of asset kinds. A kind is what a thing *is*, whoever sells it."""

from enum import StrEnum


class Kind(StrEnum):
    """What an asset is. A check names kinds, never a vendor's type."""

    # AI services
    NOTEBOOK = "ai.notebook"
    WORKSPACE = "ai.workspace"  # SageMaker domain, Azure ML workspace, Vertex metadata store, AI services account
    JOB = "ai.job"
    MODEL = "ai.model"
    ENDPOINT = "ai.endpoint"
    ENDPOINT_CONFIG = "ai.endpoint-config"
    AGENT = "ai.agent"
    INDEX = "ai.index"  # vector and search indexes, feature stores
    DATASET = "ai.dataset"
    GUARDRAIL = "ai.guardrail"
    # clusters and machines
    CLUSTER = "k8s.cluster"
    NODE_POOL = "k8s.node-pool"
    WORKLOAD = "k8s.workload"
    NAMESPACE = "k8s.namespace"
    INSTANCE = "compute.instance"
    TEMPLATE = "compute.template"  # what instances are made from
    HOST = "compute.host"  # a machine seen from inside
    GPU = "compute.gpu"
    # stores
    BUCKET = "store.bucket"
    DISK = "store.disk"
    FILE_SYSTEM = "store.fs"
    REGISTRY = "store.registry"
    SEARCH = "store.search"  # OpenSearch and its kin, used as vector stores
    ARTIFACT = "store.artifact"
    IMAGE = "store.image"  # a container or machine image, by what is inside
    # keys and people
    KEY = "key"
    KEY_VAULT = "key.vault"
    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    IDENTITY = "identity"
    POLICY = "policy"
    GRANT = "identity.grant"  # a binding of a policy or role to an identity
    ACCOUNT = "cloud.account"  # an AWS account, an Azure subscription, a Google Cloud project or folder
    # network
    NETWORK = "net.vpc"
    SUBNET = "net.subnet"
    ROUTES = "net.routes"
    FIREWALL = "net.sg"  # security group, NSG, firewall rule
    ACL = "net.acl"
    INTERFACE = "net.interface"
    PRIVATE_ENDPOINT = "net.endpoint"
    LOAD_BALANCER = "net.lb"
    # watching
    TRAIL = "log.trail"
    LOG_GROUP = "log.group"
    DETECTOR = "detector"
    # the rest
    ACCESS_BLOCK = "store.access-block"  # a setting that masks public access of a store
    NIC = "net.nic"  # a physical network card
    SOURCE = "source"  # something that was read: a directory, a plan, a host
    OTHER = "other"  # seen and named, without facts of its own
