"""The files that `oaimigrate init` writes. Nothing that exists is changed but a pyproject.toml, which gets a table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from oaimigrate import __version__
from oaimigrate.config import ConfigError
from oaimigrate.settings import files

_TABLE = """\
# All keys: `oaimigrate config`
extend-select = []
ignore = []
# exclude = ["examples/"]  # as in .gitignore
# baseline = "oaimigrate-baseline.json"

"""
_PER_FILE = """\
# "tests/" = ["OAI2"]
"""
_HOOKS = f"""\
repos:
  - repo: local
    hooks:
      - id: oaimigrate
        name: oaimigrate check
        entry: oaimigrate check --force-exclude
        language: python
        additional_dependencies: ["oaimigrate=={__version__}"]
        types_or: [python, pyi, jupyter]
        require_serial: true
"""
# The one home of these pins: a test holds that action.yml and the README name the same.
ACTIONS = {
    "actions/checkout": "de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2",
    "actions/setup-python": "a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0",
    "github/codeql-action/upload-sarif": "8aad20d150bbac5944a9f9d289da16a4b0d87c1e # v4.36.2",
}


def _uses(action: str) -> str:
    return f"uses: {action}@{ACTIONS[action]}"


_GITHUB = f"""\
name: oaimigrate
on:
  push:
    branches: [main]
  pull_request:
permissions: {{}}
jobs:
  oaimigrate:
    runs-on: ubuntu-latest
    permissions:
      contents: read
    steps:
      - {_uses("actions/checkout")}
        with:
          persist-credentials: false
      - {_uses("actions/setup-python")}
        with:
          python-version: "3.12"
      - run: pip install 'oaimigrate=={__version__}'
      - run: oaimigrate check --format github
"""
_GITLAB = f"""\
oaimigrate:
  image: python:3.12-slim
  script:
    - pip install 'oaimigrate=={__version__}'
    - oaimigrate check --format full --output gitlab=gl-code-quality-report.json
  artifacts:
    when: always
    reports:
      codequality: gl-code-quality-report.json
"""
FILES = {
    "pre-commit": (".pre-commit-config.yaml", _HOOKS),
    "github": (".github/workflows/oaimigrate.yml", _GITHUB),
    "gitlab": (".gitlab-ci.yml", _GITLAB),
}


def write(folder: str, wanted: Sequence[str]) -> Iterator[str]:
    """Write the configuration and the wanted files; what was done, a line each."""
    yield _configure(folder)
    for name in wanted:
        relative, text = FILES[name]
        path = os.path.normpath(os.path.join(folder, relative))
        if os.path.lexists(path):
            yield f"{path}: is there already and was left alone; add\n\n{text}"
            continue
        _write(path, "x", text)
        yield f"{path}: written"


def _configure(folder: str) -> str:
    found = files.in_folder(os.path.realpath(folder))
    if found is not None:
        return f"{found.path}: has a configuration already and was left alone"
    path = os.path.normpath(os.path.join(folder, "pyproject.toml"))
    if not os.path.exists(path):
        path = os.path.normpath(os.path.join(folder, "oaimigrate.toml"))
        _write(path, "x", _TABLE + "[per-file-ignores]\n" + _PER_FILE)
        return f"{path}: written"
    with open(path, "rb") as stream:
        data = stream.read()
    files.check_toml(data, path)  # nothing is added to a file that is broken
    newline = "\r\n" if b"\r\n" in data else "\n"
    lead = "" if not data or data.endswith(b"\n\n") else "\n" if data.endswith(b"\n") else "\n\n"
    table = lead + "[tool.oaimigrate]\n" + _TABLE + "[tool.oaimigrate.per-file-ignores]\n" + _PER_FILE
    _write(path, "a", table.replace("\n", newline))
    return f"{path}: got a table `[tool.oaimigrate]`"


def _write(path: str, mode: str, text: str) -> None:
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, mode, encoding="utf-8", newline="") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigError(f"`{path}` cannot be written: {(error.strerror or str(error)).lower()}") from error
