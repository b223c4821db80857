"""What we ship for CI: valid by the services' own schemas, without findings of zizmor, and run here as they run it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from oaimigrate.settings import starter

ROOT = Path(__file__).resolve().parents[1]
OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"
NEW = "import openai\n\nclient = openai.OpenAI()\n"
TOOLS = Path(sys.executable).parent


def tool(name: str, *arguments: str) -> None:
    done = subprocess.run([TOOLS / name, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "old.py").write_text(OLD)
    (folder / "new file.py").write_text(NEW)
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """`oaimigrate` as an executable that runs this copy."""
    file = tmp_path / "bin" / "oaimigrate"
    file.parent.mkdir()
    file.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m oaimigrate "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_the_action_is_valid() -> None:
    tool("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    tool("zizmor", "--offline", "--no-progress", "--quiet", "action.yml")


@pytest.mark.parametrize("text", ["action.yml", "README.md", "init"])
def test_all_pin_the_same_actions(text: str) -> None:
    used = starter.FILES["github"][1] if text == "init" else (ROOT / text).read_text(encoding="utf-8")
    pins = re.findall(r"uses: ([\w./-]+)@(\S+ # v\S+)", used)
    assert pins
    assert [(action, starter.ACTIONS.get(action)) for action, _ in pins] == pins


def component(**inputs: str) -> str:
    """The job of the component, its inputs put in as GitLab does before it reads it."""
    header, job = (ROOT / "ci/gitlab.yml").read_text().split("\n---\n")
    for name, about in yaml.safe_load(header)["spec"]["inputs"].items():
        job = job.replace(f"$[[ inputs.{name} ]]", inputs.get(name, json.dumps(about["default"]).strip('"')))
    assert "$[[" not in job
    return job


def test_the_component_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "job.yml"
    file.write_text(component())
    tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(file))


def run_action(project: Path, command: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """The check step of the action, as the runner runs it: exit code, log and outputs."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = next(step for step in action["runs"]["steps"] if step.get("id") == "check")
    given = {name: about["default"] for name, about in action["inputs"].items()} | inputs
    outputs = project.parent / "outputs"
    outputs.write_text("")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_")}
    environment |= {"GITHUB_OUTPUT": str(outputs), "RUNNER_TEMP": str(project.parent), "GITHUB_ACTIONS": "true"}
    for name, value in step["env"].items():
        key = value.removeprefix("${{ ").removesuffix(" }}")
        environment[name] = str(command) if key.startswith("steps.") else given[key.removeprefix("inputs.")]
    script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(script, cwd=project, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr, dict(line.split("=", 1) for line in outputs.read_text().split())


@pytest.mark.parametrize(
    ("inputs", "code", "exit_code"),
    [
        ({}, 1, "1"),
        ({"fail-on-findings": "false"}, 0, "1"),
        ({"paths": "new file.py"}, 0, "0"),
        ({"args": "--select=OAI6\n--target=2"}, 0, "0"),
        ({"args": "--select=OAI6;false"}, 2, "2"),
        ({"paths": "nowhere", "fail-on-findings": "false"}, 2, "2"),
    ],
)
def test_the_action_runs(project: Path, command: Path, inputs: dict[str, str], code: int, exit_code: str) -> None:
    got, log, outputs = run_action(project, command, **inputs)
    assert (got, outputs["exit-code"]) == (code, exit_code), log
    if exit_code == "1":
        assert "::error title=oaimigrate (OAI101),file=old.py,line=4," in log
        report = json.loads(Path(outputs["sarif-file"]).read_text())
        assert {r["ruleId"] for r in report["runs"][0]["results"]} == {"OAI101", "OAI102"}


def test_the_component_runs(project: Path, command: Path) -> None:
    job = yaml.safe_load(component(paths="old.py"))["oaimigrate"]
    line = job["script"][-1]
    environment = os.environ | {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    report = json.loads((project / job["artifacts"]["reports"]["codequality"]).read_text())
    assert {entry["check_name"] for entry in report} == {"OAI101", "OAI102"}


def test_the_workflow_of_the_readme_is_valid(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("### In CI\n\n```yaml\n")[2].partition("```")[0]
    file = tmp_path / "openai.yml"
    file.write_text(block.replace("<owner>/<this repository>@<a commit>", f"a/b@{'0' * 40}"))
    tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file))
    tool("zizmor", "--offline", "--no-progress", "--quiet", "--min-severity", "medium", str(file))
