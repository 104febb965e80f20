// The editor of expressions: the server checks them while they are typed, and the map shows valid ones.
import { byId, debounced, make } from "../shell/dom.js";
import { collectionOf } from "./collections.js";
import { DEFAULT_IMAGE } from "./image-request.js";
import { fetchLegend } from "./legend-cache.js";

const TYPING_PAUSE = 350; // milliseconds after the last key
const MAX_NAMES = 8; // of bands that are listed

export class ExpressionEditor {
  /** `onError` is called with Problems that are not about the expression. */
  constructor(store, onError) {
    this.store = store;
    this.onError = onError;
    this.box = byId("expression");
    const applyLater = debounced(TYPING_PAUSE, () => this._apply());
    this.box.addEventListener("input", applyLater);
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      this._apply();
    });
  }

  /** Shows an image's expression. Keeps the text being typed unless another expression was set elsewhere. */
  show(image) {
    const { kind, name } = image;
    byId("expression-bands").textContent = bandNames(collectionOf(image).bands);
    if (kind !== "expression" || name === this.shown) return;
    this.shown = name;
    if (this.box.value.trim() !== name) this.box.value = name;
  }

  async _apply() {
    const name = this.box.value.trim();
    if (!name || (name === this.store.image.name && !this.box.matches("[aria-invalid=true]"))) return;
    const { collection } = this.store.image;
    const problem = await fetchLegend({ ...DEFAULT_IMAGE, collection, kind: "expression", name }).then(
      () => null,
      (error) => error,
    );
    if (this.box.value.trim() !== name || this.store.image.kind !== "expression") return;
    this.showProblem(problem, name);
    if (problem) return;
    this.shown = name;
    this.store.changeImage({ name });
  }

  /** Shows what is wrong with an expression and marks the position; null clears it. */
  showProblem(problem, expression) {
    const isInvalid = problem && (problem.status === 400 || problem.status === 0);
    if (problem && !isInvalid) return this.onError(problem);
    byId("expression").setAttribute("aria-invalid", String(Boolean(problem)));
    byId("expression-error").replaceChildren(...(problem ? describe(problem, expression) : []));
  }
}

// "blue (B02), green (B03) …": the first bands with one of their other names.
function bandNames(bands) {
  const names = bands.slice(0, MAX_NAMES).map(({ name, aliases: [alias] }) => (alias ? `${name} (${alias})` : name));
  return names.join(", ") + (bands.length > MAX_NAMES ? " …" : "");
}

function describe({ message, valid, parameter, position }, expression) {
  const parts = [];
  if (parameter === "expression" && Number.isInteger(position)) {
    const wrong = expression.slice(position).match(/^(\w+|.)/)?.[0] ?? " ";
    const before = expression.slice(Math.max(0, position - 18), position);
    const after = expression.slice(position + wrong.length).slice(0, 18);
    parts.push(make("code", {}, before, make("mark", {}, wrong), after));
  }
  parts.push(make("p", {}, message.charAt(0).toUpperCase() + message.slice(1) + (/[.?!]$/.test(message) ? "" : ".")));
  if (valid) parts.push(make("p", { className: "hint" }, `Valid: ${valid}.`));
  return parts;
}
