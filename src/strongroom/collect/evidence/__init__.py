"""Ask the hardware of this machine for evidence: the kernel's own interfaces, one a file.

None of these was run on hardware that has it where this was written; see the proof levels.
"""
