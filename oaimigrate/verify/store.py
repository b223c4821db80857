"""Files and fine-tuning jobs: what the API remembers. Identifiers come from the contents, so they repeat."""

from __future__ import annotations

from typing import Any

from oaimigrate.verify.answers import CREATED, Answer, World, digest, error, form, page
from oaimigrate.verify.recording import Part, Request


def upload(request: Request, world: World) -> Answer:
    body = form(request)
    file = body.get("file")
    if not isinstance(file, Part):
        return error(400, "'file' is a required property", param="file")
    name = "file-" + digest(file.text)[:12]
    # The two SDKs name an unnamed upload differently; the answer must not tell them apart.
    filename = file.filename if file.filename not in ("file", "upload") else "upload"
    about = {"id": name, "object": "file", "bytes": len(file.text.encode()), "created_at": CREATED}
    about |= {"filename": filename, "purpose": body.get("purpose"), "status": "processed", "status_details": None}
    world.files[name] = about, file.text
    return Answer(about)


def files(request: Request, world: World) -> Answer:
    purpose = dict(request.query).get("purpose")
    return Answer(page([about for about, _ in world.files.values() if purpose in (None, about["purpose"])]))


def file(request: Request, world: World, name: str) -> Answer:
    if name in world.files:
        return Answer(world.files[name][0])
    return _no_file(name)


def content(request: Request, world: World, name: str) -> Answer:
    if name in world.files:
        return Answer(world.files[name][1].encode(), content_type="application/octet-stream")
    return _no_file(name)


def delete_file(request: Request, world: World, name: str) -> Answer:
    if world.files.pop(name, None):
        return Answer({"id": name, "object": "file", "deleted": True})
    return _no_file(name)


def _no_file(name: str) -> Answer:
    return error(404, f"No such File object: {name}", param="id")


def create_job(request: Request, world: World) -> Answer:
    body = form(request)
    name = "ftjob-" + digest(str(sorted(body.items())))[:12]
    job = {"id": name, "object": "fine_tuning.job", "created_at": CREATED, "finished_at": None, "error": None}
    job |= {"model": body.get("model"), "fine_tuned_model": None, "organization_id": "org-verify", "seed": 1}
    job |= {"training_file": body.get("training_file"), "validation_file": body.get("validation_file")}
    job |= {"result_files": [], "status": "queued", "trained_tokens": None}
    job |= {"hyperparameters": body.get("hyperparameters") or {"n_epochs": "auto"}}
    world.jobs[name] = job
    return Answer(job)


def jobs(request: Request, world: World) -> Answer:
    return Answer(_paged(list(world.jobs.values()), request))


def job(request: Request, world: World, name: str) -> Answer:
    return Answer(world.jobs[name]) if name in world.jobs else _no_job(name)


def cancel_job(request: Request, world: World, name: str) -> Answer:
    if name not in world.jobs:
        return _no_job(name)
    world.jobs[name]["status"] = "cancelled"
    return Answer(world.jobs[name])


def events(request: Request, world: World, name: str) -> Answer:
    if name not in world.jobs:
        return _no_job(name)
    texts = ("Created fine-tuning job", "Fine-tuning job enqueued", "Validating training file")
    found: list[dict[str, Any]] = [
        {"object": "fine_tuning.job.event", "id": f"ftevent-{i}", "created_at": CREATED + i, "level": "info"}
        | {"message": text, "type": "message", "data": None}
        for i, text in enumerate(texts)
    ]
    return Answer(_paged(found, request))


def _no_job(name: str) -> Answer:
    return error(404, f"Could not find fine tune: {name}", code="fine_tune_not_found", param="fine_tune_id")


def _paged(items: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    query = dict(request.query)
    after = query.get("after") or query.get("starting_after")
    names = [item["id"] for item in items]
    start = names.index(after) + 1 if after in names else 0
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else 20
    return {**page(items[start : start + limit]), "has_more": start + limit < len(items)}
