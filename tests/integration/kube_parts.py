"""kube-apiserver and etcd, built once from their Go modules into a cache outside of the repository.

`python3 tests/integration/kube_parts.py` builds them where they are not there: some fifteen minutes on two cores. It needs
Go and the modules; without them the tests that need an API server skip, and say so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

KUBERNETES, ETCD = "1.36.3", "3.6.16"
# The modules that k8s.io/kubernetes replaces with folders of its own: a build of another module names their releases.
STAGING = (
    "api",
    "apiextensions-apiserver",
    "apimachinery",
    "apiserver",
    "cli-runtime",
    "client-go",
    "cloud-provider",
    "cluster-bootstrap",
    "code-generator",
    "component-base",
    "component-helpers",
    "controller-manager",
    "cri-api",
    "cri-client",
    "cri-streaming",
    "csi-translation-lib",
    "dynamic-resource-allocation",
    "endpointslice",
    "externaljwt",
    "kms",
    "kube-aggregator",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "metrics",
    "mount-utils",
    "pod-security-admission",
    "sample-apiserver",
    "streaming",
)
MAIN = """package main

import (
	"os"
	_ "time/tzdata"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
"""


def cache() -> Path:
    """Where what tests build is kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")  # noqa: TID251 - where caches are
    return base / "strongroom-tests" / f"kube-{KUBERNETES}"


def go() -> str | None:
    """The Go command, if there is one."""
    return shutil.which("go") or next((p for p in ("/usr/local/go/bin/go",) if Path(p).exists()), None)


def part(name: str) -> Path | None:
    """A program that was built, or one of that name on the PATH; None where there is neither."""
    built = cache() / name
    if built.exists():
        return built
    found = shutil.which(name)
    return Path(found) if found else None


def _run(argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    quiet = {**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}  # noqa: TID251 - Go finds its own there
    return subprocess.run(argv, cwd=folder, env=quiet, capture_output=True, text=True, check=False)


def _staged(command: str, folder: Path) -> list[str]:
    """Requirements for the modules of this release that there are."""
    minor = KUBERNETES.partition(".")[2]
    found = []
    for name in STAGING:
        module = f"k8s.io/{name}@v0.{minor}"
        if _run([command, "list", "-m", module], folder).returncode == 0:
            found.append(f"\tk8s.io/{name} v0.{minor}")
    return found


def apiserver(command: str) -> None:
    """Build kube-apiserver. Raises SystemExit with what Go said."""
    folder = cache() / "src"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.go").write_text(MAIN)
    (folder / "go.mod").write_text("module built\n\ngo 1.26.0\n")
    lines = "\n".join([f"\tk8s.io/kubernetes v{KUBERNETES}", *_staged(command, folder)])
    (folder / "go.mod").write_text(f"module built\n\ngo 1.26.0\n\nrequire (\n{lines}\n)\n")
    _build(command, folder, ".", "kube-apiserver")


def etcd(command: str) -> None:
    """Build etcd. Raises SystemExit with what Go said."""
    folder = cache() / "src-etcd"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.go").write_text(
        'package main\n\nimport (\n\t"os"\n\n\t"go.etcd.io/etcd/server/v3/etcdmain"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n'
    )
    (folder / "go.mod").write_text(f"module built\n\ngo 1.24\n\nrequire go.etcd.io/etcd/server/v3 v{ETCD}\n")
    _build(command, folder, ".", "etcd")


def _build(command: str, folder: Path, what: str, name: str) -> None:
    aside = cache() / f"{name}.new"
    version = f"-X k8s.io/component-base/version.gitVersion=v{KUBERNETES}"
    argv = ["nice", "-n", "19", command, "build", "-trimpath", "-ldflags", f"-s -w {version}", "-o", str(aside), what]
    done = _run(argv, folder)
    if done.returncode:
        sys.exit(f"{name} was not built: {done.stderr.strip()[-2000:]}")
    aside.rename(cache() / name)


def main() -> None:
    """Build what is not there."""
    command = go()
    if command is None:
        sys.exit("no Go: kube-apiserver is not built")
    cache().mkdir(parents=True, exist_ok=True)
    for name, build in (("etcd", etcd), ("kube-apiserver", apiserver)):
        if not (cache() / name).exists():
            build(command)
            print(cache() / name)  # noqa: T201 - a script of its own


if __name__ == "__main__":
    main()
