"""What is left of a file when writing it fails: the old bytes or the new ones, never a part; and a line says so."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("limits, mounts and users as Linux has them", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[1]
OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"
NEW = "import openai\n\nclient = openai.OpenAI(api_key='k')\nr = client.models.list()\n"
LONG = "# more\n" * 3000  # 21 kB
Done = subprocess.CompletedProcess[str]
CODE = "import sys; from oaimigrate.cli import main; sys.exit(main())"


def oaimigrate(
    folder: Path, *arguments: str, first: Sequence[str] = (), **options: Any
) -> subprocess.CompletedProcess[str]:
    command = [*first, sys.executable, "-B", "-c", CODE, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, **options)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root mounts a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    (small_disk / "a.py").write_text(OLD)
    (small_disk / "b.py").write_text(OLD + LONG)
    (small_disk / "c.py").write_text(OLD + LONG)
    done = oaimigrate(small_disk, "check", "--fix", "--format", "concise", ".")
    texts = {path.name: path.read_text() for path in small_disk.iterdir()}
    assert texts == {"a.py": NEW, "b.py": OLD + LONG, "c.py": OLD + LONG}
    assert done.returncode == 1
    assert done.stdout.startswith("b.py:1:1: OAI001 cannot be written: no space left on device\n")
    assert done.stderr == ""
    done = oaimigrate(small_disk, "migrate", "--allow-dirty", "b.py")
    assert "b.py:1: OAI001 cannot be written: no space left on device" in done.stdout
    report = oaimigrate(small_disk, "check", "--output", "sarif=r.sarif", ".")
    assert (report.returncode, report.stderr.count("\n")) == (2, 1)
    assert report.stderr == "error: the report `r.sarif` cannot be written: no space left on device\n"
    assert sorted(path.name for path in small_disk.iterdir()) == ["a.py", "b.py", "c.py"]


def test_a_limit_for_the_size_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "b.py").write_text(OLD + LONG)
    limit = 10_000
    done = oaimigrate(
        tmp_path, "check", "--fix", "--format", "concise", ".",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.py": NEW, "b.py": OLD + LONG}
    assert done.returncode == 1
    assert done.stdout.startswith("b.py:1:1: OAI001 cannot be written: file too large\n")


@pytest.mark.parametrize("locked", ["a.py", "."])
def test_what_may_not_be_written(tmp_path: Path, locked: str) -> None:
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / locked).chmod(0o444 if locked == "a.py" else 0o555)
    done = oaimigrate(tmp_path, "check", "--fix", "--format", "concise", "a.py", first=_without_privilege())
    (tmp_path / locked).chmod(0o755)
    assert (tmp_path / "a.py").read_text() == OLD
    assert os.listdir(tmp_path) == ["a.py"]
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("a.py:1:1: OAI001 cannot be written: permission denied\n")


def _without_privilege() -> list[str]:
    """The beginning of a command that heeds permissions: root does not, unless the capability is taken away."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root writes everything")
    return ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]


def test_an_interrupt_while_files_are_written(tmp_path: Path) -> None:
    """The signal comes after the first file was written and before the last."""
    for number in range(400):
        (tmp_path / f"m{number:03}.py").write_text(OLD)
    code = f"""
import os, signal
from oaimigrate import source
write = source.write_bytes
def counted(path, data, done=[]):
    done.append(path)
    if len(done) == 100:
        os.kill(os.getpid(), {int(signal.SIGINT)})
    write(path, data)
source.write_bytes = counted
{CODE}
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, "check", "--fix", "-j1", "."]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.lstrip()) == (
        130,
        "",
        "error: interrupted; every file is whole\n",
    )
    texts = [path.read_text() for path in sorted(tmp_path.iterdir())]
    assert texts == [NEW] * 99 + [OLD] * 301


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_standard_output_on_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import openai\nopenai.Model.list()\n")
    command = [sys.executable, "-m", "oaimigrate", "check"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.stderr.splitlines()[0] == "error: no space left on device (`--debug` shows where)"
    assert done.returncode != 0
