// The frame: tabs, addresses such as #map/king, what went wrong.

import { failure, h, number, replace } from "./dom.js";
import { arithmeticView } from "./arithmetic.js";
import { compareView } from "./compare.js";
import { lookupView } from "./lookup.js";
import { mapView } from "./map.js";
import { trainingView } from "./training.js";
import { ask, isSaved } from "./source.js";
import { watchView } from "./watch.js";

const VIEWS = {
  map: ["Map", mapView],
  lookup: ["Lookup", lookupView],
  training: ["Training", trainingView],
  arithmetic: ["Arithmetic", arithmeticView],
  compare: ["Compare", compareView],
};

const main = document.getElementById("view");
let about = null;
let leave = () => {};
let shown = null;

export function go(view, ...parts) {
  location.hash = [view, ...parts.map(encodeURIComponent)].join("/");
}

// Write the address without showing the view anew: what is shown is what it says.
function remember(view, ...parts) {
  history.replaceState(null, "", `#${[view, ...parts.map(encodeURIComponent)].join("/")}`);
}

function parsed() {
  const [name, ...parts] = location.hash.slice(1).split("/");
  const decoded = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return [VIEWS[name] ? name : "map", decoded];
}

async function show() {
  const [name, parts] = parsed();
  leave();
  leave = () => {};
  for (const tab of document.querySelectorAll("#tabs a")) {
    const selected = tab.dataset.view === name;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
  }
  main.className = name;
  main.setAttribute("aria-label", VIEWS[name][0]);
  document.title = `${VIEWS[name][0]} · ${about.models[0].name} · sajeon`;
  const ticket = (shown = {});
  replace(main);
  try {
    const left = await VIEWS[name][1](main, { about, parts, go, remember: (...p) => remember(name, ...p) });
    if (shown === ticket) leave = left ?? leave;
    else left?.();
  } catch (error) {
    replace(main, failure(error));
  }
}

function tabs() {
  const names = Object.keys(VIEWS).filter((name) => name !== "compare" || about.models.length > 1);
  replace(document.getElementById("tabs"), names.map((name) =>
    h("a", { href: `#${name}`, role: "tab", "data-view": name, "aria-controls": "view", onkeydown: walk }, VIEWS[name][0])));
}

function walk(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...document.querySelectorAll("#tabs a")];
  const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
  next.focus();
  next.click();
  event.preventDefault();
}

function summary({ name, tokens, dim, settings }) {
  return `${name}: ${number(tokens)} tokens, ${dim} numbers each${settings.model ? `, ${settings.model}` : ""}`;
}

function notices() {
  const told = about.models.filter((model) => model.on_disk !== "same").map((model) =>
    `${model.name} is ${model.on_disk === "gone" ? "no longer" : "not what it was"} on the disk; this page shows it as it was opened. Start again to see the new one.`);
  if (isSaved) told.push("A saved page: the map and the neighbours of frequent words are all here; what needs the program shows one example.");
  const notice = document.getElementById("notice");
  notice.textContent = told.join(" ");
  notice.hidden = told.length === 0;
}

async function start() {
  try {
    about = await ask("about");
  } catch (error) {
    replace(main, failure(error));
    return;
  }
  if (about.watched) {
    document.getElementById("model").textContent = about.watched;
    await watchView(main, { about });
    return;
  }
  document.getElementById("model").textContent = about.models.map(summary).join(" · ");
  notices();
  tabs();
  addEventListener("hashchange", show);
  await show();
  if (!isSaved) {
    addEventListener("focus", async () => {
      about = await ask("about").catch(() => about);
      notices();
    });
  }
}

start();
