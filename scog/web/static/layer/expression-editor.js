// Writing a formula: checked by the server as it is typed, and shown on the map once it is right.
import { byId, debounced, make } from "../shell/dom.js";
import { PICTURE } from "./image-request.js";
import { legendOf } from "./legend-cache.js";

const PAUSE = 350; // milliseconds without a key

export class Formula {
  constructor(store, failed) {
    this.store = store;
    this.failed = failed;
    this.box = byId("expression");
    const later = debounced(PAUSE, () => this._try());
    this.box.addEventListener("input", later);
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      this._try();
    });
  }

  // What somebody is writing is left alone, unless another formula has come from elsewhere.
  show({ kind, name }) {
    if (kind !== "expression" || name === this.shown) return;
    this.shown = name;
    if (this.box.value.trim() !== name) this.box.value = name;
  }

  async _try() {
    const name = this.box.value.trim();
    if (!name || (name === this.store.picture.name && !this.box.matches("[aria-invalid=true]"))) return;
    const problem = await legendOf({ ...PICTURE, kind: "expression", name }).then(
      () => null,
      (error) => error,
    );
    if (this.box.value.trim() !== name || this.store.picture.kind !== "expression") return;
    this.explain(problem, name);
    if (problem) return;
    this.shown = name;
    this.store.changePicture({ name });
  }

  // What is wrong, with a mark at the place; null when nothing is.
  explain(problem, expression) {
    const isOurs = problem && (problem.status === 400 || problem.status === 0);
    if (problem && !isOurs) return this.failed(problem);
    byId("expression").setAttribute("aria-invalid", String(Boolean(problem)));
    byId("formula-problem").replaceChildren(...(problem ? explained(problem, expression) : []));
  }
}

function explained({ message, valid, parameter, position }, expression) {
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
