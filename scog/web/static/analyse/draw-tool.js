// Draws an area of interest on the map: a rectangle by two vertices, or a polygon. With the keyboard, Space adds a
// vertex at the map's centre.
/* global L */
import { byId } from "../shell/dom.js";
import { boxPolygon } from "./geojson.js";

const CLOSE_REACH = 12; // pixels; a click this close to the first vertex closes the polygon

export class DrawTool {
  /** `onArea` is called with the drawn GeoJSON Polygon. */
  constructor(map, onArea) {
    Object.assign(this, { map, onArea, kind: null, vertices: [] });
    this.group = L.layerGroup().addTo(map);
    map.on("mousemove", ({ latlng }) => this._show(latlng));
    map.on("move", () => this._show(null));
    byId("map").addEventListener("keydown", (event) => this._key(event));
    byId("finish").addEventListener("click", () => this.finish());
    byId("cancel").addEventListener("click", () => this.stop());
    byId("drawing").addEventListener("keydown", ({ key }) => key === "Escape" && this.stop());
  }

  get isActive() {
    return this.kind !== null;
  }

  /** Starts to draw a "box" or a "shape". */
  start(kind) {
    this.stop();
    this.kind = kind;
    this.map.doubleClickZoom.disable();
    byId("map").classList.add("drawing");
    byId("drawing").hidden = false;
    byId("finish").hidden = kind === "box";
    byId("map").focus({ preventScroll: true });
    this._showHint();
  }

  stop() {
    this.kind = null;
    this.vertices = [];
    this.group.clearLayers();
    this.map.doubleClickZoom.enable();
    byId("map").classList.remove("drawing");
    byId("drawing").hidden = true;
  }

  /** Adds a vertex; the second of a box or a click on the first of a shape finishes it. */
  add(latlng) {
    const first = this.vertices[0];
    const closes =
      first &&
      this.vertices.length >= 3 &&
      this.map.latLngToContainerPoint(first).distanceTo(this.map.latLngToContainerPoint(latlng)) < CLOSE_REACH;
    if (closes) return this.finish();
    const last = this.vertices.at(-1);
    if (last?.equals(latlng, 1e-9)) return this.kind === "shape" && this.finish(); // the second click of a double click
    this.vertices.push(latlng);
    if (this.kind === "box" && this.vertices.length === 2) return this.finish();
    this._show(null);
    return this._showHint();
  }

  /** Reports the area, if there are enough vertices. */
  finish() {
    const pairs = this.vertices.map(({ lng, lat }) => [lng, lat].map((degrees) => Number(degrees.toFixed(6))));
    const [lons, lats] = [0, 1].map((axis) => pairs.map((pair) => pair[axis]));
    const isBox = this.kind === "box" && pairs.length === 2 && lons[0] !== lons[1] && lats[0] !== lats[1];
    const isShape = this.kind === "shape" && pairs.length >= 3;
    if (!isBox && !isShape) return this._showHint();
    const area = isBox
      ? boxPolygon([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)])
      : { type: "Polygon", coordinates: [[...pairs, pairs[0]]] };
    this.stop();
    return this.onArea(area);
  }

  _show(cursor) {
    if (!this.isActive) return;
    this.group.clearLayers();
    const vertices = cursor ? [...this.vertices, cursor] : this.vertices;
    const style = { className: "selected-area", interactive: false, weight: 2.5, fill: false };
    if (this.kind === "box" && vertices.length > 1) this.group.addLayer(L.rectangle(L.latLngBounds(vertices), style));
    if (this.kind === "shape" && vertices.length > 1) this.group.addLayer(L.polygon(vertices, style));
    this.vertices.forEach((vertex) =>
      this.group.addLayer(L.circleMarker(vertex, { radius: 5, className: "mark", interactive: false })),
    );
  }

  _key(event) {
    if (!this.isActive) return;
    if (event.key === " ") this.add(this.map.getCenter());
    else if (event.key === "Enter") this.finish();
    else if (event.key === "Escape") this.stop();
    else if (event.key === "Backspace") this.vertices.pop();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this._show(null);
    if (this.isActive) this._showHint();
  }

  _showHint() {
    const count = this.vertices.length;
    const rectangle = ["Click a corner of the rectangle.", "Click the opposite corner."];
    const polygon =
      count < 3
        ? `Click the vertices of the polygon: ${count} so far.`
        : "Click more vertices, or the first one to finish.";
    byId("drawing-text").textContent = this.kind === "box" ? (rectangle[count] ?? rectangle[1]) : polygon;
    byId("finish").disabled = count < 3;
  }
}
