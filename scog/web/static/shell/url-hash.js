// The application state in the URL hash: #zoom/lat/lon?name=value for values that differ from the defaults. Names of
// the second image start with "b.".
import { DEFAULT_IMAGE } from "../layer/image-request.js";
import { isDate, isTime } from "../time/dates.js";
import { DEFAULT_STATE } from "./state.js";

const NUMBER = /^-?\d{1,3}(\.\d{1,10})?$/;
const KINDS = ["index", "bands", "expression"];
const SPANS = [3, 6, 12, 24, 60];
const MAX_VERTICES = 200; // of an area; a larger one is not written

/** `{state, view}` of a hash; `view` is `{zoom, lat, lon}` in degrees or null. Invalid values take their default. */
export function readHash(hash) {
  const [path, ...rest] = hash.replace(/^#/, "").split("?");
  const [zoom, lat, lon] = path.split("/");
  const params = new URLSearchParams(rest.join("?"));
  const sides = [readImage(params, "")];
  if (params.has("swipe")) sides.push(readImage(params, "b."));
  const state = {
    ...DEFAULT_STATE,
    sides,
    side: params.get("side") === "b" && sides.length === 2 ? 1 : 0,
    divider: number(params.get("swipe"), 5, 95, 50) / 100,
    selection: readSelection(params),
    span: SPANS.includes(Number(params.get("span"))) ? Number(params.get("span")) : DEFAULT_STATE.span,
    until: isDate(params.get("until") ?? "") ? params.get("until") : DEFAULT_STATE.until,
    footprints: params.has("footprints"),
  };
  const isView =
    [zoom, lat, lon].every((text) => NUMBER.test(text ?? "")) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return { state, view: isView ? { zoom: Number(zoom), lat: Number(lat), lon: Number(lon) } : null };
}

/** The hash of a state and a view; readHash reverses it. */
export function writeHash(state, { zoom, lat, lon }) {
  const digits = Math.max(3, Math.ceil(zoom / 3) + 1);
  const params = new URLSearchParams();
  writeImage(params, state.sides[0], "");
  if (state.sides[1]) {
    params.set("swipe", String(Math.round(100 * state.divider)));
    if (state.side) params.set("side", "b");
    writeImage(params, state.sides[1], "b.");
  }
  if (state.selection?.point) params.set("at", state.selection.point.map((degrees) => degrees.toFixed(5)).join());
  if (state.selection?.area) writeArea(params, state.selection.area);
  if (state.span !== DEFAULT_STATE.span) params.set("span", String(state.span));
  if (state.until) params.set("until", state.until);
  if (state.footprints) params.set("footprints", "1");
  const text = params.toString().replace(/%(2C|2F|3A|3B|40)/g, decodeURIComponent);
  return `#${[zoom, lat.toFixed(digits), lon.toFixed(digits)].join("/")}${text ? `?${text}` : ""}`;
}

function readImage(params, prefix) {
  const text = (name) => params.get(prefix + name) ?? "";
  const kind = KINDS.find((name) => text(name)) ?? DEFAULT_IMAGE.kind;
  return Object.freeze({
    collection: text("collection").slice(0, 200),
    kind,
    name: text(kind).slice(0, 512),
    time: isTime(text("time")) ? text("time") : "",
    fill: text("fill") !== "0",
    composite: /^\w{1,20}$/.test(text("composite")) ? text("composite") : DEFAULT_IMAGE.composite,
    mask: text("mask") !== "0",
    dilate: number(text("dilate"), 0, 1000, DEFAULT_IMAGE.dilate),
    clouds: number(text("clouds"), 0, 100, DEFAULT_IMAGE.clouds),
    rescale: text("rescale").split(";").every(isRange) ? text("rescale") : "",
    colormap: /^\w{1,64}$/.test(text("colormap")) ? text("colormap") : "",
    opacity: number(text("opacity"), 0, 100, DEFAULT_IMAGE.opacity),
  });
}

function writeImage(params, image, prefix) {
  if (image.name) params.set(prefix + image.kind, image.name);
  for (const [name, initial] of Object.entries(DEFAULT_IMAGE)) {
    if (["kind", "name"].includes(name) || image[name] === initial) continue;
    params.set(prefix + name, typeof initial === "boolean" ? Number(image[name]) : image[name]);
  }
}

function number(text, min, max, fallback) {
  const value = /^\d{1,4}$/.test(text ?? "") ? Number(text) : NaN;
  return min <= value && value <= max ? value : fallback;
}

/** Whether a text is "low,high" with low < high. */
export function isRange(text) {
  const [low, high, ...more] = text
    .slice(0, 65)
    .split(",")
    .map((end) => (end.trim() ? Number(end) : NaN));
  return text.length <= 64 && !more.length && Number.isFinite(low) && Number.isFinite(high) && low < high;
}

function readSelection(params) {
  const vertices = (text) => text.split(";").map((pair) => pair.split(",").map(Number));
  const isLonLat = ([lon, lat, ...more]) => !more.length && Math.abs(lon) <= 180 && Math.abs(lat) <= 90;
  const [point] = vertices(params.get("at") ?? "");
  if (params.has("at") && isLonLat(point)) return { point };
  const ring = vertices(params.get("area") ?? "");
  if (ring.length < 3 || ring.length > MAX_VERTICES || !ring.every(isLonLat)) return null;
  return { area: { type: "Polygon", coordinates: [[...ring, ring[0]]] } };
}

function writeArea(params, { type, coordinates }) {
  if (type !== "Polygon" || coordinates.length > 1 || coordinates[0].length > MAX_VERTICES) return;
  const pairs = coordinates[0].slice(0, -1).map((vertex) => vertex.map((degrees) => degrees.toFixed(5)).join());
  params.set("area", pairs.join(";"));
}
