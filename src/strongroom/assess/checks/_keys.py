"""What checks of encryption share: a key of the customer's, and what stands there instead."""

from strongroom.model.ports import Answer, View, broken, holds


def customer_key(v: View, fact: str) -> Answer:
    """Holds when a key of the customer's encrypts; else says what does."""
    key = v.key(fact)
    if key.tech == "cmk":
        return holds(key=key.name)
    return broken(found="no key" if key.tech == "none" else f"a key of the provider's ({key.name or 'its default'})")
