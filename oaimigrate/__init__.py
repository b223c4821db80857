"""oaimigrate: find, explain and rewrite fragile or outdated uses of the OpenAI SDK.

The package is a short pipeline: `discovery` finds files, `source` reads them, `analysis` says what every
expression is in the OpenAI world, `checks` look, `fixing` edits text, `reporters` print. `engine` joins them.
"""

__version__ = "0.1.0"
