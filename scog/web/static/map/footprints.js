// Scene footprints: those of the selected date, or of the scenes that the image is made of.
/* global L */
import { endOf } from "../time/dates.js";

const MAX_FOOTPRINTS = 60;

export class Footprints {
  constructor(map) {
    this.group = L.layerGroup().addTo(map);
    this.drawn = "";
  }

  /** Shows or hides footprints. `days` are the listed acquisitions, `time` the image's, `used` its scene ids. */
  show(isOn, { days }, time, used) {
    const day = days.find(({ date }) => date === endOf(time));
    const scenes = !isOn
      ? []
      : day && !time.includes("/")
        ? day.scenes
        : days.flatMap((each) => each.scenes).filter(({ id }) => used.has(id));
    const drawn = scenes.map(({ id }) => id).join();
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.group.clearLayers();
    const labelled = new Set();
    for (const scene of scenes.slice(0, MAX_FOOTPRINTS)) {
      const outline = L.geoJSON(scene, {
        interactive: false,
        style: { className: "footprint", fill: false, weight: 1.5 },
      });
      const mgrsTile = String(scene.properties.mgrs_tile ?? "");
      if (mgrsTile && !labelled.has(mgrsTile))
        outline.bindTooltip(textElement(mgrsTile), { permanent: true, direction: "center", className: "mgrs-tile" });
      labelled.add(mgrsTile);
      this.group.addLayer(outline);
    }
  }
}

// An element, as Leaflet inserts tooltip strings as markup.
function textElement(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span;
}
