// The map itself: moving it, and saying where it is.
/* global L */
import { byId, calm } from "../shell/dom.js";

export function createMap() {
  const lively = !calm.matches;
  const map = L.map("map", {
    zoomControl: false,
    minZoom: 2,
    maxZoom: 18,
    worldCopyJump: true,
    zoomAnimation: lively,
    fadeAnimation: lively,
    inertia: lively,
  });
  map.attributionControl.setPrefix('<a href="https://leafletjs.com">Leaflet</a>');
  L.control.scale({ position: "bottomright", imperial: false }).addTo(map);
  byId("zoom-in").addEventListener("click", () => map.zoomIn());
  byId("zoom-out").addEventListener("click", () => map.zoomOut());
  const show = () => {
    byId("zoom-in").disabled = map.getZoom() >= map.getMaxZoom();
    byId("zoom-out").disabled = map.getZoom() <= map.getMinZoom();
  };
  map.on("zoomend", show);
  return map;
}

export function goTo(map, { zoom, lat, lon }) {
  map.setView([lat, lon], zoom, { animate: false });
}

export function viewed(map) {
  const center = map.getCenter().wrap();
  return { zoom: map.getZoom(), lat: center.lat, lon: center.lng };
}

// What the page's cards leave free of the map, as paddings for Leaflet.
export function free() {
  const panel = byId("panel").getBoundingClientRect();
  const dock = byId("dock").getBoundingClientRect();
  const beside = panel.width < window.innerWidth * 0.6;
  return {
    paddingTopLeft: [beside ? panel.right + 16 : 8, 56],
    paddingBottomRight: [
      beside ? 64 : 8,
      window.innerHeight - (beside ? dock.top : Math.min(dock.top, panel.top)) + 24,
    ],
  };
}

// The corners of what is seen of a box `[west, south, east, north]`, or null where nothing is.
export function seen(map, [west, south, east, north]) {
  const view = map.getBounds();
  const box = [
    Math.max(view.getWest(), west),
    Math.max(view.getSouth(), south),
    Math.min(view.getEast(), east),
    Math.min(view.getNorth(), north),
  ];
  return box[0] < box[2] && box[1] < box[3] ? box : null;
}

// Leaflet takes attributions as markup, and some are the server's.
export function escaped(text) {
  const span = document.createElement("span");
  span.textContent = text ?? "";
  return span.innerHTML;
}
