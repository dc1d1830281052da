"""The vocabulary of facts: every name that a table or a check may use, the type of its value, and what it means.

Types: `bool`, `number`, `text`, `texts`, `key`, `rules`, `statements`, `any`. A value may always be `Unknown`.
"""

FACTS: dict[str, tuple[str, str]] = {
    # encryption
    "enc.at_rest": ("bool", "data at rest is encrypted, with whatever key"),
    "enc.key": ("key", "the key that encrypts data at rest: none, the provider's, or the customer's"),
    "enc.output_key": ("key", "the key that encrypts what a job writes"),
    "enc.volume_key": ("key", "the key that encrypts a job's or instance's volumes"),
    "enc.in_transit": ("bool", "traffic between the members of a group (nodes, containers) is encrypted"),
    "enc.at_host": ("bool", "temporary disks and caches of the host are encrypted too"),
    "enc.secrets_key": ("key", "the key that encrypts a cluster's secrets"),
    "tls.only": ("bool", "requests without TLS are refused"),
    "tls.min": ("text", "the lowest TLS version that is accepted, as `1.2`"),
    # network
    "net.public": ("bool", "it can be reached on a public endpoint or has a public address"),
    "net.public_cidrs": ("texts", "the address blocks that may use the public endpoint"),
    "net.direct_internet": ("bool", "it has a path to the internet that bypasses the owner's network"),
    "net.in_vpc": ("bool", "it is placed in a network of the owner's"),
    "net.isolated": ("bool", "its containers have no network at all"),
    "net.default_deny": ("bool", "its firewall denies what is not listed"),
    "net.rules": ("rules", "firewall rules, its own and those attached to it"),
    "net.policy": ("bool", "the cluster enforces network policies"),
    "net.private_nodes": ("bool", "its nodes have no public addresses"),
    "net.egress_restricted": ("bool", "outbound traffic is limited to a list"),
    # identity
    "auth.local": ("bool", "local accounts or keys work beside the central identity"),
    "auth.rbac": ("bool", "access is decided by roles"),
    "auth.anonymous": ("bool", "requests without an identity are served"),
    "auth.password": ("bool", "passwords open it"),
    "identity.own": ("bool", "it runs as an identity of its own, not as a shared default"),
    "identity.managed": ("bool", "it has an identity that the platform manages, without stored secrets"),
    "root": ("bool", "its users have root on the machine"),
    "policy.statements": ("statements", "the IAM statements of a policy, or attached to it as a resource policy"),
    "trust.statements": ("statements", "who may take the role"),
    "imds.v2": ("bool", "the metadata service answers only session-oriented requests"),
    "imds.hops": ("number", "how many network hops a metadata answer may travel"),
    # keys
    "key.rotation": ("bool", "the key rotates by itself"),
    "key.rotation_days": ("number", "days between rotations"),
    "key.hsm": ("bool", "the key lives in a hardware module"),
    "key.expires": ("bool", "the key has an expiry date"),
    "key.deletion_window_days": ("number", "days between the order to delete and the deletion"),
    # logging
    "log.types": ("texts", "the kinds of log that are switched on"),
    "log.enabled": ("bool", "it logs"),
    "log.retention_days": ("number", "days that logs are kept; 0 is for ever"),
    "log.all_regions": ("bool", "it covers every region"),
    "log.validation": ("bool", "tampering with stored logs can be detected"),
    # machines
    "boot.secure": ("bool", "Secure Boot is on"),
    "boot.vtpm": ("bool", "it has a (virtual) TPM"),
    "boot.integrity": ("bool", "its boot is compared with a baseline"),
    "cc.tech": ("text", "the confidential-computing technology it runs on; empty for none"),
    "gpu.model": ("text", "the accelerator's model"),
    "gpu.count": ("number", "accelerators per machine"),
    "gpu.sharing": ("text", "how an accelerator is shared: none, mig, mps, time-slicing"),
    "gpu.taints": ("texts", "enforcing taints (NoSchedule, NoExecute) of a pool, as key=value:effect"),
    "secrets.found": ("texts", "kinds of secret found in plain text; never the secret"),
    "version": ("text", "the version it runs"),
}
