"""Base scores of CVSS 3.0 and 3.1 vectors (FIRST, CVSS v3.1 specification, sections 7.1 and 7.4), for records without one.

Version 4 has no formula but a table of 270 classes; its publishers give the score beside the vector, which is what is read.
"""

_AV = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}
_AC = {"L": 0.77, "H": 0.44}
_UI = {"N": 0.85, "R": 0.62}
_PR = {"N": (0.85, 0.85), "L": (0.62, 0.68), "H": (0.27, 0.5)}
_CIA = {"H": 0.56, "L": 0.22, "N": 0.0}
WORDS = {"critical": 9.0, "high": 7.0, "important": 7.0, "moderate": 4.0, "medium": 4.0, "low": 0.1}


def base(vector: str) -> float:
    """The base score, 0 to 10; 0 where it is no vector of version 3."""
    head, _, rest = vector.strip().partition("/")
    if head not in {"CVSS:3.0", "CVSS:3.1"}:
        return 0.0
    held = dict(p.split(":", 1) for p in rest.split("/") if ":" in p)
    try:
        changed = {"U": False, "C": True}[held["S"]]
        spread = 1 - (1 - _CIA[held["C"]]) * (1 - _CIA[held["I"]]) * (1 - _CIA[held["A"]])
        ease = 8.22 * _AV[held["AV"]] * _AC[held["AC"]] * _PR[held["PR"]][changed] * _UI[held["UI"]]
    except KeyError:
        return 0.0
    impact = 7.52 * (spread - 0.029) - 3.25 * (spread - 0.02) ** 15 if changed else 6.42 * spread
    return _up(min((1.08 if changed else 1.0) * (impact + ease), 10.0)) if impact > 0 else 0.0


def _up(score: float) -> float:
    """The next tenth above (section 7.4, and Appendix A: on integers, so that no machine rounds otherwise)."""
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10.0
