// A field that searches a list below it, and the list to choose from: by mouse, or arrow keys and Enter.
import { make } from "./dom.js";

export class Choice {
  // `row` makes the content of an entry's line; `find` gives the entries for a text; `pick` gets the chosen entry.
  constructor(input, list, { find, row, pick, seen = () => {} }) {
    Object.assign(this, { input, list, find, row, pick, options: [], active: -1, chosen: "" });
    this.watch = new IntersectionObserver(
      (changes) =>
        changes.forEach(({ isIntersecting, target }) => {
          if (!isIntersecting) return;
          this.watch.unobserve(target);
          seen(this.options[Number(target.dataset.place)].entry, target);
        }),
      { root: list, rootMargin: "100px" },
    );
    input.addEventListener("input", () => this.refresh());
    input.addEventListener("keydown", (event) => this._key(event));
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", ({ target }) => {
      const line = target.closest("[role=option]");
      if (line) this._pick(Number(line.dataset.place));
    });
  }

  // Say which entry is chosen, by its key.
  choose(key) {
    if (key === this.chosen) return;
    this.chosen = key;
    this.options.forEach(({ entry, line }) => line.setAttribute("aria-selected", String(entry.key === key)));
    if (!this.list.contains(document.activeElement))
      this._reveal(this.options.find(({ entry }) => entry.key === key)?.line);
  }

  // List what the field's text finds.
  refresh() {
    const groups = new Map();
    this.options = this.find(this.input.value.trim()).map((entry, place) => {
      const line = make(
        "div",
        {
          role: "option",
          id: `${this.list.id}-${place}`,
          className: "option",
          "aria-selected": String(entry.key === this.chosen),
        },
        ...this.row(entry),
      );
      line.dataset.place = place;
      const group = entry.group ?? "";
      if (!groups.has(group))
        groups.set(
          group,
          make(
            "div",
            { role: "group", "aria-label": group || "Found" },
            ...(group ? [make("p", { "aria-hidden": "true" }, group)] : []),
          ),
        );
      groups.get(group).append(line);
      return { entry, line };
    });
    this.watch.disconnect();
    this.list.replaceChildren(...groups.values());
    this.list.scrollTop = 0;
    this.options.forEach(({ line }) => this.watch.observe(line));
    if (!this.options.length)
      this.list.append(
        make(
          "p",
          { role: "option", "aria-disabled": "true", "aria-selected": "false", className: "hint" },
          "Nothing found.",
        ),
      );
    this._activate(this.input.value.trim() ? 0 : -1);
    if (!this.input.value.trim()) this._reveal(this.options.find(({ entry }) => entry.key === this.chosen)?.line);
  }

  _pick(place) {
    const option = this.options[place];
    if (!option) return;
    this._activate(place);
    this.pick(option.entry);
  }

  _activate(place) {
    this.options[this.active]?.line.classList.remove("active");
    this.active = place;
    const line = this.options[place]?.line;
    line?.classList.add("active");
    if (line) this.input.setAttribute("aria-activedescendant", line.id);
    else this.input.removeAttribute("aria-activedescendant");
    this._reveal(line);
  }

  // Within the list only: the page must not jump.
  _reveal(line) {
    if (!line) return;
    const top = line.offsetTop; // the list is its offsetParent
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop || top + line.offsetHeight > scrollTop + clientHeight)
      this.list.scrollTop = top - clientHeight / 3;
  }

  _key(event) {
    const last = this.options.length - 1;
    const start = this.active < 0 ? this.options.findIndex(({ entry }) => entry.key === this.chosen) : this.active;
    const next = {
      ArrowDown: Math.min(last, start + 1),
      ArrowUp: Math.max(0, start - 1),
      PageDown: Math.min(last, start + 8),
      PageUp: Math.max(0, start - 8),
    }[event.key];
    if (next !== undefined) this._activate(next);
    else if (event.key === "Enter" && this.active >= 0) this._pick(this.active);
    else if (event.key === "Escape" && this.input.value) {
      this.input.value = "";
      this.refresh();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
