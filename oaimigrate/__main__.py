"""`python -m oaimigrate`, and what the `oaimigrate` command runs."""

from __future__ import annotations

import sys


def main() -> None:
    from oaimigrate.cli import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
