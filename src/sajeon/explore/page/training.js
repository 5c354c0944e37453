// One step of training in slow motion. All numbers come from the package's own training code.

import { decimal, failure, h, largest, number, replace, shade, share, soon, strip } from "./dom.js";
import { ask, isSaved } from "./source.js";

const MOST_STEPS = 200; // of the server; a saved page has fewer

export async function trainingView(main, { about, parts, remember }) {
  if (about.training) {
    replace(main, h("section", {}, h("h2", {}, "One training step"), h("p", {}, about.training)));
    return;
  }
  const state = { text: (!isSaved && parts[0]) || about.example.sentence, word: 1, draw: 0, steps: 0, lr: 0 };
  const input = h("input", { type: "text", value: state.text, disabled: isSaved, "aria-label": "a sentence" });
  const body = h("div", { class: "steps" });
  let turn = 0;

  const most = isSaved ? about.steps : MOST_STEPS;

  async function show(changes = {}) {
    Object.assign(state, changes);
    const mine = (turn += 1);
    try {
      const { lr, ...asked } = state;
      const found = await ask("training", lr ? { ...asked, lr } : asked);
      if (mine === turn) replace(body, draw(found, state, show, most));
    } catch (error) {
      if (mine === turn) replace(body, failure(error));
    }
  }

  input.addEventListener("input", soon(() => {
    remember(input.value);
    show({ text: input.value, steps: 0 });
  }));
  replace(main,
    h("section", {},
      h("h2", {}, "One training step, in slow motion"),
      h("p", { class: "quiet" }, "Computed on copies of this model's two tables, by the code that trains: the model stays as it is. Choose a word of the sentence."),
      h("form", { onsubmit: (event) => event.preventDefault() }, input)),
    body);
  await show();
}

function draw(found, state, show, most) {
  const section = (title, told, ...content) =>
    h("section", { class: "step" }, h("h3", {}, title), told ? h("p", { class: "quiet" }, told) : null, ...content);
  const cbow = found.model === "cbow";
  const contexts = new Set(found.contexts);
  return [
    section("1 · The window",
      `The centre and the words around it, at most ${found.window} on each side; each centre draws its own reach. ${cbow
        ? "The mean of the context rows has to find the centre." : "Each context row has to find the centre."}`,
      h("div", { class: "tokens" }, found.tokens.map((token, i) => h("button", {
        type: "button", disabled: isSaved, "aria-pressed": i === found.place,
        class: `token ${i === found.place ? "centre" : contexts.has(token) ? "context" : ""}`,
        onclick: () => show({ word: i, steps: 0 }),
      }, token, h("small", {}, i === found.place ? "centre" : contexts.has(token) ? "context" : "–")))),
      found.dropped.length ? h("p", { class: "quiet" }, `Unknown to the model, so left out: ${found.dropped.join(", ")}.`) : null),
    section("2 · Noise words",
      `The right word and ${found.targets.length - 1} drawn ones, by P′ = P^${found.power} / Σ P^${found.power}: rare words come up more often than they occur.`,
      noise(found),
      h("div", { class: "row" }, h("button", { type: "button", disabled: isSaved, onclick: () => show({ draw: state.draw + 1, steps: 0 }) }, "Draw again"))),
    section("3 · Scores, and how wrong they are",
      "score = input row · output row; y = σ(score) is the answer to “is this the right word?”; t is 1 for the right word and 0 for noise; y − t is what the rows are moved by.",
      scores(found, cbow)),
    section("4 · Step", null, controls(found, state, show, most), losses(found.losses)),
    section("5 · Which rows move",
      `Of 2 × ${number(found.vocabulary)} rows only those that were asked about: the contexts in the input table, the targets in the output table.`,
      moved(found)),
  ];
}

function noise(found) {
  return h("div", { class: "scroll" }, h("table", {},
    h("tr", {}, ["word", "", "P", "P′", "P′ / P"].map((name, i) => h("th", { class: i > 1 ? "number" : "" }, name))),
    found.targets.map((target) => h("tr", {},
      h("td", {}, target.token),
      h("td", {}, target.right ? h("span", { class: "yes" }, "right, t = 1") : target.live ? "drawn, t = 0" : "the centre itself, does not count"),
      h("td", { class: "number mono" }, share(target.share)),
      h("td", { class: "number mono" }, share(target.noise)),
      h("td", { class: "number mono" }, target.share ? `× ${decimal(target.noise / target.share, 2)}` : "")))));
}

function scores(found, cbow) {
  const rows = cbow ? [`mean of ${found.contexts.length} contexts`] : found.contexts;
  return h("div", { class: "scroll" }, h("table", {},
    h("tr", {}, h("th", {}, "input"), h("th", {}, ""), found.targets.map((target) => h("th", { class: "number" }, target.token, target.right ? " ✓" : ""))),
    rows.flatMap((name, r) => [["score", found.scores], ["y", found.sigmoids], ["y − t", found.errors]].map(([what, values], n) =>
      h("tr", {}, h("td", {}, n === 0 ? name : ""), h("td", { class: "quiet" }, what),
        values[r].map((value, c) => h("td", { class: n === 2 ? "number mono shade" : "number mono", style: n === 2 ? shade(value) : null },
          found.targets[c].live ? decimal(value) : "–")))))));
}

function controls(found, state, show, most) {
  const rates = [...new Set([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, found.lr])].sort((a, b) => a - b);
  const step = (more) => () => show({ steps: Math.min(most, state.steps + more) });
  const off = state.steps >= most;
  return h("div", { class: "row" },
    h("button", { type: "button", class: "main", disabled: off, onclick: step(1) }, "Step"),
    h("button", { type: "button", disabled: off, onclick: step(10) }, "10 steps"),
    h("button", { type: "button", disabled: state.steps === 0, onclick: () => show({ steps: 0 }) }, "Back to the model"),
    h("label", {}, "learning rate", h("select", { disabled: isSaved, onchange: (event) => show({ lr: Number(event.target.value) }) },
      rates.map((rate) => h("option", { value: rate, selected: rate === found.lr }, String(rate))))),
    h("span", { role: "status" }, `after ${found.steps} steps: loss ${decimal(found.losses.at(-1), 4)}`));
}

function losses(values) {
  if (values.length < 2) return null;
  const [width, height] = [420, 120];
  const most = Math.max(...values);
  const points = values.map((value, i) => `${40 + (i / (values.length - 1)) * (width - 60)},${10 + (1 - value / most) * (height - 30)}`);
  return h("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `loss from ${decimal(values[0], 3)} to ${decimal(values.at(-1), 3)}` },
    h("path", { class: "axis", d: `M40 10V${height - 20}H${width - 20}` }),
    h("polyline", { class: "curve", points: points.join(" ") }),
    h("text", { x: 34, y: 18, "text-anchor": "end" }, decimal(most, 2)),
    h("text", { x: 34, y: height - 18, "text-anchor": "end" }, "0"),
    h("text", { x: width - 20, y: height - 4, "text-anchor": "end" }, `${values.length - 1} steps`));
}

function moved(found) {
  const { rows, watched, still } = found.moved;
  const most = largest(rows.map(({ row }) => row));
  const longest = Math.max(1e-9, ...rows.map(({ total }) => total));
  const table = (name) => h("section", {}, h("h3", {}, name === "input" ? "Input table (the vectors you keep)" : "Output table"),
    h("div", { class: "scroll" }, h("table", {},
      h("tr", {}, h("th", {}, "row"), h("th", {}, ""), h("th", { class: "number" }, "last step"), h("th", { class: "number" }, "in all"), h("th", {}, "")),
      rows.filter((row) => row.table === name).map((row) => h("tr", {},
        h("td", {}, row.token),
        h("td", { style: "width:9rem;min-width:5rem" }, strip(row.row, most, `row of ${row.token}`)),
        h("td", { class: "number mono" }, row.asked ? decimal(row.last, 4) : "0"),
        h("td", { class: "number mono" }, row.asked ? decimal(row.total, 4) : "0"),
        h("td", { class: "quiet" }, row.asked ? h("span", { class: "bars" }, h("span", { class: "bar", style: "width:5rem" }, h("i", { style: `width:${(100 * row.total) / longest}%` }))) : "not asked about: stays"))))));
  return h("div", {},
    h("div", { class: "columns" }, table("input"), table("output")),
    h("p", { class: still === watched ? "yes" : "no" }, `${still === watched ? "✓" : "✗"} ${number(still)} of ${number(watched)} other rows that were copied too are the same to the last bit.`));
}
