// The panel: its tabs, folding it, copying from it.
import { byId, narrow } from "./dom.js";

export function setUpPanel(map, opened) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const choose = (tab) => {
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      byId(each.getAttribute("aria-controls")).hidden = each !== tab;
    }
    byId("controls").scrollTop = 0;
    opened();
  };
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[key];
      const other = tabs[(next + tabs.length) % tabs.length];
      if (next === undefined) return;
      choose(other);
      other.focus();
    });
  });
  byId("title-row").addEventListener("click", ({ target }) => {
    if (!narrow.matches && !byId("fold").contains(target)) return;
    const before = byId("panel").offsetHeight;
    fold(!byId("panel").classList.contains("folded"));
    // What was in the middle of the map stays in the middle of what is seen of it.
    if (narrow.matches) map.panBy([0, Math.round((byId("panel").offsetHeight - before) / 2)], { animate: false });
    opened();
  });
  document.querySelectorAll("[data-copies]").forEach((button) => button.addEventListener("click", () => copy(button)));
  document.querySelectorAll(".copy input").forEach((input) => input.addEventListener("focus", () => input.select()));
  fold(narrow.matches);
}

export function fold(folded) {
  byId("panel").classList.toggle("folded", folded);
  byId("fold").setAttribute("aria-expanded", String(!folded));
}

export const isOpen = (name) => !byId("panel").classList.contains("folded") && !byId(`page-${name}`).hidden;

async function copy(button) {
  const from = byId(button.dataset.copies);
  const text = from.value ?? from.textContent;
  const selection = getSelection();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (from.select)
      from.select(); // pages without TLS may not use the clipboard otherwise
    else selection.selectAllChildren(from);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
