// Drawing an area on the map: a box by two corners, a shape by three or more; with the mouse, or from the keyboard,
// where Space sets a corner in the middle of the map.
/* global L */
import { byId } from "../shell/dom.js";
import { boxArea } from "./geojson.js";

const NEAR = 12; // pixels from the first corner that close a shape

export class Draw {
  // `done` gets the drawn area.
  constructor(map, done) {
    Object.assign(this, { map, done, kind: null, corners: [] });
    this.group = L.layerGroup().addTo(map);
    map.on("mousemove", ({ latlng }) => this._show(latlng));
    map.on("move", () => this._show(null));
    byId("map").addEventListener("keydown", (event) => this._key(event));
    byId("finish").addEventListener("click", () => this.finish());
    byId("cancel").addEventListener("click", () => this.stop());
    byId("drawing").addEventListener("keydown", ({ key }) => key === "Escape" && this.stop());
  }

  get on() {
    return this.kind !== null;
  }

  start(kind) {
    this.stop();
    this.kind = kind;
    this.map.doubleClickZoom.disable();
    byId("map").classList.add("drawing");
    byId("drawing").hidden = false;
    byId("finish").hidden = kind === "box";
    byId("map").focus({ preventScroll: true });
    this._say();
  }

  stop() {
    this.kind = null;
    this.corners = [];
    this.group.clearLayers();
    this.map.doubleClickZoom.enable();
    byId("map").classList.remove("drawing");
    byId("drawing").hidden = true;
  }

  // A corner at a place; the map's clicks come here while something is drawn.
  add(latlng) {
    const first = this.corners[0];
    const closes =
      first &&
      this.corners.length >= 3 &&
      this.map.latLngToContainerPoint(first).distanceTo(this.map.latLngToContainerPoint(latlng)) < NEAR;
    if (closes) return this.finish();
    const last = this.corners.at(-1);
    if (last?.equals(latlng, 1e-9)) return this.kind === "shape" && this.finish(); // the second click of a double one
    this.corners.push(latlng);
    if (this.kind === "box" && this.corners.length === 2) return this.finish();
    this._show(null);
    return this._say();
  }

  finish() {
    const pairs = this.corners.map(({ lng, lat }) => [lng, lat].map((degrees) => Number(degrees.toFixed(6))));
    const [lons, lats] = [0, 1].map((place) => pairs.map((pair) => pair[place]));
    const isBox = this.kind === "box" && pairs.length === 2 && lons[0] !== lons[1] && lats[0] !== lats[1];
    const isShape = this.kind === "shape" && pairs.length >= 3;
    if (!isBox && !isShape) return this._say();
    const area = isBox
      ? boxArea([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)])
      : { type: "Polygon", coordinates: [[...pairs, pairs[0]]] };
    this.stop();
    return this.done(area);
  }

  _show(cursor) {
    if (!this.on) return;
    this.group.clearLayers();
    const corners = cursor ? [...this.corners, cursor] : this.corners;
    const quiet = { className: "asked-area", interactive: false, weight: 2.5, fill: false };
    if (this.kind === "box" && corners.length > 1) this.group.addLayer(L.rectangle(L.latLngBounds(corners), quiet));
    if (this.kind === "shape" && corners.length > 1) this.group.addLayer(L.polygon(corners, quiet));
    this.corners.forEach((corner) =>
      this.group.addLayer(L.circleMarker(corner, { radius: 5, className: "mark", interactive: false })),
    );
  }

  _key(event) {
    if (!this.on) return;
    if (event.key === " ") this.add(this.map.getCenter());
    else if (event.key === "Enter") this.finish();
    else if (event.key === "Escape") this.stop();
    else if (event.key === "Backspace") this.corners.pop();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this._show(null);
    if (this.on) this._say();
  }

  _say() {
    const count = this.corners.length;
    const box = ["Click one corner of the box.", "Click the opposite corner."];
    const shape =
      count < 3
        ? `Click the corners of the shape: ${count} so far.`
        : "Click more corners, or the first one to finish.";
    byId("drawing-text").textContent = this.kind === "box" ? (box[count] ?? box[1]) : shape;
    byId("finish").disabled = count < 3;
  }
}
