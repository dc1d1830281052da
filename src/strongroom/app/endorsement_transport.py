"""HTTP for the services of endorsements: https with certificate checks, no redirect, no proxy, bounded."""

import ipaddress
from urllib.parse import urlsplit

from strongroom.collect.endorsements.answers import Answer
from strongroom.collect.endorsements.fetching import NoAnswerError
from strongroom.collect.endorsements.services import Question, Sources
from strongroom.kit.nets import is_loopback
from strongroom.ledger import asking
from strongroom.ledger.asking import Caller, Line
from strongroom.model.errors import BadInput


class Http:
    """Sends the questions; a connection is kept for each service. Plain http goes to this machine, and to the metadata
    service of its cloud, which is link-local and has no name that a certificate could prove.
    """

    def __init__(self, sources: Sources, timeout: float = asking.TIMEOUT) -> None:
        """Raises BadInput for a base that may not be asked."""
        self._timeout = timeout
        self._thim = sources.thim
        self._callers: dict[str, Caller] = {}
        vendors = (sources.kds, sources.pcs, sources.root_crl, sources.gcp, sources.nvidia_rim, sources.nvidia_ocsp)
        for base in (*vendors, sources.pccs, sources.thim, sources.maa):
            if base:
                asking.prefix(base, self._line(base))

    def _line(self, url: str) -> Line:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:  # what is wrong with it is said where it is asked
            host = ""
        metadata = bool(self._thim) and url.startswith(self._thim.rstrip("/")) and _link_local(host)
        return Line(self._timeout, plain=is_loopback(host) or metadata)

    def __call__(self, question: Question) -> Answer:
        """The answer, whatever its status. Raises NoAnswerError."""
        parts = urlsplit(question.url)
        base = f"{parts.scheme}://{parts.netloc}"
        try:
            caller = self._callers.get(base) or Caller(base, self._line(question.url))
            self._callers[base] = caller
            tail = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
            found = caller.ask(tail, question.limit, question.body or None, extra=dict(question.headers))
        except asking.NoAnswerError as e:
            raise NoAnswerError(str(e)) from None
        except BadInput as e:
            raise NoAnswerError(f"found {e.found}, wanted {e.wanted}") from None
        return Answer(found.status, found.body, found.headers)

    def close(self) -> None:
        """Let go of the connections."""
        for caller in self._callers.values():
            caller.close()
        self._callers.clear()


def _link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False
