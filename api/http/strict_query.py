"""Strict queries: a parameter that a route does not know, or that stands twice, is refused like a field of a body."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, NoReturn, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import QueryParams

from api.http.problem_details import BadRequest, FieldError
from api.http.text_rules import find_broken_rule

UNKNOWN = "This parameter is not known."
REPEATED = "This parameter may stand only once."
REQUEST_ARGUMENT = "refused_request"


def build_refusing_handler(route: APIRoute) -> Callable[[Request], Any]:
    """Build a handler like the route's own, but with an endpoint that refuses the query.

    So who asks is checked first, and 401 and 403 come before 422.
    """
    allowed = list_query_parameters(route.dependant)
    argument = route.dependant.request_param_name or REQUEST_ARGUMENT

    async def refuse_query(**arguments: Any) -> NoReturn:
        raise BadRequest(find_query_errors(arguments[argument].query_params, allowed))

    refusing_route = copy(route)
    refusing_route.dependant = replace(route.dependant, call=refuse_query, request_param_name=argument)
    refusing_route.response_class, refusing_route.stream_item_field = JSONResponse, None
    return APIRoute.get_route_handler(refusing_route)


def find_query_errors(query: QueryParams, allowed: dict[str, bool]) -> list[FieldError]:
    """Find parameters that are unknown, or that stand more than once where one value is expected."""
    names = [name for name, _ in query.multi_items()]
    errors = []
    for name in dict.fromkeys(names):
        field = "query" if find_broken_rule(name) else name[:200] or "query"
        if name not in allowed:
            errors.append(FieldError(field=field, message=UNKNOWN))
        elif not allowed[name] and names.count(name) > 1:
            errors.append(FieldError(field=field, message=REPEATED))
    return errors


def list_query_parameters(dependant: Dependant) -> dict[str, bool]:
    """List the query parameters of a route and its dependencies; True for one that may stand more than once."""
    return {
        name: get_origin(annotation) in (list, tuple, set, frozenset, Sequence)
        for name, annotation in iterate_query_parameters(dependant)
    }


def iterate_query_parameters(dependant: Dependant) -> Iterator[tuple[str, Any]]:
    """Iterate over the names and types of query parameters; a model gives one for each of its fields."""
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, info in annotation.model_fields.items():
                yield info.alias or name, info.annotation
        else:
            yield field.alias, annotation
    for dependency in dependant.dependencies:
        yield from iterate_query_parameters(dependency)
