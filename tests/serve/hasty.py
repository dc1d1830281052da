"""Runs a server role that has hardly any patience: `hasty.py SECONDS ROLE WORDS...`."""

import sys

from strongroom.serve import __main__ as door
from strongroom.serve import answers, listening

if __name__ == "__main__":
    listening.PATIENCE = answers.PATIENCE = float(sys.argv.pop(1))
    sys.exit(door.main())
