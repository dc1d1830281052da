"""`python -m strongroom` is the same door as the `strongroom` command."""

from strongroom.cli.main import main

if __name__ == "__main__":
    main()
