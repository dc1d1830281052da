"""Typed looks into a document whose shape nobody promised."""

from collections.abc import Mapping

Tree = Mapping[str, object]
EMPTY: Tree = {}


def tree(value: object) -> Tree:
    """The value when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else EMPTY


def at(value: object, *path: str) -> object:
    """What stands at a path of keys; None when the path leads nowhere."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def tree_at(value: object, *path: str) -> Tree:
    """The mapping at a path, empty when there is none."""
    return tree(at(value, *path))


def trees(value: object) -> tuple[Tree, ...]:
    """The mappings of a list."""
    return tuple(v for v in value if isinstance(v, dict)) if isinstance(value, list) else ()


def trees_at(value: object, *path: str) -> tuple[Tree, ...]:
    """The mappings of the list at a path."""
    return trees(at(value, *path))


def text(value: object) -> str:
    """A scalar as text; empty for nothing, a list or a mapping. YAML reads `on` and `1` as no text where one is meant."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def text_at(value: object, *path: str) -> str:
    """The text at a path."""
    return text(at(value, *path))


def texts(value: object) -> tuple[str, ...]:
    """The scalars of a list as text."""
    return tuple(text(v) for v in value if not isinstance(v, list | dict)) if isinstance(value, list) else ()


def texts_at(value: object, *path: str) -> tuple[str, ...]:
    """The scalars of the list at a path, as text."""
    return texts(at(value, *path))


def pairs(value: object) -> dict[str, str]:
    """A mapping of scalars as text to text: labels, annotations, selectors."""
    return {k: text(v) for k, v in value.items()} if isinstance(value, dict) else {}


def count(value: object) -> int:
    """A whole number, also one written as text; 0 for what is none. Quantities of devices have no unit."""
    said = text(value).strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
