"""Slurm: a node is drained with a reason, and its own reason is how a drain is known again (scontrol(1), slurm.conf(5))."""

import re
from collections.abc import Mapping

from strongroom.model.errors import BadUsage, GpuError
from strongroom.model.handover import Hold, KeeperKind, Link
from strongroom.scrub.programs import run

_SECONDS = 30.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)
_STAMP = re.compile(r" \[[^\]]*\]$")  # who set a reason and when: `[root@2026-11-22T12:00:00]`
_AWAY = ("DRAIN", "DOWN", "FAIL", "MAINT", "POWER")


class SlurmNode:
    """A node, by scontrol. It runs as root or as Slurm's own user."""

    def __init__(self, node: str, configuration: str) -> None:
        """Nothing is asked before a call."""
        self._node = node
        self._environment = {"SLURM_CONF": configuration} if configuration else {}

    def _scontrol(self, *arguments: str) -> str:
        return run("scontrol", *arguments, seconds=_SECONDS, environment=self._environment)

    def look(self) -> Hold:
        """Its state, and the reason without its stamp."""
        text = self._scontrol("show", "node", "--oneliner", self._node)
        state = re.search(r" State=(\S+)", text)
        if f"NodeName={self._node} " not in f"{text} " or state is None:
            raise GpuError(f"slurm node {self._node}", "another answer of scontrol", "its state")
        # A reason is free text, and the last field of its line or the one before Comment.
        reason = re.search(r" Reason=(.*?)(?= Comment=|$)", text)
        return Hold(any(w in state[1].upper() for w in _AWAY), _STAMP.sub("", reason[1].strip()) if reason else "")

    def cordon(self, words: str) -> Hold:
        """Drain it, unless somebody has."""
        if not (hold := self.look()).cordoned:
            self._scontrol("update", f"NodeName={self._node}", "State=DRAIN", f"Reason={words}")
            hold = self.look()
        if not hold.cordoned:
            raise GpuError(f"slurm node {self._node}", "not drained", "a node that takes no jobs")
        return hold

    def failed(self, words: str) -> None:
        """Drain it, where nobody has; a drain that stands keeps its words, and its owner."""
        self.cordon(words)

    def uncordon(self, words: str) -> None:
        """Resume it, if the reason is still ours."""
        hold = self.look()
        if not hold.cordoned or hold.words != words:
            raise GpuError(f"slurm node {self._node}", f"reason {hold.words!r}"[:160], repr(words))
        self._scontrol("update", f"NodeName={self._node}", "State=RESUME")


def _open(node: str, options: Mapping[str, str], _: Link | None) -> SlurmNode:
    if not _NAME.fullmatch(node):
        raise BadUsage("--node", repr(node[:60]), "the name of one node, as slurm.conf has it")
    return SlurmNode(node, options.get("slurm_conf", ""))


KEEPER = KeeperKind("slurm", "Slurm: drained by scontrol", open=_open, kept=True)
