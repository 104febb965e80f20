// Areas from GeoJSON, as people have it: geometries, features, or collections of either.

const POLYGONS = ["Polygon", "MultiPolygon"];

// One Polygon or MultiPolygon of all polygons in a document. Fails with an Error that says what is wrong, for people.
export function areaOf(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error("This file is no GeoJSON.");
  }
  const polygons = geometries(document)
    .filter(({ type }) => POLYGONS.includes(type))
    .flatMap(({ type, coordinates }) => (type === "Polygon" ? [coordinates] : coordinates));
  if (!polygons.length) throw new Error("There is no polygon in this file.");
  if (!polygons.every((polygon) => Array.isArray(polygon) && polygon.every(isRing))) {
    throw new Error("Coordinates must be longitude and latitude in degrees.");
  }
  const flat = polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => [lon, lat])));
  return flat.length === 1 ? { type: "Polygon", coordinates: flat[0] } : { type: "MultiPolygon", coordinates: flat };
}

function geometries(part) {
  if (!part || typeof part !== "object") return [];
  if (Array.isArray(part.features)) return part.features.flatMap(geometries);
  if (Array.isArray(part.geometries)) return part.geometries.flatMap(geometries);
  if (part.type === "Feature") return geometries(part.geometry);
  return [part];
}

function isRing(ring) {
  return (
    Array.isArray(ring) &&
    ring.length >= 4 &&
    ring.every((corner) => Array.isArray(corner) && Math.abs(corner[0]) <= 180 && Math.abs(corner[1]) <= 90)
  );
}

// West, south, east, north of a geometry.
export function boxOf({ type, coordinates }) {
  const corners = (type === "Polygon" ? [coordinates] : coordinates).flatMap(([outer]) => outer);
  const [lons, lats] = [0, 1].map((place) => corners.map((corner) => corner[place]));
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

export function boxArea([west, south, east, north]) {
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
