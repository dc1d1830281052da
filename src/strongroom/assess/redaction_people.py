"""Exceptions and assertions without the house's words; see `assess.redaction`."""

from collections.abc import Callable

import msgspec

from strongroom.model.people import Accepted, Assertion, AssertionNote, ExceptionNote, RiskException
from strongroom.model.values import Where

Name = Callable[[str, str], str]
Own = Callable[[str], str]
Place = Callable[[Where | None], Where | None]


class People:
    """Rewrites what people say. `check`, `control` and `clause` keep the ids that are the program's own."""

    def __init__(self, name: Name, check: Own, control: Own, clause: Own, where: Place) -> None:
        self._name = name
        self._check = check
        self._control = control
        self._clause = clause
        self._where = where

    def exception(self, e: RiskException) -> RiskException:
        """An exception: what kind it is and until when. Its digest is of its words, without a key."""
        return RiskException(
            digest=self._name(e.digest, "exception"),
            inline=e.inline,
            check=self._check(e.check) if e.check else "",
            control=self._control(e.control) if e.control else "",
            asset=self._name(e.asset, "asset"),
            fingerprint=self._name(e.fingerprint, "finding"),
            everything=e.everything,
            owner=self._name(e.owner, "person"),
            approver=self._name(e.approver, "person"),
            reason=self._name(e.reason, "text"),
            expires=e.expires,
            ticket=self._name(e.ticket, "ticket"),
            where=self._where(e.where),
        )

    def accepted(self, a: Accepted) -> Accepted:
        """An accepted finding."""
        return Accepted(
            fingerprint=self._name(a.fingerprint, "finding"),
            check=self._check(a.check),
            control=self._control(a.control),
            asset=self._name(a.asset, "asset"),
            address=self._name(a.address, "asset"),
            was=a.was,
            severity=a.severity,
            exception=self.exception(a.exception),
        )

    def exception_note(self, n: ExceptionNote) -> ExceptionNote:
        """An exception that does not do what it was written for."""
        return ExceptionNote(
            n.state,
            self.exception(n.exception),
            tuple(self._name(f, "finding") for f in n.fingerprints),
            tuple(self._name(a, "asset") for a in n.addresses),
        )

    def assertion(self, a: Assertion) -> Assertion:
        """An assertion: of which clause, and until when."""
        return msgspec.structs.replace(
            a,
            control=self._control(a.control) if a.control else "",
            clause=self._clause(a.clause) if a.clause else "",
            asset=self._name(a.asset, "asset"),
            statement=self._name(a.statement, "text"),
            owner=self._name(a.owner, "person"),
            approver=self._name(a.approver, "person"),
            evidence_digest=self._name(a.evidence_digest, "evidence"),
            id=self._name(a.id, "assertion"),
            key=self._name(a.key, "key"),
            log=self._name(a.log, "log"),
        )

    def assertion_note(self, n: AssertionNote) -> AssertionNote:
        """An assertion that counts for nothing."""
        return AssertionNote(n.state, self.assertion(n.assertion), self._name(n.detail, "text"))
