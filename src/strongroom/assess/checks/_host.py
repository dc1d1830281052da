"""What checks of machines share: to which machines the controls of accelerators apply."""

from strongroom.model.ports import Answer, View, not_applicable


def accelerated(v: View) -> Answer | None:
    """The answer for a machine without an accelerator, to which the controls of GPU nodes do not apply; else None."""
    if v.has("gpu.count") and v.number("gpu.count") == 0:
        return not_applicable("the machine has no accelerator")
    return None
