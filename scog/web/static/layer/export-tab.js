// The "Export" tab: URLs of the layer, and code that uses them in other programs.
import { byId, make } from "../shell/dom.js";
import { layerName } from "./collections.js";
import { tileQuery, valueQuery } from "./image-request.js";
import { snippets } from "./snippets.js";

export class ExportTab {
  constructor() {
    byId("client").addEventListener("change", () => this._showSnippet());
    this.snippets = [];
  }

  /** Shows the URLs of an image; `view` is the map's `{zoom, lat, lon}`. */
  show(image, tilejson, view) {
    const [template] = tilejson.tiles[0].split("?"); // its query names the collection, as those of the image do
    const tiles = new URL(template, document.baseURI).href.replace(/%7B/g, "{").replace(/%7D/g, "}");
    const base = tiles.replace(/\/tiles\/.*/, "");
    const [renderedQuery, query] = [tileQuery(image), valueQuery(image)];
    byId("xyz").value = tiles + renderedQuery;
    byId("tilejson").value = `${base}/tilejson.json${renderedQuery}`;
    byId("page-link").value = location.href;
    const layer = {
      tiles: tiles + renderedQuery,
      tilejson: byId("tilejson").value,
      base,
      renderedQuery,
      query,
      name: `scog: ${layerName(image)}`,
    };
    this.snippets = snippets({
      ...layer,
      ...view,
      attribution: tilejson.attribution ?? "",
      minzoom: tilejson.minzoom,
      maxzoom: tilejson.maxzoom,
    });
    if (byId("client").options.length === 0)
      byId("client").append(...this.snippets.map(({ name }) => make("option", { value: name }, name)));
    this._showSnippet();
  }

  _showSnippet() {
    const selected = this.snippets.find(({ name }) => name === byId("client").value) ?? this.snippets[0];
    if (!selected) return;
    byId("client-about").textContent = selected.about;
    byId("snippet").textContent = selected.text;
  }
}
