// The Leaflet map: creation, position and visible extent.
/* global L */
import { byId, reducedMotion } from "../shell/dom.js";

/** The Leaflet map in `#map`, with scale bar and zoom buttons, without a view yet. */
export function createMap() {
  const animated = !reducedMotion.matches;
  const map = L.map("map", {
    zoomControl: false,
    minZoom: 2,
    maxZoom: 18,
    worldCopyJump: true,
    zoomAnimation: animated,
    fadeAnimation: animated,
    inertia: animated,
  });
  map.attributionControl.setPrefix('<a href="https://leafletjs.com">Leaflet</a>');
  L.control.scale({ position: "bottomright", imperial: false }).addTo(map);
  byId("zoom-in").addEventListener("click", () => map.zoomIn());
  byId("zoom-out").addEventListener("click", () => map.zoomOut());
  const updateButtons = () => {
    byId("zoom-in").disabled = map.getZoom() >= map.getMaxZoom();
    byId("zoom-out").disabled = map.getZoom() <= map.getMinZoom();
  };
  map.on("zoomend", updateButtons);
  return map;
}

/** Moves the map to a zoom level and a centre in degrees. */
export function goTo(map, { zoom, lat, lon }) {
  map.setView([lat, lon], zoom, { animate: false });
}

/** The map's `{zoom, lat, lon}`, with the centre in degrees, longitude within -180 to 180. */
export function currentView(map) {
  const center = map.getCenter().wrap();
  return { zoom: map.getZoom(), lat: center.lat, lon: center.lng };
}

/** Leaflet's `fitBounds` paddings in pixels that keep the panel, toolbar and dock off the fitted bounds. */
export function freePadding() {
  const panel = byId("panel").getBoundingClientRect();
  const dock = byId("dock").getBoundingClientRect();
  const beside = panel.width < window.innerWidth * 0.6; // on a phone, the panel is a sheet at the bottom
  return {
    paddingTopLeft: [beside ? panel.right + 16 : 8, 56],
    paddingBottomRight: [
      beside ? 64 : 8,
      window.innerHeight - (beside ? dock.top : Math.min(dock.top, panel.top)) + 24,
    ],
  };
}

/** The visible part of a box as `[west, south, east, north]` in degrees, or null if none of it is visible. */
export function visibleBox(map, [west, south, east, north]) {
  const view = map.getBounds();
  const box = [
    Math.max(view.getWest(), west),
    Math.max(view.getSouth(), south),
    Math.min(view.getEast(), east),
    Math.min(view.getNorth(), north),
  ];
  return box[0] < box[2] && box[1] < box[3] ? box : null;
}

/** Text as HTML: Leaflet inserts attributions as markup, and some come from a catalogue. */
export function escapeHtml(text) {
  const span = document.createElement("span");
  span.textContent = text ?? "";
  return span.innerHTML;
}
