"""The language server, `oaimigrate server`: what the command line says, in an editor while one types.

The one idea: the event loop only translates. It holds the open buffers (`documents`), and hands a snapshot of them to
one worker thread (`checking`), which analyses a buffer against its project on disk (`folder`). What comes back is put
into the protocol's words (`findings`, `actions`, `hover`) and positions (`positions`). The whole workspace is checked
by a process of its own (`sweep`), so that a large one does not slow typing down.

pygls takes half a second to import: nothing outside this package does.
"""
