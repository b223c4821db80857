"""Twin runs: the program as it was and the migrated one, side by side, and the first thing in which they differ.

`twins.verify` is the whole of it: `layout` makes the two folders, `environments` the SDKs, `process` runs a program
in which `hook` leads every request to `server`; `normal` takes out what does no harm and `compare` finds the
difference.
"""
