"""Azure as it is: what Resource Graph exports, and what Azure Resource Manager answers."""
