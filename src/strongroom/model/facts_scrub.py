"""The vocabulary of facts: what a log of scrubs says of a GPU. Emulated cards are none."""

SCRUB: dict[str, tuple[str, str]] = {
    "scrub.starts": ("number", "jobs that a prolog let start on it, by the log"),
    "scrub.starts_unscrubbed": (
        "texts",
        "those before which no scrub since the last one was verified, as `ENTRY: job JOB: why`",
    ),
    "scrub.starts_ungated": (
        "texts",
        "those that the log has let start though the handover before did not end well, as `ENTRY: job JOB: why`",
    ),
    "scrub.last": ("text", "how its last handover ended: `good`, `left-cordoned`, `held`, `open`"),
    "scrub.canary": ("text", "what the last leak test on it came to: `clean`, `leak`, `cannot-tell`; not set where there is none"),
    "scrub.canary_days": ("number", "days since that leak test"),
    "scrub.canary_where": ("texts", "the cases in which it leaked, or why it could not be told"),
    "scrub.failures": ("number", "handovers after a failure of it: an XID, an ECC error, a hang, an abnormal exit"),
    "scrub.failure_faults": ("texts", "what in them was not cordon, reset, scrub, health, uncordon, as `RUN: why`"),
    "scrub.log_faults": ("texts", "entries of them out of the order of time, and what an audit of the log found"),
}  # fmt: skip
