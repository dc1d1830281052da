"""What checks of Kubernetes objects share."""

from strongroom.model.ports import Answer, View, broken, holds

CONTAINER = "v1/Pod"
DEPLOYMENT = "apps/v1/Deployment"
SHOWN = 4


def none_of(v: View, fact: str) -> Answer:
    """Holds when the list of offenders is empty; else broken, with the first few as `{found}`."""
    return clear_of(v.texts(fact))


def clear_of(offenders: tuple[str, ...]) -> Answer:
    """Holds without offenders; else broken, naming the first few and how many more there are."""
    if not offenders:
        return holds()
    more = f" and {len(offenders) - SHOWN} more" if len(offenders) > SHOWN else ""
    return broken(found=", ".join(offenders[:SHOWN]) + more)


def pod_lines(lines: str) -> tuple[tuple[str, str], ...]:
    """Lines of a container's or pod's spec for the kinds that people write most."""
    return tuple(
        (native, lines) for native in (DEPLOYMENT, CONTAINER, "apps/v1/DaemonSet", "batch/v1/Job", "batch/v1/CronJob")
    )
