"""Strict JSON schemas from a few words: every property of an object is named, and what is not named is refused."""


def obj(required: str, optional: str = "", **properties: object) -> dict[str, object]:
    """An object with these properties and no others."""
    names = {*required.split(), *optional.split()}
    assert names == set(properties), f"{names ^ set(properties)}"
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


def listed(items: object, least: int = 1) -> dict[str, object]:
    """A list; by default one that is not empty, as a list without items is left out."""
    return {"type": "array", "items": items, "minItems": least}


TEXT = {"type": "string", "minLength": 1}
ANY_TEXT = {"type": "string"}
ID32 = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
# RFC 9562: version 5, variant 10.
UUID5 = {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"}
