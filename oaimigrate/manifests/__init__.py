"""The files in which a project says which openai SDK it wants: `kind` tells them by their name.

Everything else here is imported only where such a file speaks of openai.
"""

from __future__ import annotations

import os
import re

_NAMES = {
    "pyproject.toml": "pyproject",
    "pixi.toml": "pyproject",
    "setup.cfg": "setup.cfg",
    "tox.ini": "tox",
    "Dockerfile": "commands",
    "Containerfile": "commands",
    "Makefile": "commands",
    ".travis.yml": "commands",
    "bitbucket-pipelines.yml": "commands",
    "Pipfile": "pipfile",
    "Pipfile.lock": "lock",
    "poetry.lock": "lock",
    "pdm.lock": "lock",
    "uv.lock": "lock",
    "conda-lock.yml": "lock",
}
SCRIPTS = ("setup.py", "noxfile.py")  # Python files with requirements in their strings
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?(?:requirements?|constraints?)(?:[-_.].*)?\.(?:txt|in)", re.IGNORECASE)
_CONDA = re.compile(r"(?:.*[-_.])?(?:environment|env|conda)(?:[-_.].*)?\.ya?ml", re.IGNORECASE)
# What a service runs: Docker Compose, GitLab CI, Azure Pipelines.
_SERVICE = re.compile(
    r"(?:docker-)?compose(?:[-_.][\w.-]+)?\.ya?ml|.*\.gitlab-ci\.ya?ml|azure-pipelines?[\w.-]*\.ya?ml"
)
_SERVICE_FOLDERS = (".github/workflows", ".circleci", ".gitlab/ci", ".azure-pipelines")
_LOCK = re.compile(r"pylock(?:\.[\w-]+)?\.toml")


def kind(path: str) -> str | None:
    """What a file is, told from its name: "requirements", "pyproject", "conda", "lock" and so on; None for others."""
    folder, name = os.path.split(path)
    if name in _NAMES:
        return _NAMES[name]
    if _LOCK.fullmatch(name):
        return "lock"
    if _REQUIREMENTS.fullmatch(name):
        return "requirements"
    if name.endswith((".txt", ".in")) and os.path.basename(folder) in ("requirements", "constraints"):
        return "requirements"
    if (
        name.endswith((".sh", ".dockerfile", ".Dockerfile"))
        or name.startswith("Dockerfile.")
        or _SERVICE.fullmatch(name)
        or _is_workflow(folder, name)
    ):
        return "commands"
    return "conda" if _CONDA.fullmatch(name) else None


def _is_workflow(folder: str, name: str) -> bool:
    return name.endswith((".yml", ".yaml")) and folder.replace(os.sep, "/").endswith(_SERVICE_FOLDERS)
