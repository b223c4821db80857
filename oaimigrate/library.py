"""`oaimigrate.check_source` and `oaimigrate.fix_source`: the analyser for other programs, one file at a time.

Other files are read only as far as its imports lead to them, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from oaimigrate.config import CLIENT_STYLES, DEFAULT_TARGET, TARGETS, Config, ConfigError, resolve
from oaimigrate.diagnostics import FileResult, Safety


def check_source(
    source: str | bytes,
    path: str = "<string>",
    *,
    select: Sequence[str] | None = None,
    extend_select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    target: int = DEFAULT_TARGET,
    client_style: str = "instance",
) -> FileResult:
    """Find fragile and outdated uses of the OpenAI SDK in one file.

    `source` is its text, or its bytes if its encoding is to be told from them; a byte order mark is no part of the
    text that comes back. `path` need not exist: its ending says what the file is (a notebook, requirements, else
    Python), and its folder where imports begin. The selectors are those of the command line: codes, beginnings of
    codes, names of rules, "ALL". `target` is the major version of the SDK that fixes are written for.

    A file that cannot be read is no exception but a diagnostic, OAI001. A ConfigError is raised for an option that
    means nothing.
    """
    config = _config(select, extend_select, ignore, target, client_style)
    return _run(source, path, config, None)


def fix_source(
    source: str | bytes,
    path: str = "<string>",
    *,
    unsafe: bool = False,
    select: Sequence[str] | None = None,
    extend_select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    target: int = DEFAULT_TARGET,
    client_style: str = "instance",
) -> FileResult:
    """Apply the safe fixes to one file, and the unsafe ones if asked to; what is left is reported.

    The new text of the file is `file_text` of the result. For the other arguments see `check_source`.
    """
    config = _config(select, extend_select, ignore, target, client_style)
    return _run(source, path, config, Safety.UNSAFE if unsafe else Safety.SAFE)


def _config(
    select: Sequence[str] | None,
    extend_select: Sequence[str],
    ignore: Sequence[str],
    target: int,
    client_style: str,
) -> Config:
    from oaimigrate import rulebook

    if target not in TARGETS:
        raise ConfigError(f"unknown target `{target}`; known are {', '.join(map(str, TARGETS))}")
    if client_style not in CLIENT_STYLES:
        raise ConfigError(f"unknown client style `{client_style}`; known are {', '.join(CLIENT_STYLES)}")
    if isinstance(select, str) or isinstance(extend_select, str) or isinstance(ignore, str):
        raise ConfigError('the selectors are lists of strings, such as `["OAI101"]`')
    codes = resolve(rulebook.load(), select=select, extend_select=extend_select, ignore=ignore)
    return Config(codes, target, client_style)


def _run(source: str | bytes, path: str, config: Config, safety: Safety | None) -> FileResult:
    from oaimigrate import engine, runner
    from oaimigrate.project import Project
    from oaimigrate.source import Source

    if isinstance(source, bytes) or path.endswith(".ipynb") or source.startswith("\ufeff"):
        data = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
        return runner.analyse((path, data), runner.Job(config, Project.scan([(path, data)]), safety))
    text = Source.from_text(source, path)
    project = Project.scan([(path, source.encode("utf-8", "surrogatepass"))])
    if safety is None:
        return engine.check_source(text, config, project)
    return engine.fix_source(text, config, project, safety=safety)
