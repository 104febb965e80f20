// The "Use" tab: the layer's addresses, and how other programs take them.
import { byId, make } from "../shell/dom.js";
import { tileQuery, valueQuery } from "./image-request.js";
import { layerName } from "./listings.js";
import { snippets } from "./snippets.js";

export class Share {
  constructor() {
    byId("client").addEventListener("change", () => this._showSnippet());
    this.snippets = [];
  }

  show(picture, served, place) {
    const tiles = new URL(served.tiles[0], document.baseURI).href.replace(/%7B/g, "{").replace(/%7D/g, "}");
    const base = tiles.replace(/\/tiles\/.*/, "");
    const [look, query] = [tileQuery(picture), valueQuery(picture)];
    byId("xyz").value = tiles + look;
    byId("tilejson").value = `${base}/tilejson.json${look}`;
    byId("page-link").value = location.href;
    const layer = {
      tiles: tiles + look,
      tilejson: byId("tilejson").value,
      base,
      look,
      query,
      name: `scog: ${layerName(picture)}`,
    };
    this.snippets = snippets({
      ...layer,
      ...place,
      attribution: served.attribution ?? "",
      minzoom: served.minzoom,
      maxzoom: served.maxzoom,
    });
    if (byId("client").options.length === 0)
      byId("client").append(...this.snippets.map(({ name }) => make("option", { value: name }, name)));
    this._showSnippet();
  }

  _showSnippet() {
    const chosen = this.snippets.find(({ name }) => name === byId("client").value) ?? this.snippets[0];
    if (!chosen) return;
    byId("client-about").textContent = chosen.about;
    byId("snippet").textContent = chosen.text;
  }
}
