// A search box that completes words: first those that begin as typed, then those that hold it.

import { h, number, replace } from "./dom.js";

const MOST = 12;
let boxes = 0;

export function completions(tokens, typed) {
  const text = typed.normalize("NFC").toLowerCase();
  if (!text) return [];
  const begins = [];
  const holds = [];
  for (let i = 0; i < tokens.length && begins.length < MOST; i += 1) {
    const token = tokens[i].toLowerCase();
    if (token.startsWith(text)) begins.push(i);
    else if (holds.length < MOST && token.includes(text)) holds.push(i);
  }
  return begins.concat(holds).slice(0, MOST);
}

export function searchBox({ tokens, counts, label, value = "", choose }) {
  const id = `box${(boxes += 1)}`;
  const input = h("input", {
    type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-label": label,
    "aria-autocomplete": "list", placeholder: label, autocomplete: "off", spellcheck: "false", value,
  });
  const list = h("ul", { id, role: "listbox", hidden: true });
  let found = [];
  let at = -1;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    at = -1;
  };
  const take = (token) => {
    input.value = token;
    close();
    choose(token);
  };
  const mark = () => [...list.children].forEach((item, i) => {
    item.setAttribute("aria-selected", i === at);
    if (i === at) {
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    }
  });

  input.addEventListener("input", () => {
    found = completions(tokens, input.value);
    at = -1;
    replace(list, found.map((i, n) =>
      h("li", { id: `${id}-${n}`, role: "option", "aria-selected": "false", onmousedown: (event) => {
        event.preventDefault();
        take(tokens[i]);
      } }, h("span", {}, tokens[i]), counts ? h("span", { class: "quiet" }, number(counts[i])) : null)));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Hangul that is still being typed
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      at = (at + step + found.length) % found.length;
      mark();
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const typed = input.value.trim();
      if (at >= 0) take(tokens[found[at]]);
      else if (typed) take(typed);
    } else if (event.key === "Escape") close();
  });
  input.addEventListener("blur", close);
  return { element: h("div", { class: "combo" }, input, list), choose: take, set: (token) => { input.value = token; } };
}
