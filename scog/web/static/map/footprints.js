// The outlines of scenes: of the date shown, or of those that the picture is made of.
/* global L */
import { lastOf } from "../time/dates.js";

const MOST = 60;

export class Footprints {
  constructor(map) {
    this.group = L.layerGroup().addTo(map);
    this.written = "";
  }

  // `used` are ids of the scenes in the picture.
  show(on, { days }, time, used) {
    const day = days.find(({ date }) => date === lastOf(time));
    const scenes = !on
      ? []
      : day && !time.includes("/")
        ? day.scenes
        : days.flatMap((each) => each.scenes).filter(({ id }) => used.has(id));
    const written = scenes.map(({ id }) => id).join();
    if (written === this.written) return;
    this.written = written;
    this.group.clearLayers();
    const named = new Set();
    for (const scene of scenes.slice(0, MOST)) {
      const outline = L.geoJSON(scene, {
        interactive: false,
        style: { className: "footprint", fill: false, weight: 1.5 },
      });
      const square = String(scene.properties.square ?? "");
      if (square && !named.has(square))
        outline.bindTooltip(text(square), { permanent: true, direction: "center", className: "square" });
      named.add(square);
      this.group.addLayer(outline);
    }
  }
}

// Leaflet takes texts as markup.
function text(words) {
  const span = document.createElement("span");
  span.textContent = words;
  return span;
}
