"""A broker's operation: its operator's lines, the outputs of what it let run, and the versions that it releases no more."""

from strongroom.assess.checks._listed import none_of
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_BROKER, _KEY = (Kind.KEY_VAULT,), (Kind.KEY,)
_SEVERAL = 2  # owners
_AGAIN = "strongroom assess broker:FILE no longer lists it"


@check(
    id="log.broker.lines-redacted",
    title="The broker's lines have words of a fixed list and nothing that was found",
    clause="TEE-08.log-egress-listed",
    kinds=_BROKER,
    needs=("broker.log_redacted", "broker.log_plain"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take redact_log = false out of [broker] and of the broker's surroundings, and start it again; ask a debug twin why.",
        snippets=(("strongroom.broker", "[broker]\nredact_log = true"),),
        verify=_AGAIN,
    ),
    broken="{why}",
)
def lines_redacted(v: View) -> bool | Answer:
    """Why evidence was refused names chips, measurements and keys, and an operator's lines go to whoever collects lines."""
    if v.raw("broker.twin") is True:
        return not_applicable("it is a debug twin, which has nothing of production")
    plain = v.raw("broker.log_plain")
    running = [x for x in plain if isinstance(x, str)] if isinstance(plain, tuple) else []
    if running:
        return broken(why=f"it serves with lines that tell what was found: {'; '.join(running)}")
    if not v.flag("broker.log_redacted"):
        return broken(why="its configuration has redact_log = false")
    return unknown(plain) if isinstance(plain, Unknown) else holds()


@check(
    id="tee.broker-key.outputs-named",
    title="Outputs of what several owners let run went to recipients whom they named",
    clause="TEE-10.outputs-sealed",
    kinds=_KEY,
    needs=("release.owners", "release.recipients", "release.outputs_astray"),
    severity=Severity.HIGH,
    fix=Fix(
        "Name recipients in the rule, each with his key, and let the workload hand outputs out by `Broker.seal_output` alone.",
        snippets=(("strongroom.broker.resource", 'recipients = ["lab-a", "lab-b"]'),),
        command="strongroom release policy sign FILE",
        verify=_AGAIN,
    ),
    broken="{which}",
)
def outputs_named(v: View) -> bool | Answer:
    """An output that one party may send where he likes carries the others' inputs with it."""
    if len(v.texts("release.owners")) < _SEVERAL:
        return not_applicable("it has one owner")
    if not v.texts("release.recipients"):
        return broken(which="its rule names nobody who gets outputs")
    return none_of(v, "release.outputs_astray")


@check(
    id="art.broker-key.old-retired",
    title="A version that a newer one has followed is retired",
    clause="ART-06.rotation",
    kinds=_KEY,
    needs=("release.versions_open",),
    severity=Severity.LOW,
    fix=Fix(
        "Wrap again what the old version opens, then retire it.",
        command="strongroom release retire NAME@VERSION --older --reason TEXT",
        verify=_AGAIN,
    ),
    broken="not retired: {which}",
)
def old_retired(v: View) -> Answer:
    """A rotation ends when the old key opens nothing more: a state that is restored from before would release it again."""
    return none_of(v, "release.versions_open")


@check(
    id="art.broker-key.retired-stays",
    title="No version comes back that was retired",
    clause="ART-06.rotation",
    kinds=_KEY,
    needs=("release.retired_astray",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Retire it again in the state that serves now, and find out how that state came to lack it.",
        command="strongroom release retire NAME@VERSION --reason TEXT",
        verify=_AGAIN,
    ),
    broken="{which}",
)
def retired_stays(v: View) -> Answer:
    """Whoever lays an old state under a broker takes its revocations back, and the log still has them."""
    return none_of(v, "release.retired_astray")


CHECKS = (lines_redacted, outputs_named, old_retired, retired_stays)
