"""Runs in the environment of an SDK: reads jobs, one JSON line each, and forks for every one of them; see `warm.py`."""

import gc
import importlib
import json
import os
import runpy
import sys
import warnings

import oaimigrate_verify_hook as hook


def load():
    """Import what takes long. 0.28 itself reads its settings when it is imported, so there only what it uses."""
    importlib.import_module("openai.version")
    if sys.modules["openai.version"].VERSION.startswith("0."):
        for name in [name for name in sys.modules if name.partition(".")[0] == "openai"]:
            del sys.modules[name]
    else:
        client = sys.modules["openai"].OpenAI(api_key="k", base_url="http://127.0.0.1:9")
        for name in ("chat", "completions", "embeddings", "images", "audio", "files", "models", "moderations"):
            getattr(client, name)  # resources are imported when they are first used


def become(job):
    """Turn this process into one that was started for the program."""
    os.setsid()
    for number, (name, mode) in enumerate((("in", os.O_RDONLY), ("out", os.O_RDWR), ("err", os.O_RDWR))):
        descriptor = os.open(os.path.join(job["place"], name), mode | os.O_CREAT, 0o600)
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(job["env"])
    hook._session.update(json.loads(job["env"][hook.VARIABLE]))
    os.chdir(job["folder"])
    sys.argv[:] = job["argv"]
    sys.path[0] = os.path.dirname(os.path.join(job["folder"], job["argv"][0]))
    warnings.resetwarnings()
    warnings.simplefilter("ignore")


def serve():
    """The job to do, in the child that is to do it; None in the parent, at the end."""
    load()
    gc.collect()
    gc.freeze()  # a child that ends looks through everything once more: four fifths of its time without this
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            return json.loads(line)
        print(pid, flush=True)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(status, flush=True)
    return None


if __name__ == "__main__":
    found = serve()
    if found is not None:
        become(found)
        runpy.run_path(os.path.abspath(found["argv"][0]), run_name="__main__")
