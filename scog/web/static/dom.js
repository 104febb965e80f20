// What the page is made of. Text goes in as text, never as markup: much of it comes from elsewhere.

export const byId = (id) => document.getElementById(id);

export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}
