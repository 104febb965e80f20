// The panel: tabs, folding, and copy buttons.
import { byId, narrowScreen } from "./dom.js";

/** Connects tabs, fold button and copy buttons; `onOpen` is called when a tab or the panel is opened. */
export function setUpPanel(map, onOpen) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const select = (tab) => {
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      byId(each.getAttribute("aria-controls")).hidden = each !== tab;
    }
    byId("controls").scrollTop = 0;
    onOpen();
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[key];
      const other = tabs[(next + tabs.length) % tabs.length];
      if (next === undefined) return;
      select(other);
      other.focus();
    });
  });
  byId("title-row").addEventListener("click", ({ target }) => {
    if (!narrowScreen.matches && !byId("fold").contains(target)) return;
    const before = byId("panel").offsetHeight;
    fold(!byId("panel").classList.contains("folded"));
    // Keeps the centre of the visible part of the map.
    if (narrowScreen.matches) map.panBy([0, Math.round((byId("panel").offsetHeight - before) / 2)], { animate: false });
    onOpen();
  });
  document.querySelectorAll("[data-copies]").forEach((button) => button.addEventListener("click", () => copy(button)));
  document.querySelectorAll(".copy input").forEach((input) => input.addEventListener("focus", () => input.select()));
  fold(narrowScreen.matches);
}

/** Folds or unfolds the panel. */
export function fold(folded) {
  byId("panel").classList.toggle("folded", folded);
  byId("fold").setAttribute("aria-expanded", String(!folded));
}

/** Whether a tab ("layer", "analyse", "export") is visible. */
export const isOpen = (name) => !byId("panel").classList.contains("folded") && !byId(`page-${name}`).hidden;

async function copy(button) {
  const source = byId(button.dataset.copies);
  const text = source.value ?? source.textContent;
  const selection = getSelection();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (source.select)
      source.select(); // without TLS, pages cannot use navigator.clipboard
    else selection.selectAllChildren(source);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
