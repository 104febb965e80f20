// The view in the URL's hash: #zoom/lat/lon/layer/date?what differs from the defaults
import { DEFAULTS, LAYERS, isDate } from "./layers.js";

const PLACE = /^-?\d{1,3}(\.\d{1,10})?$/;

// The state and the place that a hash stands for. Whatever is not understood takes its default.
export function readHash(hash) {
  const [path, ...rest] = hash.replace(/^#/, "").split("?");
  const [zoom, lat, lon, layer, date] = path.split("/");
  const more = new URLSearchParams(rest.join("?"));
  const percent = (name) => {
    const text = more.get(name) ?? "";
    return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? Number(text) : DEFAULTS[name];
  };
  const state = {
    layer: Object.hasOwn(LAYERS, layer ?? "") ? layer : DEFAULTS.layer,
    expression: (more.get("expression") ?? DEFAULTS.expression).slice(0, 512),
    rescale: isRange(more.get("rescale") ?? "") ? more.get("rescale") : DEFAULTS.rescale,
    date: isDate(date ?? "") ? date : DEFAULTS.date,
    fill: more.get("fill") !== "0",
    clouds: percent("clouds"),
    mask: more.get("mask") !== "0",
    opacity: percent("opacity"),
  };
  const known = [zoom, lat, lon].every((text) => PLACE.test(text ?? "")) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return { state, place: known ? { zoom: Number(zoom), lat: Number(lat), lon: Number(lon) } : null };
}

function isRange(text) {
  const [low, high, ...more] = text.slice(0, 65).split(",").map((end) => (end.trim() ? Number(end) : NaN));
  return text.length <= 64 && !more.length && Number.isFinite(low) && Number.isFinite(high) && low < high;
}

export function writeHash(state, { zoom, lat, lon }) {
  const digits = Math.max(3, Math.ceil(zoom / 3) + 1);
  const path = [zoom, lat.toFixed(digits), lon.toFixed(digits), state.layer, state.date || "newest"].join("/");
  const more = new URLSearchParams();
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    if (["layer", "date"].includes(name) || state[name] === usual) continue;
    if (["expression", "rescale"].includes(name) && state.layer !== "formula") continue;
    more.set(name, typeof usual === "boolean" ? Number(state[name]) : state[name]);
  }
  return `#${path}${more.size ? `?${more}` : ""}`;
}
