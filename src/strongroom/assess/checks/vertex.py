"""Vertex AI and its neighbours: notebooks, endpoints, indexes, feature stores, agents and their data."""

from strongroom.assess.checks._gcp import SERVICE, customer_key, nobody_public
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

NOTEBOOK = (Kind.NOTEBOOK,)
SHIELDED = "shielded_instance_config {{\n  {0} = true\n}}"
WORKBENCH_SHIELDED = "gce_setup {{\n  shielded_instance_config {{\n    {0} = true\n  }}\n}}"
RUNTIME_SHIELDED = "virtual_machine {{\n  virtual_machine_config {{\n    shielded_instance_config {{\n      {0} = true\n    }}\n  }}\n}}"
BOOT_VERIFY = (
    "gcloud compute instances describe NAME --zone ZONE --format='value(shieldedInstanceConfig)' names what is on"
)
SPEC = "encryption_spec {\n  kms_key_name = google_kms_crypto_key.vertex.id\n}"


def _shielded_fix(text: str, setting: str) -> Fix:
    return Fix(
        text,
        (
            ("google_notebooks_instance", SHIELDED.format(setting)),
            ("google_workbench_instance", WORKBENCH_SHIELDED.format(setting)),
            ("google_notebooks_runtime", RUNTIME_SHIELDED.format(setting)),
        ),
        verify=BOOT_VERIFY,
    )


@check(
    id="net.vertex-notebook.public-ip",
    title="The notebook has no public address",
    clause="NET-01.not-exposed",
    kinds=NOTEBOOK,
    needs=(SERVICE, "net.public"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch the public address off and reach the notebook through the proxy or from inside the network.",
        (
            ("google_notebooks_instance", "no_public_ip = true"),
            ("google_workbench_instance", "gce_setup {\n  disable_public_ip = true\n}"),
            (
                "google_notebooks_runtime",
                "virtual_machine {\n  virtual_machine_config {\n    internal_ip_only = true\n  }\n}",
            ),
        ),
        verify="gcloud compute instances describe NAME --zone ZONE shows no natIP",
        effort=Effort.MEDIUM,
    ),
    broken="it is given a public address",
    equivalents=(
        "checkov:CKV_GCP_89",
        "checkov:CKV2_GCP_28",
        "checkov:CKV2_GCP_36",
        "prowler:vertexai_workbench_instance_public_ip_disabled",
    ),
)
def public_ip(v: View) -> bool:
    """A notebook runs whatever its user types, with the rights of a service account that reads training data. A public
    address puts that shell in front of every scanner, and gives stolen data a direct way out.
    """
    return not v.flag("net.public")


@check(
    id="net.vertex-notebook.internet",
    title="The runtime has no internet access of its own",
    clause="NET-02.no-direct-internet",
    kinds=NOTEBOOK,
    needs=(SERVICE, "net.direct_internet"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch internet access off and place the runtime in a subnetwork with Private Google Access.",
        (
            (
                "google_colab_runtime_template",
                (
                    "network_spec {\n  enable_internet_access = false\n  network = google_compute_network.ai.id\n"
                    "  subnetwork = google_compute_subnetwork.ai.id\n}"
                ),
            ),
        ),
        verify="gcloud colab runtime-templates describe TEMPLATE shows no enableInternetAccess",
    ),
    broken="the runtime reaches the internet past the owner's network",
)
def internet(v: View) -> bool:
    """A runtime with internet access of its own sends whatever it can read past every egress rule of the network."""
    return not v.flag("net.direct_internet")


@check(
    id="boot.vertex-notebook.vtpm",
    title="The notebook's machine has a virtual TPM",
    clause="FW-02.tpm-present",
    kinds=NOTEBOOK,
    needs=(SERVICE, "boot.vtpm"),
    severity=Severity.MEDIUM,
    fix=_shielded_fix("Leave the virtual TPM on, as it is unless switched off.", "enable_vtpm"),
    broken="the virtual TPM is switched off",
    equivalents=("checkov:CKV_GCP_126",),
)
def vtpm(v: View) -> bool:
    """Without a TPM there is nothing to measure the boot into, so that a rootkit leaves no trace that another machine
    could ask for.
    """
    return v.flag("boot.vtpm")


@check(
    id="boot.vertex-notebook.integrity",
    title="The boot of the notebook's machine is compared with a baseline",
    clause="FW-01.cloud-shielded",
    kinds=NOTEBOOK,
    needs=(SERVICE, "boot.integrity"),
    severity=Severity.MEDIUM,
    fix=_shielded_fix("Leave integrity monitoring on, as it is unless switched off.", "enable_integrity_monitoring"),
    broken="integrity monitoring is switched off",
    equivalents=("checkov:CKV_GCP_127",),
)
def integrity(v: View) -> bool:
    """Integrity monitoring tells when a machine did not boot what it booted before; without it a changed kernel goes
    unnoticed.
    """
    return v.flag("boot.integrity")


@check(
    id="boot.vertex-notebook.secure-boot",
    title="The notebook's machine boots only signed software",
    clause="FW-01.cloud-shielded",
    kinds=NOTEBOOK,
    needs=(SERVICE, "boot.secure"),
    severity=Severity.LOW,
    fix=_shielded_fix(
        "Switch Secure Boot on; GPU drivers must then be signed, as those of Google's images are.",
        "enable_secure_boot",
    ),
    broken="Secure Boot is off",
)
def secure_boot(v: View) -> bool:
    """Users of a notebook may have root; Secure Boot is what keeps them from loading a kernel module that stays."""
    return v.flag("boot.secure")


@check(
    id="iam.vertex-notebook.own-account",
    title="The notebook runs as a service account of its own",
    clause="IAM-01.no-shared-accounts",
    kinds=NOTEBOOK,
    needs=(SERVICE, "identity.own"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make a service account with the roles that this notebook needs, and name it.",
        (
            ("google_notebooks_instance", "service_account = google_service_account.notebook.email"),
            (
                "google_workbench_instance",
                "gce_setup {\n  service_accounts {\n    email = google_service_account.notebook.email\n  }\n}",
            ),
        ),
        verify="gcloud workbench instances describe NAME --location ZONE names the account",
        effort=Effort.MEDIUM,
    ),
    broken="it runs as the project's default service account",
)
def own_account(v: View) -> bool:
    """The default service account of Compute Engine is shared by everything in the project and is often an editor of
    all of it: one notebook's token then reads every bucket and changes every endpoint.
    """
    return v.flag("identity.own")


@check(
    id="iam.vertex-notebook.root",
    title="Users of the notebook have no root",
    clause="IAM-02.no-escalation",
    kinds=NOTEBOOK,
    needs=(SERVICE, "root"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take root away by metadata, and install what is needed in the image.",
        (
            ("google_notebooks_instance", 'metadata = {\n  notebook-disable-root = "true"\n}'),
            ("google_workbench_instance", 'gce_setup {\n  metadata = {\n    notebook-disable-root = "true"\n  }\n}'),
        ),
        verify="sudo -n true fails in a terminal of the notebook",
    ),
    broken="users of the notebook can become root",
    equivalents=("prowler:vertexai_workbench_instance_root_access_disabled",),
)
def root(v: View) -> bool:
    """Root on a notebook reads every other user's files on it, switches agents off and changes what boots next."""
    return not v.flag("root")


@check(
    id="net.vertex-endpoint.private",
    title="The endpoint is reached on a private path only",
    clause="NET-03.public-access-off",
    kinds=(Kind.ENDPOINT, Kind.JOB),
    needs=(SERVICE, "net.public"),
    severity=Severity.HIGH,
    fix=Fix(
        "Offer the endpoint by Private Service Connect, or peer it with the network that calls it.",
        (
            (
                "google_vertex_ai_endpoint",
                (
                    "private_service_connect_config {\n  enable_private_service_connect = true\n"
                    "  project_allowlist = [data.google_project.caller.project_id]\n}"
                ),
            ),
            (
                "google_vertex_ai_endpoint_with_model_garden_deployment",
                "endpoint_config {\n  private_service_connect_config {\n    enable_private_service_connect = true\n  }\n}",
            ),
            ("google_vertex_ai_persistent_resource", "network = google_compute_network.ai.id"),
            ("google_cloud_run_v2_service", 'ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"'),
            (
                "google_dataproc_cluster",
                "cluster_config {\n  gce_cluster_config {\n    internal_ip_only = true\n  }\n}",
            ),
        ),
        verify="gcloud ai endpoints describe ENDPOINT --region REGION shows network or privateServiceConnectConfig",
        effort=Effort.LARGE,
    ),
    broken="it is reached over the internet",
    equivalents=("checkov:CKV2_GCP_33",),
)
def endpoint_private(v: View) -> bool:
    """An endpoint on the internet can be asked by whoever holds any token that may predict, from anywhere: prompts and
    answers leave the network, and a model can be copied by asking it.
    """
    return not v.flag("net.public")


@check(
    id="net.vertex-index.private",
    title="The vector index is served on a private path only",
    clause="NET-03.public-access-off",
    kinds=(Kind.INDEX,),
    needs=(SERVICE, "net.public"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch the public endpoint off and serve by Private Service Connect.",
        (
            (
                "google_vertex_ai_index_endpoint",
                (
                    "public_endpoint_enabled = false\nprivate_service_connect_config {\n"
                    "  enable_private_service_connect = true\n}"
                ),
            ),
            (
                "google_vertex_ai_feature_online_store",
                (
                    "dedicated_serving_endpoint {\n  private_service_connect_config {\n"
                    "    enable_private_service_connect = true\n  }\n}"
                ),
            ),
        ),
        verify="gcloud ai index-endpoints describe ENDPOINT --region REGION shows no publicEndpointDomainName",
        effort=Effort.MEDIUM,
    ),
    broken="it is served on a public endpoint",
    equivalents=("checkov:CKV2_GCP_34",),
)
def index_private(v: View) -> bool:
    """Embeddings can be turned back into the texts that they were made of, so that a public index is a public copy of
    the documents behind it.
    """
    return not v.flag("net.public")


@check(
    id="iam.vertex-service.no-anonymous",
    title="Nobody without an identity is granted the AI service",
    clause="IAM-03.no-anonymous",
    kinds=(Kind.ENDPOINT,),
    needs=(SERVICE, "public.granted"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Grant the role to the service accounts that call it.",
        (
            (
                "google_cloud_run_v2_service_iam_member",
                'role   = "roles/run.invoker"\nmember = google_service_account.caller.member',
            ),
        ),
        verify="gcloud run services get-iam-policy SERVICE --region REGION names neither allUsers nor allAuthenticatedUsers",
    ),
    broken="granted to anybody: {who}",
)
def no_anonymous(v: View) -> Answer:
    """Anybody who finds the address of such a service uses its GPUs, asks its model and reads what it returns."""
    return nobody_public(v)


encrypted = customer_key(
    "enc.vertex.cmk",
    "The AI service encrypts what it stores with a customer-managed key",
    (
        Kind.NOTEBOOK,
        Kind.ENDPOINT,
        Kind.INDEX,
        Kind.DATASET,
        Kind.WORKSPACE,
        Kind.AGENT,
        Kind.JOB,
    ),
    "enc.key",
    Fix(
        "Name a key of your own when the resource is made; most cannot change it later.",
        (
            ("google_notebooks_instance", 'disk_encryption = "CMEK"\nkms_key = google_kms_crypto_key.vertex.id'),
            (
                "google_workbench_instance",
                (
                    'gce_setup {\n  boot_disk {\n    disk_encryption = "CMEK"\n'
                    "    kms_key         = google_kms_crypto_key.vertex.id\n  }\n}"
                ),
            ),
            (
                "google_notebooks_runtime",
                (
                    "virtual_machine {\n  virtual_machine_config {\n    encryption_config {\n"
                    "      kms_key = google_kms_crypto_key.vertex.id\n    }\n  }\n}"
                ),
            ),
            *(
                (native, SPEC)
                for native in (
                    "google_vertex_ai_endpoint",
                    "google_vertex_ai_index",
                    "google_vertex_ai_index_endpoint",
                    "google_vertex_ai_featurestore",
                    "google_vertex_ai_feature_online_store",
                    "google_vertex_ai_dataset",
                    "google_vertex_ai_metadata_store",
                    "google_vertex_ai_tensorboard",
                    "google_vertex_ai_reasoning_engine",
                )
            ),
            ("google_discovery_engine_data_store", "kms_key_name = google_kms_crypto_key.vertex.id"),
        ),
        verify="gcloud ai endpoints describe ENDPOINT --region REGION shows encryptionSpec.kmsKeyName",
        effort=Effort.MEDIUM,
    ),
    "Under the provider's key nobody can cut access off by revoking a key, and no log tells who had it used. Weights, "
    "embeddings and training data are what that switch is for.",
    (
        "checkov:CKV2_GCP_21",
        "checkov:CKV2_GCP_27",
        "checkov:CKV2_GCP_35",
        "checkov:CKV_GCP_92",
        "checkov:CKV_GCP_96",
        "checkov:CKV2_GCP_24",
        "checkov:CKV2_GCP_25",
        "checkov:CKV2_GCP_26",
    ),
)

CHECKS = (
    public_ip,
    internet,
    vtpm,
    integrity,
    secure_boot,
    own_account,
    root,
    endpoint_private,
    index_private,
    no_anonymous,
    encrypted,
)
