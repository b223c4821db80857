"""`python -m oaimigrate`, and what the `oaimigrate` command runs."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line in a process that ends with it, as mypy does: what it holds is not freed one by one.

    That, and a last look for garbage, is a tenth of the time of a hook. What runs on and on enables the collector, and
    the server ends in its own way.
    """
    gc.disable()
    from oaimigrate.cli import main as run

    code = run()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads it any more: Python knows what to say and what to exit with
        sys.exit(code)
    os._exit(code)


if __name__ == "__main__":
    main()
