"""A short story in scenes: every scene is a real command with its real output.

Run with `make demo`. Everything that it writes lies in demo-out/; it opens no socket, and counts to prove it.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "demo-out"
WITNESS = ROOT / "examples" / "witness.py"
STATE = "demo-out/state/strongroom.db"
LOG = ("--log", "demo-out/state/log")


def say(text: str = "") -> None:
    """A paragraph of the story."""
    print(textwrap.fill(text, 80) if text else "", flush=True)


def scene(number: int, title: str, text: str) -> None:
    """The heading of a scene."""
    print(f"\n{'─' * 80}\nScene {number}. {title}\n{'─' * 80}", flush=True)
    say(text)


def strongroom(*words: str, head: int = 0, since: str = "", wanted: tuple[int, ...] = (0,)) -> None:
    """Run a command as a user would type it, under the witness; show its first `head` lines, and those from `since` on."""
    shown = shlex.join(words)
    print(f"\n$ strongroom {shown}", flush=True)
    run = subprocess.run(
        [sys.executable, str(WITNESS), str(OUT / "witness.jsonl"), *words],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "COLUMNS": "80",
            "PYTHONUTF8": "1",
            "NO_COLOR": "1",
            "XDG_STATE_HOME": str(OUT / "home"),  # the story looks at no state but its own
        },
    )
    text = [line.rstrip() for line in (run.stdout + run.stderr).rstrip().splitlines()]
    if head and len(text) > head + 1:
        end = next((i for i, line in enumerate(text) if since and line.startswith(since)), len(text))
        text = [*text[:head], f"    … {end - head} lines more …", "", *text[end:]]
    print("\n".join(text), flush=True)
    if run.returncode not in wanted:
        sys.exit(f"error: strongroom {shown}: found exit {run.returncode}, wanted {wanted}")


def main() -> None:
    """Tell the story."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    say(
        "A small company trains and serves a model on AWS. Its Terraform is in examples/estate, two of its GPU "
        "machines said what they are in examples/hosts, and this machine is looked at too."
    )
    sources = ("examples/estate", "host:examples/hosts", "host:")
    scene(1, "Where do we stand?", "One command reads all three. It exits with 1, because something fails.")
    strongroom("assess", *sources, "--state", STATE, head=30, wanted=(1,))

    scene(2, "Why does that matter, and what exactly is the fix?", "Every check explains itself.")
    strongroom("explain", "net.notebook.direct-internet")

    scene(
        3,
        "We fix one thing, and see what changed",
        "The notebook loses its direct way out. Then the same command, and the difference to the run before.",
    )
    mend()
    strongroom(
        "assess", "tf:examples/estate", "--state", STATE, "--format", "csv", "-o", "demo-out/before.csv", wanted=(1,)
    )
    strongroom(
        "assess", "tf:demo-out/estate", "--state", STATE, "--format", "csv", "-o", "demo-out/after.csv", wanted=(1,)
    )
    strongroom("diff", "--state", STATE)

    scene(
        4,
        "What cannot be seen is not clean",
        "Now one file of the copy is broken. What was in it is not forgotten: the answers that waited for it are "
        "unknown, the run says which file and line, and no control passes that could be hidden in it.",
    )
    broken = OUT / "estate" / "weights.tf"
    broken.write_text('resource "aws_s3_bucket" "weights" {\n  bucket = \n}\n')
    strongroom(
        "assess",
        "tf:demo-out/estate",
        "--no-snapshot",
        "--fail-on",
        "never",
        "--format",
        "csv",
        "-o",
        "demo-out/broken.csv",
        wanted=(3,),
    )
    found = [line for line in (OUT / "broken.csv").read_text().splitlines() if "weights.tf" in line]
    say("exit 3. One of its lines:")
    print(textwrap.shorten(found[0], 240, placeholder=" …"))

    scene(5, "A report to hand on", "One file, no scripts, no outside requests; open it in any browser.")
    strongroom("assess", *sources, "--no-snapshot", "--format", "html", "-o", "demo-out/report.html", wanted=(1,))

    scene(6, "What do we do first?", "The same findings in short, and as the first ten tasks of 30, 60 and 90 days.")
    strongroom("assess", *sources, "--no-snapshot", head=8, since="First things to do", wanted=(1,))

    remember()
    tamper()
    attest()
    release()
    seal()
    isolate()
    ending()


def remember() -> None:
    """The log: an exception with a sealed name, its proof, its redaction, the audit."""
    scene(
        7,
        "What is said today can be proven later",
        "Every run that was kept is an entry of a signed log beside the state. An exception is added to it; who asked "
        "for it is sealed, so that the name can be erased one day without harm to any proof.",
    )
    words = ("exception", "--subject", "net.notebook.direct-internet", "--field", "until=2027-01-31")
    strongroom("log", "append", *words, "--field", "asked-by=kim", "--seal", "asked-by", *LOG)
    strongroom("log", "list", *LOG)
    strongroom("log", "prove", "3", "-o", "demo-out/exception.tlog-proof", "--entry", "demo-out/exception.json", *LOG)
    key = json.loads((OUT / "state/log/log.json").read_text())["keys"][0]
    strongroom("log", "verify", "demo-out/exception.tlog-proof", "--entry", "demo-out/exception.json", "--key", key)
    strongroom("log", "redact", "3", "asked-by", "--reason", "left the company", *LOG)
    shutil.copy(OUT / "state/log/public/checkpoint", OUT / "yesterday.checkpoint")
    strongroom("log", "audit", *LOG)


def tamper() -> None:
    """The log's files are changed; then its operator, who has the key, writes all of it anew."""
    scene(
        8,
        "An entry is tampered with",
        "Somebody makes the exception last longer, in the file where the entry stands. The audit names it.",
    )
    shutil.copytree(OUT / "state/log", OUT / "tampered")
    for bundle in (p for p in (OUT / "tampered/public/tile/entries").rglob("*") if p.is_file()):
        bundle.write_bytes(bundle.read_bytes().replace(b"2027-01-31", b"2037-01-31"))
    key = json.loads((OUT / "state/log/log.json").read_text())["keys"][0]
    strongroom("log", "audit", "--log", "demo-out/tampered", "--key", key, wanted=(1,))
    say()
    say(
        "The operator of the log can do better: it has the key, and writes all of it anew. That log is intact by itself. "
        "But yesterday's checkpoint was kept by somebody else, as a witness would have done."
    )
    forged = ("--log", "demo-out/forged", "--key", "demo-out/state/log.key")
    strongroom("log", "init", *forged, head=2)
    lines = [{"kind": "snapshot", "subject": "as it never was"}] * 2 + [{"kind": "exception", "subject": "all"}] * 3
    (OUT / "forged.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    strongroom("log", "append", "--from", "demo-out/forged.jsonl", *forged)
    against = ("--log", "demo-out/forged", "--checkpoint", "demo-out/yesterday.checkpoint", "--key", key)
    strongroom("log", "audit", *against, wanted=(1,))


def attest() -> None:
    """Evidence: genuine at its time, changed by a bit, and of a vendor that somebody made up."""
    scene(
        9,
        "Is that machine what it says?",
        "Somebody offers a machine for the weights, with a report that its processor signed. The chain is whole and every "
        "signature holds. Its root is called as AMD's is, and was made here a moment ago.",
    )
    minted = [sys.executable, str(ROOT / "examples" / "made_up_vendor.py"), str(OUT / "offered")]
    subprocess.run(minted, cwd=ROOT, check=True)
    offered = ("demo-out/offered/report.bin", "--endorsements", "demo-out/offered/vendor", "--offline")
    strongroom("attest", "verify", *offered, "--inspect", head=13, since="verdict", wanted=(1,))
    vectors = Path("../shared/vectors/attest/dcap")
    if not (ROOT / vectors).is_dir():
        say()
        say(f"Genuine evidence belongs to its vendor, and none is here: {vectors} is not beside this checkout.")
        return
    say()
    say(
        "A quote that Intel's hardware signed, with Intel's statements of that month, is judged as of then. Nothing "
        "fails; what only its owner could have given, such as the nonce, is named. Then the same with one bit changed."
    )
    beside = ("--endorsements", str(vectors / "tdx_v4_uptodate.collateral.json"), "--offline", "--inspect")
    at = ("--at", "2025-07-01")
    strongroom("attest", "verify", str(vectors / "tdx_v4_uptodate.quote"), *beside, *at, head=13, since="verdict")
    forged = str(vectors / "tampered_mrtd.quote")
    strongroom("attest", "verify", forged, *beside, *at, head=4, since="FAIL", wanted=(1,))


def release() -> None:
    """A broker gives a key to the machine that booted what was agreed, and not to the implanted one; the log has both."""
    scene(
        10,
        "The key goes to what was attested, and never unlogged",
        "The weights are encrypted, and a broker keeps their key. Two machines of that made-up vendor ask for it. Here the "
        "broker was told to take its root for genuine, by a test; no configuration can.",
    )
    print(flush=True)
    subprocess.run(
        [sys.executable, str(ROOT / "examples" / "made_up_broker.py"), str(OUT / "broker")], cwd=ROOT, check=True
    )
    log = ("--log", "demo-out/broker/log")
    key = json.loads((OUT / "broker/log/log.json").read_text())["keys"][0]
    strongroom("log", "list", *log)
    for number, name in enumerate(("released", "denied")):
        kept = (f"demo-out/{name}.tlog-proof", "--entry", f"demo-out/{name}.json")
        strongroom("log", "prove", str(number), "-o", *kept, *log)
    strongroom("log", "verify", "demo-out/denied.tlog-proof", "--entry", "demo-out/denied.json", "--key", key)
    strongroom("log", "audit", *log)


def seal() -> None:
    """A model is sealed, opened, given to somebody else, and damaged; one with a program in it is not sealed at all."""
    scene(
        11,
        "The weights travel as one sealed artifact",
        "A small model is encrypted to the lab, signed outside and inside, scanned and described. Whoever holds the "
        "artifact sees sizes, and who can open it; names, shapes and weights are inside.",
    )
    subprocess.run(
        [sys.executable, str(ROOT / "examples" / "small_model.py"), str(OUT / "weights")], cwd=ROOT, check=True
    )
    for who in ("lab", "partner"):
        strongroom("seal", "keygen", "-o", f"demo-out/{who}.id", "--recipient", f"demo-out/{who}.pub")
    to = ("--to", "demo-out/lab.pub", "--sign-key", "demo-out/weights/signer.pem")
    strongroom("seal", "create", "demo-out/weights/model", "demo-out/model.sealed", *to, *LOG)
    strongroom("seal", "inspect", "demo-out/model.sealed")
    say()
    say("A partner is to open it too. Only the list of slots is written anew, and the change is in the log first.")
    lab = ("--identity", "demo-out/lab.id")
    strongroom("seal", "rewrap", "demo-out/model.sealed", *lab, "--to", "demo-out/partner.pub", *LOG)
    by = ("--public-key", "demo-out/weights/signer.pub", "--require", "signature", "--require", "scan")
    disk = ("--identity", "demo-out/partner.id", *by, "--allow-plaintext-disk")
    strongroom("seal", "open", "demo-out/model.sealed", "demo-out/opened", *disk)
    say()
    say("One bit of the weights is changed on the way. Then somebody puts a program into a checkpoint.")
    weights = max((OUT / "model.sealed/payload").iterdir(), key=lambda p: p.stat().st_size)
    octets = bytearray(weights.read_bytes())
    octets[len(octets) // 2] ^= 1
    weights.write_bytes(octets)
    strongroom("seal", "open", "demo-out/model.sealed", "demo-out/again", *disk, wanted=(1,))
    strongroom("seal", "create", "demo-out/weights/implanted", "demo-out/bad.sealed", *to, *LOG, wanted=(2,))


def isolate() -> None:
    """A cluster that mixes tenants, a pod that takes another road, and a job that loses its label."""
    scene(
        12,
        "One rule says who may share a GPU",
        "A clinic and a lab share a cluster. What runs there is judged first, and nothing is changed; then a pod that asks "
        "for no GPU and would see all of them, and a change to a waiting job of Slurm.",
    )
    folder = "examples/isolation"
    strongroom("isolate", "simulate", "--state", f"{folder}/cluster.json", wanted=(1,))
    admit = ("--state", f"{folder}/cluster.json", "--request", f"{folder}/review.json")
    strongroom("isolate", "admit", *admit, head=14, wanted=(1,))
    job = ("--facts", f"{folder}/facts.json", "--job", f"{folder}/job.json")
    strongroom("isolate", "slurm", *job, "--format", "table", wanted=(1,))


def mend() -> None:
    """Copy the estate and close the notebook's way out."""
    shutil.copytree(ROOT / "examples" / "estate", OUT / "estate")
    file = OUT / "estate" / "notebook.tf"
    broken = '  instance_type = "ml.g5.2xlarge"\n}'
    mended = '  instance_type = "ml.g5.2xlarge"\n  subnet_id              = aws_subnet.lab.id\n'
    mended += '  direct_internet_access = "Disabled"\n  root_access            = "Disabled"\n}'
    file.write_text(file.read_text().replace(broken, mended, 1))


def ending() -> None:
    """What was read, written and opened, as the witness counted it."""
    sys.path.insert(0, str(WITNESS.parent))
    from witness import total  # noqa: PLC0415 - it lies beside this file, not in the package

    seen = total(OUT / "witness.jsonl")
    print(f"\n{'─' * 80}\nThe end\n{'─' * 80}")
    print(f"commands run     {seen.runs}")
    print(f"files read       {seen.read} outside the Python installation")
    print(f"files written    {seen.written} kept, all below demo-out/" if not seen.strays else f"STRAYS {seen.strays}")
    print(f"sockets opened   {seen.sockets or 'none'}")
    print(
        f"evaluator        {'fenced by the kernel (Landlock): no file outside its copy, no TCP' if fenced() else 'not fenced by this kernel; calls that read files were not evaluated'}"
    )
    print(f"\nreport           {OUT / 'report.html'}")
    if seen.sockets or seen.strays:
        sys.exit("error: the demo must open no socket and write only below demo-out/")


def fenced() -> bool:
    """Whether this kernel has Landlock."""
    probe = "from strongroom.collect.terraform.landlock import restrict; print(restrict(['/usr'], ['/tmp']))"
    run = subprocess.run([sys.executable, "-c", probe], check=False, capture_output=True, text=True)
    return run.stdout.strip() == "True"


if __name__ == "__main__":
    main()
