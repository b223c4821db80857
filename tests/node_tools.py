"""Validators that come as npm packages, installed once under `.cache/node`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache/node"


def installed(package: str, program: str) -> Path:
    """The path of a program of an npm package, below `node_modules`."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = CACHE / package.rpartition("/")[2]
    path = folder / "node_modules" / program
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), "--no-save", "--no-fund", "--no-audit", package]
        done = subprocess.run(command, capture_output=True, text=True)
        if not path.exists():
            pytest.skip(f"{package} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    path.chmod(0o755)
    return path
