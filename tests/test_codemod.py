"""The LibCST codemod command does what `oaimigrate migrate` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BEFORE = """import openai

openai.api_key = "k"
reply = openai.Completion.create(model="ada", prompt="Hi")
print(reply["id"])
"""
AFTER = """import openai

client = openai.OpenAI(api_key="k")
reply = client.completions.create(model="ada", prompt="Hi")
print(reply.id)
"""


def test_the_codemod_runs_under_libcst_tool(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BEFORE)
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    shown = "codemod --no-format -x oaimigrate.codemods.MigrateOpenAI"
    assert f"python -m libcst.tool {shown} " in readme
    codemod = [*shown.split(), "app.py"]
    command = [sys.executable, "-m", "libcst.tool", *codemod]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "app.py").read_text() == AFTER
