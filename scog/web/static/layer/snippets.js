// Code that uses a layer in other programs.

/**
 * Runnable snippets as `{name, about, text}`. `layer` has the absolute URLs `tiles`, `tilejson` and `base`, the query
 * strings `renderedQuery` (of images) and `query` (of values), `name`, `attribution`, `minzoom`, `maxzoom`, and the
 * map's centre in degrees and zoom level: `lat`, `lon`, `zoom`.
 */
export function snippets(layer) {
  const view = { lat: layer.lat.toFixed(4), lon: layer.lon.toFixed(4), zoom: layer.zoom };
  return [
    { name: "Leaflet", about: "A complete HTML page: save it and open it in a browser.", text: leaflet(layer, view) },
    {
      name: "OpenLayers",
      about: "A complete HTML page: save it and open it in a browser.",
      text: openlayers(layer, view),
    },
    {
      name: "MapLibre",
      about: "A complete HTML page: save it and open it in a browser.",
      text: maplibre(layer, view),
    },
    {
      name: "QGIS",
      about: "Paste it into the QGIS Python console, or the URL into Layer > Add Layer > Add XYZ Layer.",
      text: qgis(layer),
    },
    { name: "folium", about: "In a notebook; pip install folium.", text: folium(layer, view) },
    { name: "leafmap", about: "In a notebook; pip install leafmap.", text: leafmap(layer, view) },
    { name: "Python", about: "Pixel values as a NumPy array; pip install httpx numpy.", text: python(layer, view) },
    {
      name: "curl",
      about: "The tile at the map's centre, as PNG and as GeoTIFF.",
      text: curl(layer, view),
    },
  ];
}

// A string literal of JavaScript and Python that is also safe inside <script>.
const quoted = (text) => JSON.stringify(text).replace(/</g, "\\u003c");
const markup = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function page(head, body, script, type = "") {
  return `<!doctype html>
<meta charset="utf-8">
<title>scog</title>
${head}
<style>html, body, #map { height: 100%; margin: 0; }</style>
<div id="map"></div>
${body}<script${type}>
${script}
</script>
`;
}

const leaflet = ({ tiles, attribution, minzoom, maxzoom }, { lat, lon, zoom }) =>
  page(
    `<link rel="stylesheet" href="https://unpkg.com/leaflet@1.9.4/dist/leaflet.css">
<script src="https://unpkg.com/leaflet@1.9.4/dist/leaflet.js"></script>`,
    "",
    `const map = L.map("map").setView([${lat}, ${lon}], ${zoom});
L.tileLayer(${quoted(tiles)}, {
  minZoom: ${minzoom},
  maxNativeZoom: ${maxzoom},
  attribution: ${quoted(markup(attribution))},
}).addTo(map);`,
  );

const openlayers = ({ tiles, attribution, minzoom, maxzoom }, { lat, lon, zoom }) =>
  page(
    `<link rel="stylesheet" href="https://unpkg.com/ol@10.7.0/ol.css">
<script src="https://unpkg.com/ol@10.7.0/dist/ol.js"></script>`,
    "",
    `const source = new ol.source.XYZ({
  url: ${quoted(tiles)},
  minZoom: ${minzoom},
  maxZoom: ${maxzoom},
  attributions: ${quoted(markup(attribution))},
});
const map = new ol.Map({
  target: "map",
  layers: [new ol.layer.Tile({ source })],
  view: new ol.View({ center: ol.proj.fromLonLat([${lon}, ${lat}]), zoom: ${zoom} }),
});`,
  );

const maplibre = ({ tilejson }, { lat, lon, zoom }) =>
  page(
    `<link rel="stylesheet" href="https://unpkg.com/maplibre-gl@5.6.0/dist/maplibre-gl.css">
<script src="https://unpkg.com/maplibre-gl@5.6.0/dist/maplibre-gl.js"></script>`,
    "",
    `const map = new maplibregl.Map({
  container: "map",
  center: [${lon}, ${lat}],
  zoom: ${zoom - 1},
  style: {
    version: 8,
    sources: { scog: { type: "raster", url: ${quoted(tilejson)}, tileSize: 256 } },
    layers: [{ id: "scog", type: "raster", source: "scog" }],
  },
});`,
  );

const qgis = ({ tiles, name, minzoom, maxzoom }) => `from urllib.parse import quote

url = ${quoted(tiles)}
layer = iface.addRasterLayer(f"type=xyz&zmin=${minzoom}&zmax=${maxzoom}&url={quote(url, safe='')}", ${quoted(name)}, "wms")
`;

const folium = ({ tiles, name, attribution, minzoom, maxzoom }, { lat, lon, zoom }) => `import folium

m = folium.Map(location=[${lat}, ${lon}], zoom_start=${zoom})
folium.TileLayer(
    tiles=${quoted(tiles)},
    name=${quoted(name)},
    attr=${quoted(markup(attribution))},
    min_zoom=${minzoom},
    max_native_zoom=${maxzoom},
    max_zoom=18,
    overlay=True,
).add_to(m)
m
`;

const leafmap = ({ tiles, name, attribution }, { lat, lon, zoom }) => `import leafmap.foliumap as leafmap

m = leafmap.Map(center=[${lat}, ${lon}], zoom=${zoom})
m.add_tile_layer(url=${quoted(tiles)}, name=${quoted(name)}, attribution=${quoted(attribution)})
m
`;

/** "z/x/y" of the web Mercator tile that contains a point in degrees. */
export function tileAt(lat, lon, zoom) {
  const scale = 2 ** zoom;
  const sine = Math.sin((lat * Math.PI) / 180);
  const y = (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * scale;
  return `${zoom}/${Math.floor(((lon + 180) / 360) * scale)}/${Math.floor(y)}`;
}

function centreTile({ minzoom, maxzoom }, { lat, lon, zoom }) {
  return tileAt(Number(lat), Number(lon), Math.min(maxzoom, Math.max(minzoom, zoom)));
}

const python = (layer, view) => `import io

import httpx
import numpy as np

response = httpx.get(${quoted(`${layer.base}/tiles/${centreTile(layer, view)}.npy${layer.query}`)}, timeout=60)
response.raise_for_status()
values = np.load(io.BytesIO(response.content))  # float32 (band, y, x), NaN where no pixel is valid
print(values.shape, np.nanmean(values, axis=(1, 2)))
`;

const shell = (text) => `'${text.replace(/'/g, "'\\''")}'`;

const curl = (
  layer,
  view,
) => `curl -o tile.png ${shell(`${layer.base}/tiles/${centreTile(layer, view)}.png${layer.renderedQuery}`)}
curl -o tile.tif ${shell(`${layer.base}/tiles/${centreTile(layer, view)}.tif${layer.query}`)}
`;
