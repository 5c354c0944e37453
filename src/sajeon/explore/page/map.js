// The view of the map: what stands above it and beside it.

import { bars, failure, h, number, replace } from "./dom.js";
import { css, groupColour, rampColour } from "./palette.js";
import { WordMap } from "./wordmap.js";
import { ask, bytes, has, isSaved, order } from "./source.js";
import { searchBox } from "./search.js";

const POLL = 1000; // milliseconds between looks at a t-SNE that runs

export async function mapView(main, { about, parts, remember }) {
  const [{ tokens, counts }, placed] = await Promise.all([
    ask("points"), bytes("positions", { layout: "pca" })]);
  const map = new WordMap(tokens, counts, new Float32Array(placed));
  const side = h("aside", { class: "side", "aria-label": "Chosen words" });
  const box = searchBox({ tokens, counts, label: "search a word", choose: (token) => choose(token) });
  const tools = toolbar(map, about, box, side);
  replace(main, tools.element, h("div", { class: "mapview" }, map.stage, side));

  async function choose(token) {
    box.set(token);
    remember(token);
    try {
      const found = await ask("nearest", { token });
      map.select(found);
      replace(side, neighbours(found, choose));
    } catch (error) {
      map.select(null);
      replace(side, failure(error));
    }
  }

  map.onchoose = (i) => choose(tokens[i]);
  map.onlasso = (ids) => replace(side, lassoed(map, ids, choose));
  map.start();
  await tools.ready;
  if (parts[0]) await choose(parts[0]);
  else replace(side, hints(about));
  return () => {
    tools.stop();
    map.stop();
  };
}

function hints(about) {
  const { points, tokens } = about.models[0];
  return h("section", {},
    h("h2", {}, "The map"),
    h("p", {}, "Each point is a word. Words that occur in the same company lie near each other."),
    h("p", { class: "quiet" }, "Click a word to see its neighbours. Drag to move, scroll or pinch to zoom; with the keyboard, arrows and + and −, 0 for all. Lasso takes words into a list."),
    points < tokens ? h("p", { class: "quiet" }, `Shown are the ${number(points)} most frequent of ${number(tokens)}.`) : null,
    h("p", { class: "quiet" }, `The two axes of PCA show ${(100 * about.variance).toFixed(0)} % of how the vectors vary: what lies apart is different, what lies together may still be.`));
}

function neighbours({ token, count, nearest }, choose) {
  return h("section", {},
    h("h2", { class: "word" }, token),
    count === null ? null : h("p", { class: "quiet" }, `occurs ${number(count)} times`),
    h("h3", {}, "Nearest by cosine"),
    bars(nearest.map((one) => ({ token: one.token, value: one.cosine })), { choose }));
}

function lassoed(map, ids, choose) {
  const save = () => {
    const clean = (text) => text.replace(/[\t\n\r]/g, " ");
    const lines = ids.map((i) => [clean(map.tokens[i]), map.counts?.[i] ?? "", map.places[2 * i], map.places[2 * i + 1], map.groups?.[i] ?? ""].join("\t"));
    const text = `token\tcount\tx\ty\tcluster\n${lines.join("\n")}\n`;
    const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" })), download: "words.tsv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  return h("section", {},
    h("h2", {}, `${number(ids.length)} words`),
    h("div", { class: "row" }, h("button", { type: "button", onclick: save, disabled: ids.length === 0 }, "Save as TSV")),
    h("ul", { class: "picked-list" }, ids.slice(0, 500).map((i) =>
      h("li", {}, h("button", { type: "button", class: "plain word", onclick: () => choose(map.tokens[i]) }, map.tokens[i])))),
    ids.length > 500 ? h("p", { class: "quiet" }, "The file has all of them.") : null);
}

// --- what stands above the map ---

function toolbar(map, about, box, side) {
  const progress = h("span", { class: "row", role: "status" });
  const swatches = h("span", { class: "swatches" });
  let timer = 0;
  let version = -1;
  let left = false;

  const layout = h("select", { "aria-label": "layout", onchange: () => setLayout(layout.value) },
    h("option", { value: "pca" }, "PCA"), h("option", { value: "tsne", disabled: !has("positions", { layout: "tsne" }) }, "t-SNE"));
  const colour = h("select", { "aria-label": "colour", onchange: () => setColour(colour.value) },
    h("option", { value: "frequency" }, "frequency"), h("option", { value: "cluster" }, "cluster"));
  const lasso = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    map.lassoing = !map.lassoing;
    lasso.setAttribute("aria-pressed", map.lassoing);
    lasso.classList.toggle("main", map.lassoing);
    map.top.classList.toggle("lasso", map.lassoing);
  } }, "Lasso");
  const fit = h("button", { type: "button", onclick: () => map.fit() }, "All");

  async function setColour(by) {
    if (by === "cluster" && !map.groups) {
      map.groups = new Uint8Array(await bytes("clusters"));
    }
    map.colour(by);
    replace(swatches, by === "cluster" ? groupsOf(map) : rampOf(map));
  }

  async function setLayout(name) {
    clearTimeout(timer);
    replace(progress);
    if (name === "pca") {
      map.move(new Float32Array(await bytes("positions", { layout: "pca" })));
      return;
    }
    try {
      if (isSaved) {
        map.move(new Float32Array(await bytes("positions", { layout: "tsne" })));
        return;
      }
      version = -1;
      await follow(await order("tsne/start"));
    } catch (error) {
      layout.value = "pca";
      replace(side, failure(error));
    }
  }

  async function follow(state) {
    if (left || layout.value !== "tsne") return;
    if (state.version !== version && state.version > 0) {
      const first = version === -1;
      version = state.version;
      map.move(new Float32Array(await bytes("positions", { layout: "tsne" })), first || state.state === "running");
    }
    replace(progress, told(state));
    if (state.state === "running") timer = setTimeout(async () => follow(await ask("tsne")), POLL);
  }

  function told(state) {
    if (state.state === "running") {
      return [state.done ? h("progress", { max: state.total, value: state.done }) : h("progress", {}),
        h("span", { class: "quiet" }, state.done ? `${state.done} of ${state.total} rounds` : "looking for neighbours …"),
        h("button", { type: "button", onclick: () => order("tsne/stop") }, "Stop")];
    }
    if (state.state === "done" && !state.note) return [];
    if (state.state === "stopped") {
      return [h("span", { class: "quiet" }, "stopped"), h("button", { type: "button", onclick: () => setLayout("tsne") }, "Again")];
    }
    return [h("span", { class: "quiet" }, state.note ?? state.state)];
  }

  const element = h("div", { class: "toolbar" }, box.element,
    h("label", {}, "layout", layout), h("label", {}, "colour", colour), fit, lasso, progress, swatches);
  return {
    element,
    ready: setColour(colour.value),
    stop: () => {
      left = true;
      clearTimeout(timer);
    },
  };
}

function rampOf(map) {
  const ends = map.counts ? [number(map.counts[map.counts.length - 1]), number(map.counts[0])] : ["rare", "frequent"];
  return [ends[0], ...[0, 0.25, 0.5, 0.75, 1].map((share) => h("i", { style: `background:${css(rampColour(share))}` })), ends[1]];
}

function groupsOf(map) {
  const names = [];
  const skipped = Math.min(50, map.tokens.length / 4); // words that hold sentences together
  for (let i = 0; i < map.tokens.length && i < 3000; i += 1) {
    const group = map.groups[i];
    names[group] ??= [];
    if (names[group].length < 2 && i >= skipped) names[group].push(map.tokens[i]);
  }
  return names.flatMap((words, group) => (words ? [h("span", {}, h("i", { style: `background:${css(groupColour(group))}` }), words.join(", "))] : []));
}
