// The view in the URL's hash: #zoom/lat/lon?what differs from the defaults; the second picture's names begin with "b.".
import { PICTURE } from "../layer/image-request.js";
import { isDate, isTime } from "../time/dates.js";
import { STATE } from "./state.js";

const PLACE = /^-?\d{1,3}(\.\d{1,10})?$/;
const KINDS = ["index", "bands", "expression"];
const SPANS = [3, 6, 12, 24, 60];
const CORNERS = 200; // of an area; a larger one is not kept in the address

// The state and the place that a hash stands for. Whatever is not understood takes its default.
export function readHash(hash) {
  const [path, ...rest] = hash.replace(/^#/, "").split("?");
  const [zoom, lat, lon] = path.split("/");
  const given = new URLSearchParams(rest.join("?"));
  const sides = [readPicture(given, "")];
  if (given.has("swipe")) sides.push(readPicture(given, "b."));
  const state = {
    ...STATE,
    sides,
    side: given.get("side") === "b" && sides.length === 2 ? 1 : 0,
    divider: number(given.get("swipe"), 5, 95, 50) / 100,
    at: readAsked(given),
    span: SPANS.includes(Number(given.get("span"))) ? Number(given.get("span")) : STATE.span,
    until: isDate(given.get("until") ?? "") ? given.get("until") : STATE.until,
    footprints: given.has("footprints"),
  };
  const known = [zoom, lat, lon].every((text) => PLACE.test(text ?? "")) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return { state, place: known ? { zoom: Number(zoom), lat: Number(lat), lon: Number(lon) } : null };
}

export function writeHash(state, { zoom, lat, lon }) {
  const digits = Math.max(3, Math.ceil(zoom / 3) + 1);
  const more = new URLSearchParams();
  writePicture(more, state.sides[0], "");
  if (state.sides[1]) {
    more.set("swipe", String(Math.round(100 * state.divider)));
    if (state.side) more.set("side", "b");
    writePicture(more, state.sides[1], "b.");
  }
  if (state.at?.point) more.set("at", state.at.point.map((degrees) => degrees.toFixed(5)).join());
  if (state.at?.area) writeArea(more, state.at.area);
  if (state.span !== STATE.span) more.set("span", String(state.span));
  if (state.until) more.set("until", state.until);
  if (state.footprints) more.set("footprints", "1");
  const text = more.toString().replace(/%(2C|2F|3A|3B)/g, decodeURIComponent);
  return `#${[zoom, lat.toFixed(digits), lon.toFixed(digits)].join("/")}${text ? `?${text}` : ""}`;
}

function readPicture(given, prefix) {
  const text = (name) => given.get(prefix + name) ?? "";
  const kind = KINDS.find((name) => text(name)) ?? PICTURE.kind;
  return Object.freeze({
    kind,
    name: (text(kind) || PICTURE.name).slice(0, 512),
    time: isTime(text("time")) ? text("time") : "",
    fill: text("fill") !== "0",
    composite: /^\w{1,20}$/.test(text("composite")) ? text("composite") : PICTURE.composite,
    mask: text("mask") !== "0",
    dilate: number(text("dilate"), 0, 1000, PICTURE.dilate),
    clouds: number(text("clouds"), 0, 100, PICTURE.clouds),
    rescale: text("rescale").split(";").every(isRange) ? text("rescale") : "",
    colormap: /^\w{1,64}$/.test(text("colormap")) ? text("colormap") : "",
    opacity: number(text("opacity"), 0, 100, PICTURE.opacity),
  });
}

function writePicture(more, picture, prefix) {
  if (picture.kind !== PICTURE.kind || picture.name !== PICTURE.name) more.set(prefix + picture.kind, picture.name);
  for (const [name, usual] of Object.entries(PICTURE)) {
    if (["kind", "name"].includes(name) || picture[name] === usual) continue;
    more.set(prefix + name, typeof usual === "boolean" ? Number(picture[name]) : picture[name]);
  }
}

function number(text, least, most, usual) {
  const value = /^\d{1,4}$/.test(text ?? "") ? Number(text) : NaN;
  return least <= value && value <= most ? value : usual;
}

export function isRange(text) {
  const [low, high, ...more] = text
    .slice(0, 65)
    .split(",")
    .map((end) => (end.trim() ? Number(end) : NaN));
  return text.length <= 64 && !more.length && Number.isFinite(low) && Number.isFinite(high) && low < high;
}

function readAsked(given) {
  const corners = (text) => text.split(";").map((pair) => pair.split(",").map(Number));
  const fine = ([lon, lat, ...more]) => !more.length && Math.abs(lon) <= 180 && Math.abs(lat) <= 90;
  const [point] = corners(given.get("at") ?? "");
  if (given.has("at") && fine(point)) return { point };
  const ring = corners(given.get("area") ?? "");
  if (ring.length < 3 || ring.length > CORNERS || !ring.every(fine)) return null;
  return { area: { type: "Polygon", coordinates: [[...ring, ring[0]]] } };
}

function writeArea(more, { type, coordinates }) {
  if (type !== "Polygon" || coordinates.length > 1 || coordinates[0].length > CORNERS) return;
  const pairs = coordinates[0].slice(0, -1).map((corner) => corner.map((degrees) => degrees.toFixed(5)).join());
  more.set("area", pairs.join(";"));
}
