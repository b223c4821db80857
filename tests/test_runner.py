"""Many files at once: the same results in any number of processes, whatever happens to one of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import libcst
import pytest

from oaimigrate import engine, runner, workers
from oaimigrate.config import Config
from oaimigrate.diagnostics import FileResult, Safety
from oaimigrate.source import Source

OLD = "import openai\n\nopenai.api_key = 'k'\nr = openai.Model.list()\n"
CONFIG = Config(frozenset({"OAI101", "OAI102"}))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enough files, and large enough, that they are worth several processes."""
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        (tmp_path / f"m{number:02}.py").write_text(OLD + f"# {number} of the lines\n" * (700 + 100 * (number % 3)))
    return tmp_path


def test_results_do_not_depend_on_processes(files: Path) -> None:
    collected = runner.collect(["."])
    one = runner.run(collected, CONFIG, jobs=1)
    seen: list[tuple[int, int]] = []
    many = runner.run(collected, CONFIG, jobs=2, progress=lambda done, total: seen.append((done, total)))
    assert one == many
    assert [result.path for result in many.results] == sorted(path.name for path in files.iterdir())
    assert seen == [(number + 1, 12) for number in range(12)]


def test_processes_get_ready_while_files_are_read(files: Path) -> None:
    assert runner.collect(["."]).workers is None
    assert runner.collect(["m00.py", "m01.py"], jobs=2).workers is None  # too few to be worth it
    collected = runner.collect(["."], jobs=2)
    assert collected.workers is not None
    before = multiprocessing.active_children()
    assert before  # one, and its copies where processes can be forked
    assert runner.run(collected, CONFIG) == runner.run(runner.collect(["."]), CONFIG, jobs=1)
    assert not any(process.is_alive() for process in before)


def test_the_process_that_collects_does_without_libcst(files: Path) -> None:
    script = (
        "import sys\nfrom oaimigrate.cli import main\n"
        "if __name__ == '__main__':\n"
        "    main(['check', '-j2', '--isolated', '.'])\n"
        "    print('libcst' in sys.modules)\n"
    )
    done = run_script(files, script)
    assert "Found 24 problems" in done.stdout
    assert (done.stdout.splitlines()[-1], done.stderr) == ("False", "")


def test_processes_end_when_the_one_that_started_them_is_killed(files: Path) -> None:
    script = (
        "import os, signal, sys\nfrom oaimigrate import runner\n"
        "if __name__ == '__main__':\n"
        "    collected = runner.collect(['.'], jobs=2)\n"
        "    os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))\n"
    )
    done = run_script(files, script)  # it waits for all that may still write to its output
    assert done.returncode != 0


def run_script(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    (folder / "script").write_text(script)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    return subprocess.run(
        [sys.executable, "script"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


def test_a_folder_goes_to_one_worker_unless_it_is_too_large() -> None:
    paths = [f"{top}/{sub}/{n}.py" for top in "abcd" for sub in "xy" for n in range(5)] + ["large/one.py", "top.py"]
    files = [(path, b"#" * (30_000 if path.startswith("large") else 1_000)) for path in paths]
    batches = workers.batches(files, 2)
    assert sorted(file for batch in batches for file in batch) == sorted(files)
    assert [path for path, _ in batches[0]] == ["large/one.py"]
    homes = {path: number for number, batch in enumerate(batches) for path, _ in batch}
    assert all(len({homes[p] for p in paths if p.startswith(top)}) == 1 for top in "abcd")
    alone = workers.batches([(f"{n}.py", b"#" * 1_000) for n in range(32)], 2)
    assert 8 <= len(alone) <= 17
    empty = [(f"{n}/__init__.py", b"") for n in range(40)]
    assert sorted(file for batch in workers.batches(empty, 2) for file in batch) == sorted(empty)


def test_a_file_that_its_imports_import_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(
        "import openai\nfrom b import ask\n\n\ndef key(): return openai.Model\nprint(ask())\n"
    )
    (tmp_path / "b.py").write_text("import openai\nfrom a import key\n\n\ndef ask(): return key().list()\n")
    monkeypatch.chdir(tmp_path)
    parsed: list[str] = []
    parse = libcst.parse_module
    monkeypatch.setattr(libcst, "parse_module", lambda text: parsed.append(text) or parse(text))
    runner.run(runner.collect(["."]), CONFIG, jobs=1)
    assert len(parsed) == 2


def test_only_changed_files_are_written(files: Path) -> None:
    (files / "modern.py").write_text("import openai\nclient = openai.OpenAI()\n")
    before = (files / "modern.py").stat()
    done = runner.run(runner.collect(["."]), CONFIG, safety=Safety.SAFE, write=True, jobs=2)
    assert len(done.changed) == 12
    assert all("client.models.list()" in path.read_text() for path in files.glob("m0*.py"))
    assert (files / "modern.py").stat() == before


def die(source: object, *_: object, **__: object) -> FileResult:
    """An engine that takes its process down on one file."""
    path = source.path  # type: ignore[attr-defined]
    if path == "m05.py":
        os.kill(os.getpid(), signal.SIGKILL)
    return FileResult(path, "", ())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the patched engine reaches workers by fork")
def test_a_process_that_dies_costs_one_file(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "check_source", die)
    done = runner.run(runner.collect(["."]), CONFIG, jobs=2)
    assert [(r.path, r.diagnostics[0].code) for r in done.results] == [("m05.py", "OAI000")]
    assert "the process that read this file died" in done.results[0].diagnostics[0].message


def test_a_crash_costs_one_file(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = engine.check_source

    def crash(source: object, *rest: object) -> FileResult:
        if source.path == "m05.py":  # type: ignore[attr-defined]
            raise ZeroDivisionError("oops")
        return real(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "check_source", crash)
    done = runner.run(runner.collect(["."]), Config(CONFIG.select, debug=True), jobs=1)
    crashed = [r.diagnostics for r in done.results if r.diagnostics[0].code == "OAI000"]
    assert len(done.results) == 12
    assert [d[0].message for d in crashed] == ["internal error, the file was not looked at: ZeroDivisionError: oops"]
    assert "Traceback" in crashed[0][0].notes[0].text


def test_a_file_that_changed_meanwhile_is_not_written(files: Path) -> None:
    collected = runner.collect(["m00.py", "m01.py"])
    (files / "m00.py").write_text("# somebody else was faster\n")
    done = runner.run(collected, CONFIG, safety=Safety.SAFE, write=True)
    assert (files / "m00.py").read_text() == "# somebody else was faster\n"
    assert [r.path for r in done.changed] == ["m01.py"]
    assert [(r.path, d.code) for r in done.results for d in r.diagnostics] == [("m00.py", "OAI001")]


def test_a_file_that_cannot_be_read_is_reported(files: Path) -> None:
    (files / "gone.py").symlink_to("nowhere.py")
    done = runner.run(runner.collect(["gone.py", "m00.py"]), CONFIG)
    assert [r.path for r in done.results] == ["gone.py", "m00.py"]
    assert done.results[0].diagnostics[0].message == "cannot be read: no such file or directory"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupt_leaves_every_file_whole(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"m{number:03}.py").write_text(OLD + "# more\n" * 300)
    script = "import sys; from oaimigrate.cli import main; sys.exit(main(['check', '--fix', '.']))"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130), err
    texts = {path.read_text() for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 300
    assert texts <= {OLD + "# more\n" * 300, OLD.replace("openai.api_key = 'k'", "client = openai.OpenAI(api_key='k')")
                     .replace("openai.Model.list", "client.models.list") + "# more\n" * 300}  # fmt: skip
    if process.returncode == 130:
        assert err.strip() == b"error: interrupted; every file is whole"


def test_workers_can_be_spawned(files: Path) -> None:
    script = (
        "import sys; sys.platform = 'darwin'\n"
        "from oaimigrate import runner\nfrom oaimigrate.config import Config\n"
        "if __name__ == '__main__':\n"
        "    done = runner.run(runner.collect(['.'], jobs=2), Config(frozenset({'OAI101'})))\n"
        "    print(len(done.results), {d.code for r in done.results for d in r.diagnostics})\n"
    )
    done = run_script(files, script)
    assert (done.stdout, done.stderr) == ("12 {'OAI101'}\n", "")


def test_what_was_parsed_in_one_round_is_kept_for_the_next(files: Path, tmp_path: Path) -> None:
    for name in list(tmp_path.iterdir())[1:]:
        name.unlink()
    (tmp_path / "llm.py").write_text("import openai\n\n\ndef ask(): return openai.Model.list()\n")
    (tmp_path / "middle.py").write_text("from llm import ask\n\n\ndef more(): return ask()\n")
    (tmp_path / "reader.py").write_text("from middle import more\nprint(more()['data'])\n")
    parsed: list[str] = []
    parse = libcst.parse_module
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(libcst, "parse_module", lambda text: parsed.append(text) or parse(text))
        done = runner.run(runner.collect(["."]), Config(frozenset({"OAI103"})), jobs=1)
    assert [result.path for result in done.results] == ["reader.py"]
    assert len(parsed) == len(set(parsed)) == 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the patched engine reaches workers by fork")
def test_a_process_is_given_its_own_folders_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = "abcdefg"  # too few for a process to take what another one knows
    for folder in folders:
        (tmp_path / folder).mkdir()
        for number in range(4):
            (tmp_path / folder / f"m{number}.py").write_text(OLD + "def ask(): return r\n" + "# more\n" * 3_000)
        (tmp_path / folder / "reader.py").write_text(f"from m0 import ask\nprint(ask()['data'], '{folder}')\n")
    log = tmp_path / "log"
    real = engine.check_source

    def logged(source: Source, *rest: object) -> FileResult:
        with log.open("a") as out:
            out.write(f"{os.path.dirname(source.path)} {os.getpid()}\n")
        return real(source, *rest)  # type: ignore[arg-type]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "check_source", logged)
    done = runner.run(runner.collect(["."]), Config(frozenset({"OAI103"})), jobs=2)
    assert [result.path for result in done.results] == [f"{folder}/reader.py" for folder in folders]
    lines = log.read_text().split("\n")[:-1]
    assert len(lines) == 5 * len(folders)
    assert len({line.split()[1] for line in lines}) == 2
    assert len(set(lines)) == len(folders)  # each with one process
