// Below the images: land polygons, and the operator's base map if one is configured.
/* global L */
import { requestJson } from "../shell/http.js";

const WORLDS = [-360, 0, 360]; // degrees; the map repeats beyond the antimeridian

/**
 * Rings of `[lon, lat]` in degrees from `land.json`, which holds them as steps of 0.01 degrees from corner to corner.
 */
export function decodeRings({ rings }) {
  return rings.map((steps) => {
    let [x, y] = [0, 0];
    return Array.from({ length: steps.length / 2 }, (_, corner) => {
      x += steps[2 * corner];
      y += steps[2 * corner + 1];
      return [x / 100, y / 100];
    });
  });
}

/** Adds the land polygons of Natural Earth to the map. */
export async function addLand(map) {
  map.createPane("land").style.zIndex = 150;
  const rings = decodeRings(await requestJson("static/map/land.json"));
  for (const shift of WORLDS) {
    const world = rings.map((ring) => [ring.map(([lon, lat]) => [lat, lon + shift])]);
    const options = { pane: "land", className: "land", interactive: false, stroke: false, fillOpacity: 1 };
    L.polygon(world, { ...options, attribution: shift ? "" : "Coasts: Natural Earth" }).addTo(map);
  }
}

/** Adds the base map named in the page's `<meta>` elements; returns whether there is one. */
export function addBasemap(map) {
  const setting = (name) => document.querySelector(`meta[name="scog-${name}"]`)?.content ?? "";
  if (!setting("basemap")) return false;
  L.tileLayer(setting("basemap"), {
    attribution: setting("basemap-attribution"),
    maxZoom: 19,
    className: "base",
  }).addTo(map);
  return true;
}
