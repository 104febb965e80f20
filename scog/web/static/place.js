// A click on the map: what the server knows of the place, in a popup.
/* global L */
import { element } from "./dom.js";
import { dayText } from "./layers.js";
import { askJson } from "./server.js";

export class Place {
  constructor(map) {
    this.map = map;
    this.mark = L.circleMarker([0, 0], { radius: 6, className: "mark", interactive: false });
    this.popup = L.popup({ minWidth: 190, maxWidth: 260, className: "values", offset: [0, -4] });
    map.on("popupclose", ({ popup }) => {
      if (popup !== this.popup) return;
      this.control?.abort();
      this.mark.remove();
      this.at = null;
    });
  }

  // Ask for the values at a place and show them there.
  async show(latlng, query) {
    this.control?.abort();
    const { signal } = (this.control = new AbortController());
    this.at = latlng;
    const { lat, lng } = latlng.wrap();
    const url = `point/${lng.toFixed(6)},${lat.toFixed(6)}${query}`;
    this.mark.setLatLng(latlng).addTo(this.map);
    this._fill(element("p", "Reading the values here …", "hint"));
    this.popup.setLatLng(latlng).openOn(this.map);
    try {
      this._fill(...contents(await askJson(url, signal), url));
    } catch (problem) {
      if (!signal.aborted) this._fill(element("p", problem.message));
    }
  }

  // Ask again where the popup is, if it is open, since something else is asked for now.
  refresh(query) {
    if (this.at) this.show(this.at, query);
  }

  _fill(...parts) {
    const box = element("div");
    box.append(...parts);
    this.popup.setContent(box);
  }
}

function contents({ coordinates, values, band_names: names, datetime, scene }, url) {
  const [lon, lat] = coordinates;
  const parts = [];
  if (values.every((value) => value === null)) {
    parts.push(element("p", "No usable pixel here", "number"));
    parts.push(element("p", "No scene reaches this place in this time, or clouds are over it in all of them.", "hint"));
  } else {
    const list = element("dl", "", values.length === 1 ? "single" : "");
    values.forEach((value, band) => {
      const number = element("dd", "", "number");
      const data = element("data", value === null ? "–" : numberText(value));
      data.value = String(value);
      number.append(data);
      list.append(element("dt", names[band]), number);
    });
    parts.push(list);
  }
  if (datetime) parts.push(element("p", `${dayText(datetime)}, ${datetime.slice(11, 16)} UTC`, "when"));
  if (scene) parts.push(element("p", scene, "scene"));
  const foot = element("p", `${degrees(lat, "N", "S")}, ${degrees(lon, "E", "W")} `, "hint");
  const link = element("a", "JSON");
  Object.assign(link, { href: url, target: "_blank", rel: "noopener" });
  foot.append(link);
  return [...parts, foot];
}

const degrees = (value, positive, negative) => `${Math.abs(value).toFixed(5)}° ${value < 0 ? negative : positive}`;

export function numberText(value) {
  const size = Math.abs(value);
  const text = size !== 0 && (size < 0.001 || size >= 100_000) ? value.toExponential(2) : value.toFixed(3);
  return text.replace("-", "−");
}
