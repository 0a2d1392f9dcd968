"""The whole catalogue as an OpenAPI 3.1 document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pixivcrawl import __version__
from pixivcrawl.api.bodies.parts import FalseAsNull, FalseAsZero, Keyed, NullAsEmpty, ids_of_keys
from pixivcrawl.api.bodies.rows import read_without_ads
from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import PIXIV, Auth, Endpoint
from pixivcrawl.api.images import LARGEST_ID
from pixivcrawl.api.parameters import LONGEST_TEXT, Param

Schema = dict[str, Any]

ABOUT = (
    "Pixiv's web API as its own pages use it, written down by pixivcrawl; not a document of pixiv's. "
    "Every request needs a browser's User-Agent. A page of HTML can come in place of any answer (maintenance, a check for robots). "
    "Send every parameter that has a default: some endpoints refuse a request without it. "
    "Numbers come as integers or in digits, and an empty object comes as an empty list. "
    "One request after another with a pause of 1.5 s is what pixiv bears; past that it answers 429."
)

AREAS = {
    "top": "The page that a reader sees first.",
    "user": "Artists: who they are, their works, whom they follow, what they bookmark.",
    "live": "Live streams of pixiv Sketch.",
    "me": "The reader.",
    "feed": "New works of the artists whom the reader follows.",
    "watchlist": "Series that the reader watches.",
    "mypixiv": "New works of the reader's friends (mypixiv).",
    "dashboard": "The reader's own works and their settings.",
    "illust": "Single works: illustrations, manga, ugoira.",
    "comment": "Comments on works.",
    "collection": "Works that a user put together.",
    "tag": "Tags.",
    "ranking": "Rankings by day.",
    "search": "Searches by tag, title and caption.",
    "requests": "Requests to artists.",
    "discovery": "What pixiv recommends.",
    "new": "The newest works of everybody.",
    "webpush": "Messages to browsers.",
    "notification": "Messages to the reader.",
    "linked_service": "Services beside pixiv.",
    "series": "Series of manga.",
}
"""The first part of the endpoints' names, and what it stands for."""

SECURITY: dict[Auth, list[Schema]] = {
    Auth.NONE: [],
    Auth.SESSION_FOR_R18: [{}, {"session": []}],
    Auth.SESSION: [{"session": []}],
    Auth.SESSION_AND_TOKEN: [{"session": [], "token": []}],
}
SECURITY_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "PHPSESSID",
        "description": "A signed-in reader, as {user id}_{token}.",
    },
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "32 hexadecimal digits from the HTML of https://www.pixiv.net/.",
    },
}

NULL: Schema = {"type": "null"}
# Generators of clients drop an array that does not name its items, and all that refers to it.
EMPTY_LIST: Schema = {"type": "array", "items": {}, "maxItems": 0}
ADVERTISEMENT: Schema = {
    "type": "object",
    "required": ["isAdContainer"],
    "properties": {"isAdContainer": {"const": True}},
    "description": "An advertisement among the rows.",
}
MASKED_ROW: Schema = {
    "type": "object",
    "required": ["id", "isMasked"],
    "properties": {"id": {"type": ["string", "integer"]}, "isMasked": {"const": True}},
    "description": "The row of a work that vanished: nothing but its id says anything.",
}
REFUSAL: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"anyOf": [{"const": True}, {"type": "string"}]},
        "message": {"type": "string"},
        "body": {},
    },
}


UNLISTED = "/unlisted/"
UNLISTED_PARAMETER: Schema = {
    "name": "unlisted",
    "in": "path",
    "required": True,
    "description": "always the word unlisted",
    "schema": {"type": "string", "const": "unlisted"},
}
"""Tools distinguish paths by where their parameters stand, and would take `unlisted/{secret}` for `{id}/pages`."""


def openapi_document() -> Schema:
    """The document. Its response schemas are made from the models that read the answers, so it allows what they accept."""
    bodies, schemas = _body_schemas()
    paths: dict[str, Schema] = {}
    for endpoints in _by_operation():
        first = endpoints[0]
        path = first.path if first.path.startswith("/") else f"/ajax/{first.path}"
        operation = _operation(endpoints, bodies)
        if UNLISTED in path:
            path = path.replace(UNLISTED, "/{unlisted}/")
            operation["parameters"].insert(0, UNLISTED_PARAMETER)
        paths.setdefault(path, {})[first.method.lower()] = operation
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Pixiv's web API",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": PIXIV.rstrip("/")}],
        "tags": [{"name": name, "description": AREAS[name]} for name in dict.fromkeys(map(_area, ENDPOINTS.values()))],
        "paths": paths,
        "components": {
            "schemas": schemas | {"Refusal": REFUSAL},
            "responses": {
                "Refused": _answer("Pixiv says no.", {"$ref": "#/components/schemas/Refusal"}, may_be_html=True)
            },
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _by_operation() -> Iterable[list[Endpoint[Any]]]:
    """The endpoints that are one operation in OpenAPI, which only distinguishes path and method."""
    operations: dict[tuple[str, str], list[Endpoint[Any]]] = {}
    for endpoint in ENDPOINTS.values():
        operations.setdefault((endpoint.path, endpoint.method), []).append(endpoint)
    return operations.values()


def _operation(endpoints: list[Endpoint[Any]], bodies: dict[str, Schema]) -> Schema:
    first = endpoints[0]
    answers = [_enveloped(endpoint, bodies[endpoint.name]) for endpoint in endpoints]
    operation: Schema = {
        "operationId": first.name,
        "tags": [_area(first)],
        "summary": " ".join(endpoint.title for endpoint in endpoints),
        "description": _description(first),
        "x-endpoints": [endpoint.name for endpoint in endpoints],
        "parameters": _parameters(endpoints),
        "responses": {
            "200": _answer("What was asked for.", answers[0] if len(answers) == 1 else {"anyOf": answers}),
            "4XX": {"$ref": "#/components/responses/Refused"},
            "5XX": {"$ref": "#/components/responses/Refused"},
        },
        "security": SECURITY[first.auth],
    }
    if first.method == "POST":
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _posted(first)}}}
    return operation


def _area(endpoint: Endpoint[Any]) -> str:
    return endpoint.name.partition(".")[0]


def _description(endpoint: Endpoint[Any]) -> str:
    needs = {
        Auth.NONE: "Anyone may ask.",
        Auth.SESSION_FOR_R18: "Anyone may ask; what is R-18 needs a session.",
        Auth.SESSION: "Needs a session.",
        Auth.SESSION_AND_TOKEN: "Needs a session and its token.",
    }
    return f"{needs[endpoint.auth]} Pixiv's own pages send the Referer {PIXIV}{endpoint.referer}"


def _parameters(endpoints: list[Endpoint[Any]]) -> list[Schema]:
    found: dict[tuple[str, str], Schema] = {}
    for endpoint in endpoints:
        for param in endpoint.params:
            for place in ("path", "query"):
                if place in param.where:
                    found.setdefault((param.name, place), _parameter(param, place))
    for (name, place), parameter in found.items():
        if place == "query" and not all(name in (param.name for param in each.params) for each in endpoints):
            parameter["required"] = False
    return list(found.values())


def _parameter(param: Param, place: str) -> Schema:
    required = place == "path" or param.required or param.type == "constant" or param.may_be_empty
    parameter: Schema = {
        "name": param.name if place == "path" else param.query_name,
        "in": place,
        "required": required,
        "description": _meaning(param),
        "schema": _value(param),
    }
    if param.where == "path and query":
        parameter["description"] += ", the same in the path and in the query"
    if param.may_be_empty and place == "query":
        parameter["allowEmptyValue"] = True
    return parameter


def _meaning(param: Param) -> str:
    if not param.premium:
        return param.description
    ignored = "" if "*" in param.premium else f" {', '.join(param.premium)}"
    return f"{param.description}; without a premium account pixiv ignores{ignored or ' it'}"


def _value(param: Param) -> Schema:
    """The schema of a value as written in an address."""
    match param.type:
        case "constant":
            return {"type": "string", "const": str(param.default)}
        case "boolean" if param.spelled != ("false", "true"):
            assert isinstance(param.default, bool)
            return {"type": "string", "enum": list(param.spelled), "default": param.spelled[param.default]}
        case "ids" | "texts":
            return _bounded({"type": "array", "items": _item(param)}, "minItems", "maxItems", param)
        case _:
            default = {} if param.default is None else {"default": param.default}
            return _item(param) | default


def _item(param: Param) -> Schema:
    match param.type:
        case "id" | "ids":
            return {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
        case "integer":
            return _bounded({"type": "integer"}, "minimum", "maximum", param)
        case "boolean":
            return {"type": "boolean"}
        case "date" if param.date_format == "%Y-%m-%d":
            return {"type": "string", "format": "date"}
        case "date":
            return {"type": "string", "pattern": "^[0-9]{8}$"}
        case _ if param.choices:
            return {"type": "string", "enum": list(param.choices)}
        case _:
            return {"type": "string", "minLength": 0 if param.may_be_empty else 1, "maxLength": LONGEST_TEXT}


def _bounded(schema: Schema, least: str, most: str, param: Param) -> Schema:
    return schema | {least: param.least} | ({} if param.most is None else {most: param.most})


def _posted(endpoint: Endpoint[Any]) -> Schema:
    """The schema of a JSON body. pixiv: ids are strings in it."""
    fields = {param.name: _value(param) | {"description": _meaning(param)} for param in endpoint.params}
    for param in endpoint.params:
        if param.type == "id":
            fields[param.name] = {"type": "string", "pattern": "^[1-9][0-9]{0,18}$", "description": _meaning(param)}
    return {"type": "object", "required": list(fields), "properties": fields}


def _enveloped(endpoint: Endpoint[Any], body: Schema) -> Schema:
    if not endpoint.envelope:
        return body
    return {
        "type": "object",
        "required": ["error", "body"],
        "properties": {"error": {"const": False}, "message": {"type": "string"}, "body": body},
    }


def _answer(description: str, schema: Schema, *, may_be_html: bool = False) -> Schema:
    content: Schema = {"application/json": {"schema": schema}}
    if may_be_html:
        content["text/html"] = {"schema": {"type": "string"}}
    return {"description": description, "content": content}


def _body_schemas() -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The schema of each endpoint's body by endpoint name, and the schemas that these refer to."""
    made, shared = TypeAdapter.json_schemas(
        [(name, "validation", TypeAdapter(endpoint.body)) for name, endpoint in ENDPOINTS.items()],
        ref_template="#/components/schemas/{model}",
        schema_generator=AsPixivSends,
    )
    return {name: schema for (name, _), schema in made.items()}, _with_named_choices(shared["$defs"])


def _with_named_choices(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """A row that may be masked is one of two schemas with names of their own: generators of clients drop what has none."""
    named = {"MaskedRow": MASKED_ROW}
    for name, schema in schemas.items():
        named[name] = schema
        if MASKED_ROW in schema.get("anyOf", ()):
            named[f"Seen{name}"] = schema["anyOf"][0]
            choices = [{"$ref": f"#/components/schemas/{choice}"} for choice in (f"Seen{name}", "MaskedRow")]
            named[name] = {"description": schema["description"], "anyOf": choices}
    return named


class AsPixivSends(GenerateJsonSchema):
    """Schemas of what the models accept rather than of what they hold: `[]` for an empty object, null for a list, ids as keys."""

    also_taken: ClassVar[dict[Any, tuple[Schema, ...]]] = {
        Keyed.func: (EMPTY_LIST, NULL),
        NullAsEmpty.func: (NULL,),
        # Clients that openapi-python-client makes take a constant in a union for the only choice.
        FalseAsNull.func: ({"type": "boolean"},),
        FalseAsZero.func: ({"type": "boolean"}, NULL),
    }

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        function = schema["function"]["function"]
        inner = self.generate_inner(schema["schema"])
        if function == ids_of_keys:
            return {"anyOf": [{"type": "object", "propertyNames": {"pattern": "^[0-9]+$"}}, EMPTY_LIST, NULL]}
        if getattr(function, "__name__", "") == "_nothing_but_the_id_of_a_mask":
            return {"anyOf": [inner, MASKED_ROW]}
        if getattr(function, "__name__", "") == "_own_rows_without_nulls":
            return inner | {"additionalProperties": {"anyOf": [inner["additionalProperties"], NULL]}}
        also = self.also_taken.get(function)
        return {"anyOf": [inner, *also]} if also else inner

    def function_wrap_schema(self, schema: core_schema.WrapValidatorFunctionSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if schema["function"]["function"] == read_without_ads:
            return inner | {"items": {"anyOf": [inner["items"], ADVERTISEMENT]}}
        return inner

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default is what a missing key means here, and no promise of pixiv's."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False
