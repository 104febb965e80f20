"""The body that defines a cube: from JSON to parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from scog.cubes.definition import Definition, normalised
from scog.errors import InvalidInput
from scog.geo.geojson_text import parse_json
from scog.imaging.clip import ClipArea, area_of
from scog.imaging.options import StyledRequest
from scog.imaging.request import ImageRequest
from scog.web.params.image import PictureParameters

EXAMPLE = {
    "bbox": [11.2, 46.4, 11.5, 46.6],
    "datetime": "2022-06-01/2022-08-31",
    "index": "ndvi",
    "composite": "median",
    "scenes": "pinned",
}


class CubeParameters(PictureParameters):
    """What a cube computes: the parameters of a tile, as text or in JSON's own ways, where, and of which scenes."""

    bbox: list[Any] | None = Field(None, description="West, south, east, north in degrees; outside all is transparent.")
    area: dict[str, Any] | None = Field(None, description="The same as a GeoJSON Polygon or MultiPolygon.")
    scenes: Literal["live", "pinned"] = Field(
        "live", description="`live`: found anew as tiles are drawn; `pinned`: those that are found now, for good."
    )

    @field_validator("bands", "assets", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("rescale", mode="before")
    @classmethod
    def _ranges(cls, value: object) -> object:
        if isinstance(value, str) or (isinstance(value, list) and value and all(map(_is_number, value))):
            value = [value]
        return [_joined(entry) for entry in value] if isinstance(value, list) else value

    @field_validator("mask", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        return _joined(value)

    @field_validator("colormap", mode="before")
    @classmethod
    def _json(cls, value: object) -> object:
        return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else value


@dataclass(frozen=True)
class Wanted:
    """What a cube is asked to be, understood."""

    parameters: CubeParameters
    area: ClipArea | None
    image: StyledRequest

    @property
    def pinned(self) -> bool:
        """Whether its scenes are to be found once and for all."""
        return self.parameters.scenes == "pinned"

    def definition(self, request: ImageRequest) -> Definition:
        """The definition, with the request that it was resolved to. Raises InvalidInput if it cannot be written."""
        given = self.parameters.model_dump(mode="json", exclude={"bbox", "area", "scenes"}, exclude_defaults=True)
        parameters = normalised(given, self.parameters.options().wish, StyledRequest(request, self.image.style))
        _checked(parameters)  # written out, a value may be longer than may be asked for
        return Definition(parameters, None if self.area is None else self.area.geometry, self.pinned)


def wanted_of(body: bytes) -> Wanted:
    """What the body of a request defines; what is null counts as not given. Raises InvalidInput."""
    found = parse_json(body, "body")
    if not isinstance(found, dict):
        raise InvalidInput("The body is no JSON object.", parameter="body", valid=f"such as {json.dumps(EXAMPLE)}")
    parameters = _checked({name: value for name, value in found.items() if value is not None})
    area = area_of(parameters.bbox, parameters.area)
    if area is None and parameters.scenes == "pinned":
        what = "Scenes are pinned within an area, and there is none."
        raise InvalidInput(what, parameter="area", valid="an area or a bbox, or live scenes")
    return Wanted(parameters, area, parameters.parse())


def body_schema() -> dict[str, Any]:
    """The body for the API's description, in JSON Schema."""
    schema = CubeParameters.model_json_schema()
    kinds = {f"#/$defs/{name}": kind for name, kind in schema.pop("$defs", {}).items()}

    def written_out(part: Any) -> Any:
        if isinstance(part, list):
            return [written_out(each) for each in part]
        if not isinstance(part, dict):
            return part
        own = {name: written_out(each) for name, each in part.items() if name != "$ref"}
        return {**kinds.get(part.get("$ref", ""), {}), **own}

    schema["properties"] = written_out(schema["properties"])
    content = {"application/json": {"schema": schema, "example": EXAMPLE}}
    return {"requestBody": {"required": True, "content": content}}


def _checked(given: dict[str, Any]) -> CubeParameters:
    """Parameters of the right types. Raises InvalidInput for the first that is not, or is not known."""
    fields = CubeParameters.model_fields
    for name, value in given.items():
        if isinstance(value, bool):  # which would count as 0 or 1
            what = f"{name[:64]}: true and false mean nothing here."
            raise InvalidInput(what, parameter=name[:64], valid="a text, a number or a list")
    try:
        return CubeParameters.model_validate(given)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])[:64]
    if first["type"] == "extra_forbidden":
        raise InvalidInput(f"A cube has no {name!r}.", parameter=name, valid=", ".join(fields))
    raise InvalidInput(f"{name}: {first['msg']}.", parameter=name, valid=fields[name].description)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _joined(value: object) -> object:
    """A list of numbers as text between commas; anything else as it is."""
    return ",".join(map(repr, value)) if isinstance(value, list) and all(map(_is_number, value)) else value
