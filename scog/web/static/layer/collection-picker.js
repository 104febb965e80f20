// The choice of a collection, on servers that have several.
import { Combobox } from "../shell/combobox.js";
import { byId, make } from "../shell/dom.js";
import {
  canonical,
  collectionOf,
  layerOf,
  listCollections,
  loadCollection,
  loadIndices,
  resolved,
} from "./collections.js";
import { DEFAULT_IMAGE, DEFAULT_STYLE } from "./image-request.js";
import { fetchLegend } from "./legend-cache.js";

export class CollectionPicker {
  /** `onPick` is called with the name of a collection, "" for the server's default. */
  constructor(store, onPick) {
    Object.assign(this, { store, all: [] });
    this.combobox = new Combobox(byId("collection-search"), byId("collection-list"), {
      search: (text) => this._search(text.toLowerCase()),
      render: ({ title, id }) => [
        make("span", {}, make("b", {}, title), ...(id && id !== title ? [make("small", {}, id)] : [])),
      ],
      onPick: ({ name }) => {
        this._toggle(false);
        byId("collection").focus();
        onPick(name);
      },
    });
    byId("collection").addEventListener("click", () => this._toggle(byId("collections").hidden));
    byId("collections").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this._toggle(false);
      byId("collection").focus();
    });
  }

  /** Lists the server's collections, once. Rejects with a Problem. */
  async load() {
    if (this.all.length) return;
    this.all = (await listCollections()).map((each) => ({ ...each, key: each.name }));
    this.show(this.store.image);
  }

  /** The title of the shown collection; empty if there is no choice. */
  get title() {
    return this.all.length < 2 ? "" : byId("collection-name").textContent;
  }

  /** Shows the collection of an image, if there is a choice. */
  show(image) {
    byId("collection-controls").hidden = this.all.length < 2;
    const listed = this.all.find(({ name }) => name === image.collection);
    byId("collection-name").textContent = listed?.title ?? (collectionOf(image).title || image.collection);
    this.combobox.select(image.collection);
  }

  _search(text) {
    const words = text.split(/\s+/).filter(Boolean);
    return this.all.filter(({ title, id, group }) =>
      words.every((word) => `${title} ${id} ${group}`.toLowerCase().includes(word)),
    );
  }

  _toggle(open) {
    byId("collections").hidden = !open;
    byId("collection").setAttribute("aria-expanded", String(open));
    if (!open) return;
    byId("collection-search").value = "";
    this.combobox.refresh();
    byId("collection-search").focus({ preventScroll: true });
  }
}

/**
 * Resolves to what changes in an image if it is shown in another collection: its layer stays if the collection has it,
 * else becomes the default. Rejects with a Problem.
 */
export async function inCollection(image, collection) {
  await loadCollection(collection);
  await loadIndices(collection);
  const { kind, name } = resolved(image);
  const same = { ...DEFAULT_IMAGE, collection, kind, name };
  const shown = (await hasLayer(same)) ? canonical(same) : DEFAULT_IMAGE;
  return { collection, kind: shown.kind, name: shown.name, ...DEFAULT_STYLE };
}

// Whether the collection of an image has its layer. Of expressions, the server decides.
async function hasLayer(image) {
  if (image.kind !== "expression") return Boolean(layerOf(image));
  return fetchLegend(image).then(
    () => true,
    () => false,
  );
}
