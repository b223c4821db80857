"""What users install: the wheel, built by way of the source archive, in an environment that holds nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from oaimigrate import rulebook

ROOT = Path(__file__).resolve().parents[1]
OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"


def run(*command: object, cwd: Path, code: int = 0) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FORCE_COLOR")}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=clean, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_works_alone(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel, cwd=tmp_path)

    installed = run(
        scripts / "python", "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check", cwd=tmp_path
    )
    names = {line.partition("==")[0].lower() for line in installed.split()}
    assert names <= {"oaimigrate", "click", "colorama", "libcst", "pip", "pyyaml", "pyyaml-ft", "setuptools", "tomli",
                     "typing-extensions", "wheel"}  # fmt: skip

    (tmp_path / "a.py").write_text(OLD)
    oaimigrate = scripts / "oaimigrate"
    assert run(oaimigrate, "--version", cwd=tmp_path).startswith("oaimigrate ")
    assert "a.py:4:5: OAI101" in run(oaimigrate, "check", "a.py", "--format", "concise", cwd=tmp_path, code=1)
    assert run(oaimigrate, "migrate", "a.py", cwd=tmp_path) == "Rewrote 2 sites in 1 file.\n"
    assert "All checks passed!" in run(scripts / "python", "-m", "oaimigrate", "check", "a.py", cwd=tmp_path)
    listed = run(oaimigrate, "rules", cwd=tmp_path).splitlines()
    assert [line.split()[0] for line in listed] == list(rulebook.load())
    typed = "import importlib.resources as r; print(r.files('oaimigrate').joinpath('py.typed').is_file())"
    assert run(scripts / "python", "-c", typed, cwd=tmp_path) == "True\n"
