"""`python -m zeroconv COMMAND ...`, for launchers such as torchrun that start a module."""

import sys

from zeroconv.cli import main

if __name__ == "__main__":
    sys.exit(main())
