"""The vocabulary of facts: what a recorded appraisal says of the machine that it speaks of."""

ATTEST: dict[str, tuple[str, str]] = {
    "attest.kind": ("text", "the kind of evidence that was appraised: snp, tdx, sgx, nitro …"),
    "attest.kinds": ("texts", "the kinds of evidence in it: of a node, those of its members"),
    "attest.secure_boot": (
        "bool",
        "measured boot, or the hypervisor under it, says that Secure Boot was on; not set where none does",
    ),
    "attest.devices": ("texts", "the GPUs and switches in it, as `gpu NUMBER`"),
    "attest.tier": ("text", "what the newest appraisal came to: affirming, warning, contraindicated or none"),
    "attest.complete": ("bool", "every mandatory step of it was checked, or is named unchecked by its policy"),
    "attest.failed": ("texts", "the steps of it that failed"),
    "attest.not_checked": ("texts", "the mandatory steps of it that were not checked"),
    "attest.waived": ("texts", "the steps that its policy names unchecked, each with the reason"),
    "attest.checked": ("texts", "the steps of it that passed"),
    "attest.at": ("text", "when it was appraised, in UTC"),
    "attest.expires": ("text", "until when it holds, in UTC"),
    "attest.reproduced": ("bool", "its recorded inputs, judged again at their own time, give the same verdict"),
    "attest.measured": ("texts", "what it measured, as register=hex; only where no step of it failed"),
    "attest.drill": ("texts", "faults under which the same evidence still opened: stale, changed, unendorsed, unasked"),
    "key.measurements_unseen": ("texts", "measurements for which a key opens, and of which no appraisal was given"),
    "attest.policy": ("text", "the name and version of the policy that it was judged by"),
    "attest.tcb_accepted": ("texts", "the TCB states that the policy takes; not set where the kind has none"),
    "attest.tcb_status": ("text", "the TCB state by the vendor's collateral; not set where the kind has none"),
    "attest.reference": ("text", "the reference values that its measurements equal; not set for none"),
    "attest.image": ("text", "the digest of the image that those reference values belong to; not set for none"),
}
