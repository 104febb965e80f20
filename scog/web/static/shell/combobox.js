// A search field above a list of options, operated by pointer or keyboard (ARIA combobox pattern).
import { make } from "./dom.js";

export class Combobox {
  /**
   * `search(text)` returns entries with a `key` and an optional `group`, `render(entry)` the children of an option.
   * `onPick(entry)` is called with the selected entry, `onVisible(entry, element)` when an option scrolls into view.
   */
  constructor(input, list, { search, render, onPick, onVisible = () => {} }) {
    Object.assign(this, { input, list, search, render, onPick, options: [], active: -1, selected: "" });
    this.observer = new IntersectionObserver(
      (changes) =>
        changes.forEach(({ isIntersecting, target }) => {
          if (!isIntersecting) return;
          this.observer.unobserve(target);
          onVisible(this.options[Number(target.dataset.index)].entry, target);
        }),
      { root: list, rootMargin: "100px" },
    );
    input.addEventListener("input", () => this.refresh());
    input.addEventListener("keydown", (event) => this._key(event));
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus in the field
    list.addEventListener("click", ({ target }) => {
      const option = target.closest("[role=option]");
      if (option) this._pick(Number(option.dataset.index));
    });
  }

  /** Marks the entry with a key as selected. */
  select(key) {
    if (key === this.selected) return;
    this.selected = key;
    this.options.forEach(({ entry, element }) => element.setAttribute("aria-selected", String(entry.key === key)));
    if (!this.list.contains(document.activeElement))
      this._scrollTo(this.options.find(({ entry }) => entry.key === key)?.element);
  }

  /** Lists the entries that match the field's text. */
  refresh() {
    const groups = new Map();
    this.options = this.search(this.input.value.trim()).map((entry, index) => {
      const element = make(
        "div",
        {
          role: "option",
          id: `${this.list.id}-${index}`,
          className: "option",
          "aria-selected": String(entry.key === this.selected),
        },
        ...this.render(entry),
      );
      element.dataset.index = index;
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
      groups.get(group).append(element);
      return { entry, element };
    });
    this.observer.disconnect();
    this.list.replaceChildren(...groups.values());
    this.list.scrollTop = 0;
    this.options.forEach(({ element }) => this.observer.observe(element));
    if (!this.options.length)
      this.list.append(
        make(
          "p",
          { role: "option", "aria-disabled": "true", "aria-selected": "false", className: "hint" },
          "Nothing found.",
        ),
      );
    this._activate(this.input.value.trim() ? 0 : -1);
    if (!this.input.value.trim())
      this._scrollTo(this.options.find(({ entry }) => entry.key === this.selected)?.element);
  }

  _pick(index) {
    const option = this.options[index];
    if (!option) return;
    this._activate(index);
    this.onPick(option.entry);
  }

  _activate(index) {
    this.options[this.active]?.element.classList.remove("active");
    this.active = index;
    const element = this.options[index]?.element;
    element?.classList.add("active");
    if (element) this.input.setAttribute("aria-activedescendant", element.id);
    else this.input.removeAttribute("aria-activedescendant");
    this._scrollTo(element);
  }

  // Scrolls the list only, unlike scrollIntoView.
  _scrollTo(element) {
    if (!element) return;
    const top = element.offsetTop; // the list is its offsetParent
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop || top + element.offsetHeight > scrollTop + clientHeight)
      this.list.scrollTop = top - clientHeight / 3;
  }

  _key(event) {
    const last = this.options.length - 1;
    const start = this.active < 0 ? this.options.findIndex(({ entry }) => entry.key === this.selected) : this.active;
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
