"""The vocabulary of facts: what the rule of isolation, its engines and its log say of a cluster."""

ISOLATION: dict[str, tuple[str, str]] = {
    # the rule and who holds it
    "isolation.rule": ("text", "the digest of the rule of isolation that the cluster is judged by"),
    "isolation.not_denied": ("texts", "where the rule only observes or warns: clauses, namespaces, or everywhere"),
    "isolation.not_asked": (
        "texts",
        "requests that the rule's webhook is not asked about, or lets by while it is down",
    ),
    "isolation.policies_differ": ("texts", "policies of the rule that are missing, changed or do not deny"),
    "isolation.switched_off": ("text", "what was written when denials were switched off; empty while they are on"),
    "isolation.slurm_lacks": ("texts", "what Slurm's configuration lacks to hold the rule"),
    # what is there, judged by it
    "isolation.below_rung": ("texts", "what runs, or would be made, with less isolation than its label demands"),
    "isolation.reaching": ("texts", "what runs, or would be made, with a way to GPUs that it did not ask for"),
    "isolation.meeting": ("texts", "what runs, or would be made, beside whom it must not meet"),
    # what was tried
    "isolation.probed": ("bool", "its log has a probe: what the rule forbids was tried on the cluster"),
    "isolation.probe_passed": ("bool", "the last probe was rejected in every form"),
    "isolation.probe_why": ("text", "what the last probe showed"),
    "isolation.probe_days": ("number", "days since the last probe"),
    "isolation.probe_rule": ("bool", "the last probe was of the rule as it is now"),
    # what was measured now
    "isolation.measured_hours": ("number", "hours since the GPUs were measured"),
    "isolation.unmeasured": ("texts", "nodes with GPUs that were not measured, and what could not be seen"),
    "isolation.undivided": ("texts", "GPUs that two tenants have, and that are not divided between them by MIG"),
    "isolation.mismatch": ("texts", "labels and configurations that the hardware contradicts"),
    "isolation.uninvited": ("texts", "processes on GPUs that were not allocated to them, or of nobody who is known"),
    # what the log has of the last days
    "isolation.history_count": (
        "number",
        "how many measures of drift its log has of the last 30 days, and the one before",
    ),
    "isolation.history_days": ("number", "how many days back they reach"),
    "isolation.history_gap": ("number", "the longest time between two of them, or since the last, in hours"),
    "isolation.history_met": ("texts", "who was on one GPU or island with whom he must not meet, and when"),
    "isolation.history_unmeasured": ("texts", "nodes with GPUs that one of them did not measure"),
}
