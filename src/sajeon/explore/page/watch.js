// A training that runs: how far it is, its loss and its speed. When it is done, the explorer opens.

import { bars, decimal, failure, h, number, replace } from "./dom.js";
import { WordMap } from "./wordmap.js";
import { ask, bytes } from "./source.js";
import { searchBox } from "./search.js";

const POLL = 1000; // milliseconds

export async function watchView(main, { about }) {
  const figures = h("div", { class: "row", role: "status" });
  const curves = h("div", { class: "columns" });
  const forming = h("div");
  const notes = h("div");
  let show = null; // what draws the map, once there are rows
  let version = 0;
  replace(main, h("section", {}, h("h2", {}, `${about.watched} is learning`), figures), curves, forming, notes);

  async function look() {
    let state;
    try {
      state = await ask("watch");
    } catch (error) {
      replace(figures, failure(error));
      return;
    }
    if (state.done) {
      location.hash = "map";
      location.reload();
      return;
    }
    replace(figures, told(state));
    if (state.places.length > 1) {
      replace(curves,
        curve("Loss of a score, in nats", state.places, "loss", (value) => decimal(value, 3)),
        curve("Words a second", state.places, "speed", (value) => number(Math.round(value))));
    }
    if (state.version > version) {
      version = state.version;
      show ??= await formingMap(forming);
      await show();
    }
    replace(notes, state.notes.map((note) => h("p", { class: "quiet" }, note)));
    setTimeout(look, POLL);
  }

  await look();
}

// The frequent words as they find their places, and the neighbours of some.
async function formingMap(parent) {
  const { tokens, counts } = await ask("points");
  const map = new WordMap(tokens, counts, new Float32Array(await bytes("positions")));
  const watched = tokens.filter((token, i) => i >= tokens.length / 50 && [...token].length > 3).slice(0, 3);
  const lists = h("div", { class: "columns" });
  const box = searchBox({ tokens, counts, label: "watch a word", choose: (token) => {
    watched.splice(0, watched.length, ...[token, ...watched.filter((other) => other !== token)].slice(0, 3));
    neighbours();
  } });
  map.onchoose = (i) => box.choose(tokens[i]);
  map.stage.classList.add("small");
  replace(parent, h("section", {}, h("h3", {}, `The ${number(tokens.length)} most frequent words`),
    h("form", { onsubmit: (event) => event.preventDefault() }, box.element), map.stage, lists));
  map.start();

  async function neighbours() {
    const found = await Promise.all(watched.map((token) => ask("nearest", { token, k: 6 })));
    replace(lists, found.map(({ token, nearest }) => h("section", {}, h("h3", { class: "word" }, token),
      bars(nearest.map((one) => ({ token: one.token, value: one.cosine }))))));
  }

  return async () => {
    map.move(new Float32Array(await bytes("positions")), map.fitted);
    await neighbours();
  };
}

function told({ read: [done, total], now, seconds_left: left }) {
  if (!now) {
    return [h("progress", total ? { max: total, value: done } : {}), h("span", {}, `reading, ${number(Math.round(done / 1e6))} MB so far`)];
  }
  return [
    h("progress", { max: 1, value: now.share }),
    h("span", {}, `${Math.floor(100 * now.share)} %`),
    h("span", {}, `loss ${decimal(now.loss, 3)}`),
    h("span", {}, `${number(Math.round(now.speed))} words/s`),
    h("span", {}, `learning rate ${decimal(now.lr, 4)}`),
    h("span", {}, left === null ? "" : `${Math.ceil(left)} s left`),
  ];
}

function curve(title, places, name, written) {
  const known = places.filter((place) => place[name] !== null);
  if (known.length < 2) return h("section", {}, h("h3", {}, title));
  const [width, height, edge] = [Math.min(520, innerWidth - 32), 200, 60];
  const values = known.map((place) => place[name]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const x = (place) => edge + place.share * (width - edge - 10);
  const y = (value) => 12 + (1 - (value - least) / Math.max(1e-12, most - least)) * (height - 36);
  return h("section", {}, h("h3", {}, title),
    h("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${written(values.at(-1))}` },
      h("path", { class: "axis", d: `M${edge} 8V${height - 20}H${width - 10}` }),
      h("polyline", { class: "curve", points: known.map((place) => `${x(place)},${y(place[name])}`).join(" ") }),
      h("text", { x: edge - 6, y: 18, "text-anchor": "end" }, written(most)),
      h("text", { x: edge - 6, y: height - 20, "text-anchor": "end" }, written(least)),
      h("text", { x: edge, y: height - 4 }, "0 %"),
      h("text", { x: width - 10, y: height - 4, "text-anchor": "end" }, "100 %")));
}
