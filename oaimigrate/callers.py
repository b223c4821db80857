"""The files that may pass a response to one that is named, or fill in methods of its classes: found against the
direction of imports, before any parse by LibCST.

Only functions that read one of their parameters like a response, a client or an error are worth a question, and only
files that name such a function. Without this, checking one file would cost as much as checking the whole project.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator

from oaimigrate.consumers import holds, may_be_filled_in
from oaimigrate.imports import Index, importers

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_LEGACY = ("ChatCompletion", "Completion", "Embedding", "http_status", "user_message", "json_body", "to_dict_recursive")
_RESOURCES = ("chat", "completions", "embeddings", "responses", "images", "audio", "models", "files", "moderations")
_USED = (*_LEGACY, *_RESOURCES, "choices", "usage", "finish_reason", "items", "keys", "values", "copy", "update", "pop")
_TAKERS = frozenset({"dumps", "dump", "dict", "isinstance", "DataFrame", "jsonify"})
# Annotations that leave open what a parameter is.
_OPEN = frozenset({"Any", "object", "dict", "Dict", "Mapping", "OpenAIObject", "Exception", "BaseException"})


def callers(
    asked: Iterable[str],
    bases: Iterable[str],
    paths: Collection[str],
    read: Callable[[str], bytes],
    imports: Index,
    hops: int,
) -> set[str]:
    """Those of `paths` that name a function of `asked` which reads a parameter, or a function that hands on to it; and
    those that name a class of `bases` with abstract methods.
    """
    near = {path: names for path in asked if path.endswith(".py") and (names := readers(read(path)))}
    for path in bases:
        if path.endswith(".py") and may_be_filled_in(read(path)) and (names := abstract(read(path))):
            near[path] = near.get(path, frozenset()) | names
    found: set[str] = set()
    for _ in range(hops if near else 0):
        further: dict[str, frozenset[str]] = {}
        for path, names in near.items():
            mentioning = ((p, imports.of(p)) for p in paths if any(holds(read(p), name) for name in names))
            for caller in importers([path], mentioning):
                further[caller] = further.get(caller, frozenset()) | names
        near = {p: handing for p, names in further.items() if p not in found and (handing := hands_on(read(p), names))}
        found |= further.keys()
    return found


def readers(data: bytes) -> frozenset[str]:
    """The functions of a module, and the classes, through which callers pass what is read like something of the SDK."""
    found: set[str] = set()
    for function, owner in _functions(_parsed(data)):
        if _reads(function, _open_parameters(function, owner)):
            found.add(_name(function, owner))
        if owner is not None and _reads(function, _stored(owner)):
            methods = (m for m in owner.body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef)))
            found |= {_name(method, owner) for method in methods if _storing(method, owner)}
    return frozenset(found)


def abstract(data: bytes) -> frozenset[str]:
    """The classes of a module with methods that are there to be filled in, as `analysis/overrides.py` knows them."""
    methods = ((method, owner) for method, owner in _functions(_parsed(data)) if owner is not None)
    return frozenset(owner.name for method, owner in methods if _is_abstract(method, owner))


def _is_abstract(method: _Function, owner: ast.ClassDef) -> bool:
    raised = [s.exc.func if isinstance(s.exc, ast.Call) else s.exc for s in method.body if isinstance(s, ast.Raise)]
    return (
        any(_named(decorator).startswith("abstract") for decorator in method.decorator_list)
        or any(error is not None and _named(error) == "NotImplementedError" for error in raised)
        or all(
            isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
            for s in method.body
        )
        or any(_named(base) == "Protocol" for base in owner.bases)
    )


def hands_on(data: bytes, names: frozenset[str]) -> frozenset[str]:
    """The functions of a module that have parameters and name one of `names`, and what it imports of them."""
    tree = _parsed(data)
    found = {
        _name(function, owner)
        for function, owner in _functions(tree)
        if _open_parameters(function, owner) and any(_named(node) in names for node in ast.walk(function))
    }
    imported = [a for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names]
    handed = {a.asname or a.name for a in imported if a.name in names}
    if handed or any(a.name == "*" for a in imported):
        found |= handed | names  # the names of methods go with the class
    return frozenset(found)


def _parsed(data: bytes) -> ast.Module:
    """The tree of a file; an empty one where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _functions(tree: ast.Module) -> Iterator[tuple[_Function, ast.ClassDef | None]]:
    stack: list[tuple[ast.AST, ast.ClassDef | None]] = [(tree, None)]
    while stack:
        node, owner = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield child, owner
            elif isinstance(child, ast.stmt):
                stack.append((child, child if isinstance(child, ast.ClassDef) else owner))


def _name(function: _Function, owner: ast.ClassDef | None) -> str:
    """What a caller has to name: the function, or the class whose constructor it is."""
    return owner.name if owner is not None and function.name.startswith("__") else function.name


def _open_parameters(function: _Function, owner: ast.ClassDef | None) -> set[str]:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs][owner is not None :]
    return {a.arg for a in every if a.annotation is None or _is_open(a.annotation)}


def _stored(owner: ast.ClassDef) -> set[str]:
    """The attributes that methods of a class fill from their parameters, as `self.name`."""
    methods = (m for m in owner.body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {name for method in methods for name in _storing(method, owner)}


def _storing(method: _Function, owner: ast.ClassDef) -> set[str]:
    given = _open_parameters(method, owner)
    made = [n for n in ast.walk(method) if isinstance(n, ast.Assign) and _root(n.value) in given] if given else []
    return {_root(target) for node in made for target in node.targets if isinstance(target, ast.Attribute)}


def _is_open(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Constant):
        return isinstance(annotation.value, str) and any(word in annotation.value for word in _OPEN)
    return any(_named(node) in _OPEN for node in ast.walk(annotation))


def _reads(function: _Function, held: set[str]) -> bool:
    """Whether one of the names in `held`, or what is made from it, is read with a key or used like a response."""
    for node in ast.walk(function) if held else ():
        match node:
            case ast.Assign(targets=targets, value=value) if _root(value) in held:
                held |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value) if _root(value) in held:
                held |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
            case ast.Subscript(value=value, slice=ast.Constant(value=str())) if _root(value) in held:
                return True
            case ast.Call(func=ast.Attribute(value=value, attr="get")) if _root(value) in held:
                return True
            case ast.Attribute(value=value, attr=name) if name in _USED and _root(value) in held:
                return True
            case ast.Call(func=function_, args=[value, *_]) if _named(function_) in _TAKERS and _root(value) in held:
                return True
            case ast.Dict(keys=keys, values=values):
                if any(key is None and _root(value) in held for key, value in zip(keys, values, strict=True)):
                    return True
    return isinstance(function, ast.AsyncFunctionDef) and _may_block(function, held)


def _may_block(coroutine: ast.AsyncFunctionDef, held: set[str]) -> bool:
    """Whether it calls a method of one of the names in `held` and does not wait for it: that may make a request."""
    awaited = {node.value for node in ast.walk(coroutine) if isinstance(node, ast.Await)}
    methods = (n for n in ast.walk(coroutine) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    return any(_root(call.func) in held and call not in awaited for call in methods)


def _named(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _root(node: ast.AST) -> str:
    """The name at the root of `name.a["b"].c()`, with the attribute behind it where that name is `self`."""
    attribute = ""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(value=inner, attr=attribute):
                node = inner
            case ast.Subscript(value=inner) | ast.Call(func=inner) | ast.Await(value=inner):
                node = inner
            case _:
                return ""
    return f"self.{attribute}" if node.id == "self" else node.id
