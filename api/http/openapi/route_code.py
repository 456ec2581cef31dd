"""What the code of a route calls, so that the document knows of each operation what it can answer."""

from collections.abc import Iterator
from types import FunctionType

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

OWN_PACKAGE = "api."


def list_endpoints(app: FastAPI) -> dict[tuple[str, str], FunctionType]:
    """Return the function of each route, by path and method in lower case."""
    endpoints: dict[tuple[str, str], FunctionType] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and isinstance(route.endpoint, FunctionType):
            endpoints |= {(str(context.path), method.lower()): route.endpoint for method in route.methods or ()}
    return endpoints


def list_called_functions(endpoint: FunctionType) -> set[str]:
    """Return the names of the functions of this package that the function of a route may call."""
    return {function.__name__ for function in iterate_calls(endpoint)}


def iterate_calls(function: FunctionType) -> Iterator[FunctionType]:
    """Iterate over a function and the functions of this package that its code names, and theirs, each once."""
    seen, waiting = set[FunctionType](), [function]
    while waiting:
        caller = waiting.pop()
        if caller in seen:
            continue
        seen.add(caller)
        yield caller
        callees = (caller.__globals__.get(name) for name in caller.__code__.co_names)
        waiting += [callee for callee in callees if isinstance(callee, FunctionType) and is_own(callee)]


def is_own(function: FunctionType) -> bool:
    """Return whether a function is one of this package."""
    return function.__module__.startswith(OWN_PACKAGE)
