"""Which files are read (git itself is asked about ignored ones), and which of them are worth a parse."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oaimigrate.discovery import DiscoveryError, discover, screen, speaks


def lay_out(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "core.excludesFile=", "-C", str(root), *arguments]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=clean).stdout


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_gives_its_python_files_in_order(tree: Path) -> None:
    lay_out(tree, "b.py", "a/z.pyi", "a/b/c.py", "a.txt", "notes.md", "a.py/inner.py")
    assert discover(["."]) == ["a.py/inner.py", "a/b/c.py", "a/z.pyi", "b.py"]
    assert discover([str(tree / "a")]) == [str(tree / "a/b/c.py"), str(tree / "a/z.pyi")]


def test_tools_and_environments_are_left_out(tree: Path) -> None:
    lay_out(tree, *(f"{d}/x.py" for d in (".git", ".venv", "node_modules", "site-packages", "__pycache__", "build")))
    lay_out(tree, "my env/pyvenv.cfg", "my env/x.py", "dist/x.py", "src/build/__init__.py", "src/build/x.py")
    assert discover(["."]) == ["src/build/__init__.py", "src/build/x.py"]


def test_what_is_named_is_taken(tree: Path) -> None:
    lay_out(tree, "build/x.py", "script", ".venv/pyvenv.cfg", ".venv/y.py")
    assert discover(["build", "script", ".venv"]) == [".venv/y.py", "build/x.py", "script"]
    assert discover(["build/x.py", "build", "./build/x.py"]) == ["build/x.py"]


def test_a_path_that_does_not_exist_is_an_error(tree: Path) -> None:
    with pytest.raises(DiscoveryError, match=r"no such file or folder: `nope\.py`"):
        discover(["nope.py"])


def test_links_are_followed_to_files_only(tree: Path) -> None:
    lay_out(tree, "real/a.py")
    (tree / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "link.py").symlink_to("real/a.py")
    (tree / ".#lock.py").symlink_to("nobody@nowhere")
    (tree / "out.py").symlink_to(tree.parent / "out.py")
    assert discover(["."]) == ["real/a.py"]
    lay_out(tree.parent, "out.py")
    (tree / "twice.py").symlink_to("out.py")
    assert discover(["."]) == ["out.py", "real/a.py"]
    assert discover(["link.py"]) == ["link.py"]
    assert discover(["link.py", "real"]) == ["real/a.py"]


def test_ignored_files_are_left_out_inside_a_repository(tree: Path) -> None:
    lay_out(tree, "gen/a.py", "keep/b.py", "sub/gen/c.py", "sub/d.py", "sub/x/d.py")
    (tree / ".gitignore").write_text("gen/\n*.pyi\n")
    (tree / "sub/.gitignore").write_text("/d.py\n")
    everything = discover(["."])
    assert len(everything) == 5  # without a repository, .gitignore says nothing
    git(tree, "init", "-q")
    (tree / ".git/info/exclude").write_text("keep\n")
    assert discover(["."]) == ["sub/x/d.py"]
    assert discover(["sub"]) == ["sub/x/d.py"]
    assert discover(["gen", "sub/d.py"]) == ["gen/a.py", "sub/d.py"]  # named, so taken


def test_a_nested_repository_has_its_own_rules(tree: Path) -> None:
    lay_out(tree, "vendor/gen/a.py", "vendor/b.py", "c.py")
    git(tree, "init", "-q")
    git(tree / "vendor", "init", "-q")
    (tree / ".gitignore").write_text("gen\n")
    (tree / "vendor/.gitignore").write_text("b.py\n")
    assert discover(["."]) == ["c.py", "vendor/gen/a.py"]


def test_force_exclude_asks_about_named_files_too(tree: Path) -> None:
    lay_out(tree, "build/x.py", "gen/y.py", "a/b/z.py", "a/ok.py")
    assert discover(["build/x.py", "gen/y.py"], force_exclude=True) == ["gen/y.py"]
    git(tree, "init", "-q")
    (tree / ".gitignore").write_text("gen\n")
    (tree / "a/.gitignore").write_text("b/\n")
    named = ["build/x.py", "gen/y.py", "a/b/z.py", "a/ok.py"]
    assert discover(named, force_exclude=True) == ["a/ok.py"]
    assert discover(named) == sorted(named)


PARTS = st.sampled_from(["a", "b", "ab", "a.py", "b.py", "*", "**", "?", "a*", "*.py", "[ab]", "[!a]", "[a-c]*", "\\a"])
LINES = st.builds(
    lambda negated, start, parts, end: negated + start + "/".join(parts) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " ", "\r", "/**"]),
)
FILES = [f"{d}{f}" for d in ("", "a/", "b/", "a/b/", "a/b/ab/", "ab/a/") for f in ("a.py", "b.py", "ab.py")]


@given(st.lists(LINES, min_size=1, max_size=4), st.lists(LINES, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_patterns_mean_what_git_says(tmp_path_factory: pytest.TempPathFactory, top: list[str], low: list[str]) -> None:
    root = tmp_path_factory.getbasetemp() / "patterns"
    if not root.exists():
        lay_out(root, *FILES)
        git(root, "init", "-q")
    for folder, patterns in (("", top), ("a", low)):
        (root / folder / ".gitignore").write_text("\n".join(patterns), newline="")
    listed = git(root, "ls-files", "-o", "--exclude-standard").split("\n")
    expected = sorted(str(root / name) for name in listed if name.endswith(".py"))
    assert discover([str(root)]) == expected


@pytest.mark.parametrize(
    "line",
    [
        "import openai",
        "import os, openai",
        "import openai as ai",
        "import openai.error",
        "from openai import ChatCompletion",
        "from openai.error import RateLimitError",
        "from litellm import (\n    openai,\n)",
        "import os, \\\n    openai",
        "import sys\rimport openai\rx = 1",
        "\timport openai; x = 1",
        "x = importlib.import_module('openai')",
        'x = __import__(\n    "openai"\n)',
        "pytest.importorskip('openai')",
        "openai = LazyLoader('openai', globals(), 'openai')",
        "sys.modules['openai'] = fake",
        "patch.dict('sys.modules', {'openai': fake})",
        "x = 1  # not openai\rimport openai",
        "# what it is\rimport openai",
        "@patch('openai.ChatCompletion.create')",
        "@patch('app.llm.openai.ChatCompletion.create')",
        "@patch('app.llm.openai.OpenAI')",
        'side_effect = ["openai.error.APIError"]',
        "def f():\n    global openai\n",
        "r = openai.ChatCompletion.create(model=m)",
        "r = self.openai.ChatCompletion.create(model=m)",
        "r = await deps.openai.chat.completions.create(model=m)",
        "except openai.error.RateLimitError:",
        "openai.api_key = key",
    ],
)
def test_what_may_use_the_sdk_is_parsed(line: str) -> None:
    assert screen(line.encode())
    assert screen(f"x = 1\r\n{line}\r\ny = 2\r\n".encode())
    assert screen(b"\xef\xbb\xbf" + line.encode())


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "from langchain.llms.openai import base",
        "import myopenai",
        "from openai_tools import x",
        "PROVIDERS = ['openai', 'azure']",
        "url = 'https://api.openai.com/v1'",
        "# the openai SDK is not used here",
        "x = settings.openai_api_key",
        "if provider == 'openai':",
        "self.openai = openai_client",
        "# from openai import ChatCompletion",
        "    # openai.ChatCompletion.create(model=m)",
        "LOADERS = {'azure': _import_azure,\n    'openai': _import_openai}",
        "path = 'embed.llms.openai.OpenAILLM'",
    ],
)
def test_what_only_speaks_of_it_is_not(line: str) -> None:
    assert not screen(f"x = 1\n{line}\ny = 2\n".encode())


@pytest.mark.parametrize(
    "text",
    [
        "import tiktoken\ne = tiktoken.get_encoding(name)",
        "from tiktoken import get_encoding",
        "    import tiktoken as tk\n    e = tk.encoding_for_model(name)",
        "import tiktoken\n\ndef count(encoding: tiktoken.Encoding): ...",
        "from tiktoken import *",
    ],
)
def test_files_that_count_tokens_are_parsed(text: str) -> None:
    assert not screen(text.encode())
    assert speaks(f"x = 1\n{text}\n".encode())
    assert speaks(b"\xef\xbb\xbfx = 1\r\n" + text.encode())


def test_a_word_about_tiktoken_is_no_import() -> None:
    assert not speaks(b"# tiktoken is not used\nx = 'tiktoken'\nimport mytiktoken\n")
    assert not speaks(b"from tiktoken.load import load_tiktoken_bpe\n")


PLACES = ["a.py", "gen/a.py", "gen/keep.py", "s p.py", "#h.py", "!n.py", "tr /a.py", "x/y/z/a.py", "x/a.py", "own/a.py"]


@pytest.mark.parametrize(
    ("lines", "excluded", "config", "mine"),
    [
        (["gen/*", "!gen/keep.py"], "", "", ""),
        (["gen/", "!gen/keep.py"], "", "", ""),
        ([r"\#h.py", r"\!n.py", "# a.py"], "", "", ""),
        (["tr\\ ", "s p.py   "], "", "", ""),
        (["tr ", "#h.py"], "", "", ""),
        (["x/**/a.py"], "", "", ""),
        (["**/z", "/a.py"], "", "", ""),
        ([], "own\n", "", ""),
        (["!own"], "own\n", "", ""),
        ([], "!gen\n", "", "gen/\nown\n"),
        ([], "", "[core]\n\tbare = false\n\tExcludesFile = \"~/mine\" ; why\n", ""),
        ([], "", "[core] excludesfile = ~/other # x\n[core]\nexcludesfile=~/mine\n", "gen/\n"),
        ([], "", "[core]\nexcludesfile =\n", "gen/\n"),
        ([], "", "[cored]\nexcludesfile = ~/mine\n", "gen/\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["repository", "worktree", "submodule"])
def test_all_files_that_git_reads_are_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    lines: list[str],
    excluded: str,
    config: str,
    mine: str,
) -> None:
    home, root = tmp_path / "home", tmp_path / place
    monkeypatch.setenv("HOME", str(home))
    for name in [n for n in os.environ if n.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    (home / ".config/git").mkdir(parents=True)
    (home / "mine").write_text("x/\n")
    inside = repository(tmp_path, place)
    (inside / "info").mkdir(exist_ok=True)
    (inside / "info/exclude").write_text(excluded)
    (home / ".gitconfig").write_text(config)
    (home / ".config/git/ignore").write_text(mine)
    lay_out(root, *PLACES)
    (root / ".gitignore").write_text("\n".join(lines))
    command = ["git", "-C", str(root), "ls-files", "-oz", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    assert discover([str(root)]) == sorted(str(root / name) for name in listed if name.endswith(".py"))


def repository(folder: Path, place: str) -> Path:
    """Make `folder/place` what it is called; the folder in which git keeps what it is told of it."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "protocol.file.allow=always"]
    main = folder / ("repository" if place == "repository" else "main")
    git(folder, "init", "-q", str(main))
    git(main, *who, "commit", "-qm", "x", "--allow-empty")
    if place == "worktree":
        git(main, "worktree", "add", "-q", str(folder / place))
    if place == "submodule":
        git(folder, "init", "-q", str(folder / "top"))
        git(folder / "top", *who, "submodule", "-q", "add", str(main), "submodule")
        (folder / place).symlink_to(folder / "top/submodule")
        return folder / "top/.git/modules/submodule"
    return main / ".git"
