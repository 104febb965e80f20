// Areas from GeoJSON (RFC 7946): geometries, features, or collections of either.

const POLYGONS = ["Polygon", "MultiPolygon"];

/** A Polygon or MultiPolygon of all polygons in a GeoJSON text. Throws an Error with a message for the user. */
export function parseArea(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error("This file is not valid GeoJSON.");
  }
  const polygons = geometriesOf(document)
    .filter(({ type }) => POLYGONS.includes(type))
    .flatMap(({ type, coordinates }) => (type === "Polygon" ? [coordinates] : coordinates));
  if (!polygons.length) throw new Error("The file contains no Polygon or MultiPolygon.");
  if (!polygons.every((polygon) => Array.isArray(polygon) && polygon.every(isRing))) {
    throw new Error("Coordinates must be longitude and latitude in degrees (WGS 84).");
  }
  const flat = polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lon, lat])));
  return flat.length === 1 ? { type: "Polygon", coordinates: flat[0] } : { type: "MultiPolygon", coordinates: flat };
}

function geometriesOf(node) {
  if (!node || typeof node !== "object") return [];
  if (Array.isArray(node.features)) return node.features.flatMap(geometriesOf);
  if (Array.isArray(node.geometries)) return node.geometries.flatMap(geometriesOf);
  if (node.type === "Feature") return geometriesOf(node.geometry);
  return [node];
}

function isRing(ring) {
  return (
    Array.isArray(ring) &&
    ring.length >= 4 &&
    ring.every((vertex) => Array.isArray(vertex) && Math.abs(vertex[0]) <= 180 && Math.abs(vertex[1]) <= 90)
  );
}

/** `[west, south, east, north]` of a Polygon or MultiPolygon, in degrees. */
export function boundsOf({ type, coordinates }) {
  const vertices = (type === "Polygon" ? [coordinates] : coordinates).flatMap(([outer]) => outer);
  const [lons, lats] = [0, 1].map((axis) => vertices.map((vertex) => vertex[axis]));
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

/** The GeoJSON Polygon of a box. */
export function boxPolygon([west, south, east, north]) {
  return {
    type: "Polygon",
    coordinates: [
      [
        [west, south],
        [east, south],
        [east, north],
        [west, north],
        [west, south],
      ],
    ],
  };
}
