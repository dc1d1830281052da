"""How sure it is that a request is let through: no, perhaps, yes. Integers, since they are compared a million times.

`min` is and, `max` is or, `negate` is not: Kleene's strong logic, as in `kit.kleene`, without the reasons; these are
looked up once a way is found.
"""

NO, PERHAPS, YES = 0, 1, 2


def negate(level: int) -> int:
    """Not."""
    return YES - level
