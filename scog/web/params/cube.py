"""The definition of a cube: from a JSON body to a checked request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from scog.collections.profile import Profile
from scog.cubes.definition import Definition, canonical_parameters
from scog.errors import InvalidInput
from scog.geo.geojson_text import parse_json
from scog.imaging.clip import ClipArea, parse_clip_area
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageRequest
from scog.suggest import did_you_mean
from scog.web.http.problems import validation_text
from scog.web.params.image import ImageParameters

EXAMPLE = {
    "bbox": [11.2, 46.4, 11.5, 46.6],
    "datetime": "2022-06-01/2022-08-31",
    "index": "ndvi",
    "composite": "median",
    "scenes": "pinned",
}


class CubeParameters(ImageParameters):
    """Definition of a cube: the parameters of a tile, as strings or as JSON values, its area, and its scenes."""

    bbox: list[Any] | None = Field(
        None, description="Area of the cube: west, south, east, north in degrees. Pixels outside are transparent."
    )
    area: dict[str, Any] | None = Field(None, description="Area of the cube as a GeoJSON Polygon or MultiPolygon.")
    scenes: Literal["live", "pinned"] = Field(
        "live",
        description="`live`: scenes are searched at each request. `pinned`: they are searched once, when the cube is "
        "created.",
    )

    @field_validator("bands", "assets", mode="before")
    @classmethod
    def _string_as_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("rescale", mode="before")
    @classmethod
    def _ranges_as_strings(cls, value: object) -> object:
        if isinstance(value, str) or (isinstance(value, list) and value and all(map(_is_number, value))):
            value = [value]
        return [_joined(entry) for entry in value] if isinstance(value, list) else value

    @field_validator("mask", mode="before")
    @classmethod
    def _numbers_as_string(cls, value: object) -> object:
        return _joined(value)

    @field_validator("offset", mode="before")
    @classmethod
    def _number_as_string(cls, value: object) -> object:
        return repr(value) if _is_number(value) else value

    @field_validator("colormap", mode="before")
    @classmethod
    def _object_as_json(cls, value: object) -> object:
        return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else value


@dataclass(frozen=True)
class CubeRequest:
    """A parsed definition of a cube."""

    parameters: CubeParameters
    area: ClipArea | None
    image: StyledRequest

    @property
    def pinned(self) -> bool:
        """Whether scenes are searched once, when the cube is created."""
        return self.parameters.scenes == "pinned"

    def definition(self, request: ImageRequest) -> Definition:
        """The normalised definition. `request` is the resolved image request.

        Raises InvalidInput if a normalised value is longer than permitted.
        """
        given = self.parameters.model_dump(mode="json", exclude={"bbox", "area", "scenes"}, exclude_defaults=True)
        parameters = canonical_parameters(
            given, self.parameters.options().layer_options, StyledRequest(request, self.image.style)
        )
        _validated(parameters)
        return Definition(parameters, None if self.area is None else self.area.geometry, self.pinned)


def parse_cube_request(body: bytes, profile_of: Callable[[str | None], Profile]) -> CubeRequest:
    """The definition in a request body, with the profile of its collection. Null counts as absent.

    Raises InvalidInput.
    """
    document = parse_json(body, "body")
    if not isinstance(document, dict):
        raise InvalidInput("The body is not a JSON object.", parameter="body", valid=f"such as {json.dumps(EXAMPLE)}")
    parameters = _validated({name: value for name, value in document.items() if value is not None})
    area = parse_clip_area(parameters.bbox, parameters.area)
    if area is None and parameters.scenes == "pinned":
        message = "scenes is 'pinned', but the definition has no area."
        raise InvalidInput(message, parameter="area", valid="an area or a bbox, or scenes: live")
    image = parameters.options().parse(profile_of(parameters.collection))
    return CubeRequest(parameters, area, image)


def body_schema() -> dict[str, Any]:
    """The request body for OpenAPI, with a JSON Schema that has no references."""
    schema = CubeParameters.model_json_schema()
    definitions = {f"#/$defs/{name}": definition for name, definition in schema.pop("$defs", {}).items()}

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(child) for child in node]
        if not isinstance(node, dict):
            return node
        members = {name: inlined(child) for name, child in node.items() if name != "$ref"}
        return {**definitions.get(node.get("$ref", ""), {}), **members}

    schema["properties"] = inlined(schema["properties"])
    content = {"application/json": {"schema": schema, "example": EXAMPLE}}
    return {"requestBody": {"required": True, "content": content}}


def _validated(values: dict[str, Any]) -> CubeParameters:
    """The parameters. Raises InvalidInput for the first that is unknown or has an invalid value."""
    fields = CubeParameters.model_fields
    for name, value in values.items():
        if isinstance(value, bool):  # pydantic would accept it as 0 or 1
            message = f"Invalid {name[:64]}: the value is a boolean."
            raise InvalidInput(message, parameter=name[:64], valid="a string, a number or a list")
    try:
        return CubeParameters.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])[:64]
    if first["type"] == "extra_forbidden":
        message = f"Unknown parameter {name!r}{did_you_mean(name, fields) or '.'}"
        raise InvalidInput(message, parameter=name, valid=", ".join(fields))
    raise InvalidInput(f"{validation_text(name, first)}.", parameter=name, valid=fields[name].description)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _joined(value: object) -> object:
    """A list of numbers as a comma-separated string; any other value unchanged."""
    return ",".join(map(repr, value)) if isinstance(value, list) and all(map(_is_number, value)) else value
