"""What fixes need once per file: clients and imports. The one place that knows where they go.

A rule only says `Need("client", "settings")`; `provide` turns the needs of all chosen fixes into edits.

Needs:
  client settings      the file's settings become the construction of its client(s), in place
  client sync|async    a client after the imports (and after load_dotenv())
  client lazy-sync|lazy-async   a cached function that builds the client at the first call
  import openai        the module
  import openai:NAME   a name of it, added to an existing `from openai import …` where there is one
  import .MODULE:NAME   a name of a module of the project, added to the import from it
  drop-import NAME     a from-imported name whose uses are all gone
  helper NAME          a function of 0.28 that the file imports under NAME, behind the imports
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from oaimigrate.diagnostics import Edit, Need
from oaimigrate.fixing import construction, copied
from oaimigrate.fixing import imports as imports_of

if TYPE_CHECKING:
    from oaimigrate.analysis.file import FileContext


def provide(file: FileContext, needs: Iterable[Need]) -> list[Edit]:
    """The edits that give a file everything in `needs`."""
    wanted = set(needs)
    clients = {n.name for n in wanted if n.kind == "client"}
    edits: list[Edit] = []
    inserted: list[str] = []
    imports = {n.name for n in wanted if n.kind == "import"}
    if "settings" in clients:
        edits += construction.construction(file.plan, file.plan.settings)
    for scope, settings in file.plan.locals.items():
        for asynchronous in (False, True):
            if file.plan.local_need(scope, asynchronous)[1].name in clients:
                edits += construction.construction(file.plan, settings, local=asynchronous)
    for name, asynchronous in (("sync", False), ("async", True)):
        if name in clients:
            inserted.append(construction.assignment(file.plan, asynchronous, []))
    for name, asynchronous in (("lazy-sync", False), ("lazy-async", True)):
        if name in clients:
            inserted.append(construction.lazy(file.plan, asynchronous))
            if not imports_of.has_module(file, "functools"):
                imports.add("functools")
    edits += imports_of.changes(file, imports, {n.name for n in wanted if n.kind == "drop-import"})
    edits += copied.definitions(file, {n.name for n in wanted if n.kind == "helper"})
    if inserted:
        edits.append(construction.after_setup(file, inserted))
    return _joined(edits)


def _joined(edits: list[Edit]) -> list[Edit]:
    """Insertions at one place become one, in the order they were asked for."""
    found: dict[tuple[int, int], Edit] = {}
    for edit in edits:
        key = (edit.start, edit.end) if edit.start == edit.end else (edit.start, -edit.end - 1)
        earlier = found.get(key)
        found[key] = (
            Edit(edit.start, edit.end, earlier.text + edit.text) if earlier and edit.start == edit.end else edit
        )
    return list(found.values())
