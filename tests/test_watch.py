"""`--watch` as a user sees it: a process that prints anew when a file changes, and ends with Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import oaimigrate

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_change_is_seen_and_the_session_ends_with_ctrl_c(tmp_path: Path) -> None:
    code = tmp_path / "a.py"
    code.write_text("import openai\nopenai.Model.list()\n")
    out = tmp_path / "out.txt"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "oaimigrate", "check", "--watch", "--format", "concise", "."]
    with out.open("wb") as stream:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        try:
            assert waited(out, "Found 1 problem.", 1)
            assert waited(out, "Watching for changes", 1)
            time.sleep(0.5)  # until the system tells of changes
            code.write_text("import openai\nopenai.Model.list()\nopenai.Model.list()\n")
            assert waited(out, "Found 2 problems.", 1)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in out.read_text()


def waited(path: Path, text: str, times: int) -> bool:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if path.read_text().count(text) >= times:
            return True
        time.sleep(0.05)
    raise AssertionError(path.read_text())


def test_standard_input_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert oaimigrate(monkeypatch, "check", "--watch", "-").err == "error: standard input cannot be watched\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell(monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    assert f"{shell}_complete" in oaimigrate(monkeypatch, "completion", shell).text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("oaimigrate ch", {"check"}),
        ("oaimigrate check --select OAI101,oai10", {"OAI101,OAI101", "OAI101,OAI102"}),
        ("oaimigrate check --form", {"--format"}),
        ("oaimigrate check --format js", {"json", "json-lines"}),
        ("oaimigrate rule removed-r", {"removed-resource-call"}),
        ("oaimigrate check sr", {"sr"}),  # of the type "file": bash looks for those that begin so
        ("oaimigrate check --baseline sr", {"sr"}),
        ("oaimigrate explain sr", {"sr"}),
    ],
)
def test_what_bash_is_offered(words: str, expected: set[str]) -> None:
    last = len(words.split()) - 1
    environment = os.environ | {
        **{
            "_OAIMIGRATE_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(last),
            "PYTHONPATH": str(ROOT),
        }
    }
    code = "import sys; sys.argv = ['oaimigrate']; from oaimigrate.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert {line.split(",", 1)[1] for line in done.stdout.splitlines()} >= expected, done.stderr
    assert all(line.startswith("file," if "sr" in expected else "plain,") for line in done.stdout.splitlines())


def test_fish_is_offered_lists_and_files(tmp_path: Path) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    command = tmp_path / "oaimigrate"
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom oaimigrate.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    (tmp_path / "module.py").touch()
    environment = os.environ | {
        **{"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    }
    script = "oaimigrate completion fish | source; complete -C 'oaimigrate check --select OAI101,OAI102'; "
    script += "complete -C 'oaimigrate chec'; complete -C 'oaimigrate check modu'"
    done = subprocess.run(
        [fish, "--no-config", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    lines = ["OAI101,OAI102\tremoved-setting", "check\tFind problems, and fix them.", "module.py"]
    assert [line.rstrip() for line in done.stdout.splitlines()] == lines, done.stderr


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("fish", "oaimigrate completion fish | source; complete -C 'oaimigrate rule OAI10'"),
        (
            "zsh",
            'autoload -Uz compinit; compinit -u -D; eval "$(oaimigrate completion zsh)"; '
            "compadd() { print -l $@ }; _describe() { print -l ${(P)3} }; "
            "words=(oaimigrate rule OAI10); CURRENT=3; $_comps[oaimigrate]",
        ),
        (
            "bash",
            'eval "$(oaimigrate completion bash)"; COMP_WORDS=(oaimigrate rule OAI10); COMP_CWORD=2; '
            '$(complete -p oaimigrate | sed "s/.*-F \\([^ ]*\\).*/\\1/") oaimigrate; echo "${COMPREPLY[@]}"',
        ),
    ],
)
def test_shells_complete_with_the_script(tmp_path: Path, shell: str, script: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    command = tmp_path / "oaimigrate"
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom oaimigrate.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    environment = os.environ | {
        **{"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    }
    plain = {"fish": ["--no-config"], "zsh": ["-f"], "bash": ["--norc"]}[shell]
    done = subprocess.run([program, *plain, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert "OAI101" in done.stdout, done.stderr
    assert "OAI201" not in done.stdout
