// What lies below the pictures: the world's land, and a base map where the server is set to have one.
/* global L */
import { askJson } from "../shell/http.js";

const WORLDS = [-360, 0, 360]; // the map goes on beyond its edges

// The rings of `land.json`, in degrees.
export function landRings({ rings }) {
  return rings.map((steps) => {
    let [x, y] = [0, 0];
    return Array.from({ length: steps.length / 2 }, (_, corner) => {
      x += steps[2 * corner];
      y += steps[2 * corner + 1];
      return [x / 100, y / 100];
    });
  });
}

export async function addLand(map) {
  map.createPane("land").style.zIndex = 150;
  const rings = landRings(await askJson("static/map/land.json"));
  for (const shift of WORLDS) {
    const world = rings.map((ring) => [ring.map(([lon, lat]) => [lat, lon + shift])]);
    const options = { pane: "land", className: "land", interactive: false, stroke: false, fillOpacity: 1 };
    L.polygon(world, { ...options, attribution: shift ? "" : "Coasts: Natural Earth" }).addTo(map);
  }
}

// The server says in the page which base map it is set to have.
export function addBasemap(map) {
  const said = (name) => document.querySelector(`meta[name="scog-${name}"]`)?.content ?? "";
  if (!said("basemap")) return false;
  L.tileLayer(said("basemap"), { attribution: said("basemap-attribution"), maxZoom: 19, className: "base" }).addTo(map);
  return true;
}
