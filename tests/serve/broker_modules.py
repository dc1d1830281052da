"""`python broker_modules.py FILE WORDS…` runs a server role of the product, and writes what it has loaded when it ends."""

import sys
from pathlib import Path

if __name__ == "__main__":
    target = Path(sys.argv.pop(1))
    before = frozenset(sys.modules)
    from strongroom.serve.__main__ import main

    try:
        sys.exit(main())
    finally:
        target.write_text("\n".join(sorted(set(sys.modules) - before)))
