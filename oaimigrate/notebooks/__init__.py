"""Jupyter notebooks as Python, and back.

The one idea: a notebook is read as one Python text, its cells one below the other with a marker between them
(`cells`), magics masked so that it parses (`magics`). The engine sees a file like any other; `NotebookSource` knows
where a place of that text stands in a cell and in the file, and `document` puts changed lines back into the JSON,
byte for byte the same elsewhere.

An editor that holds the cells itself uses `cells.join`, `cells.split` and `cells.place` without a document.
"""

from __future__ import annotations

SUFFIX = ".ipynb"


def uses_sdk(data: bytes, path: str) -> bool:
    """Whether the code of a notebook may use the SDK or installs it; true as well for one that cannot be read."""
    from oaimigrate import discovery
    from oaimigrate.notebooks.magics import SIGN
    from oaimigrate.notebooks.source import NotebookSource
    from oaimigrate.source import SourceError

    try:
        code = NotebookSource.parse(data, path).text.encode("utf-8", "surrogatepass")
    except SourceError:
        return True
    written = code.replace(f"#{SIGN}".encode(), b"")  # programs that cells write are masked as comments
    return discovery.speaks(written) or (discovery.WORD in code and b"install" in code)
