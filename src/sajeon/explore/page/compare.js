// Two models side by side: neighbours of a word in both, and where they differ most.

import { bars, decimal, failure, h, number, replace } from "./dom.js";
import { ask } from "./source.js";
import { searchBox } from "./search.js";

export async function compareView(main, { about, parts, remember }) {
  if (about.models.length < 2) {
    replace(main, h("section", {}, h("h2", {}, "Compare"), h("p", {}, "One model is open. Two are compared by: sajeon explore MODEL MODEL2")));
    return;
  }
  const { tokens, counts } = await ask("points");
  const beside = h("div", { class: "columns" });
  const differing = h("section", { "aria-live": "polite" }, h("p", { class: "quiet" }, "comparing the neighbours of 2,000 words …"));
  const box = searchBox({ tokens, counts, label: "a word in both models", choose: (token) => choose(token) });

  async function choose(token) {
    box.set(token);
    remember(token);
    const answers = await Promise.all(about.models.map((_, model) =>
      ask("nearest", { token, model }).catch((error) => error)));
    const shared = both(answers);
    replace(beside, answers.map((answer, model) => h("section", {},
      h("h3", {}, about.models[model].name),
      answer instanceof Error ? failure(answer) : bars(answer.nearest.map(({ token: other, cosine }) => ({ token: other, value: cosine })), { choose }),
      model === 1 && shared !== null ? h("p", { class: "quiet" }, `${shared} neighbours in common`) : null)));
  }

  replace(main,
    h("section", {}, h("h2", {}, "Two models"), h("form", { onsubmit: (event) => event.preventDefault() }, box.element), beside),
    differing);
  await choose(parts[0] || about.example.token);
  ask("compare").then((found) => replace(differing, draw(found, choose)), (error) => replace(differing, failure(error)));
}

function both(answers) {
  if (answers.some((answer) => answer instanceof Error)) return null;
  const [one, other] = answers.map(({ nearest }) => new Set(nearest.map(({ token }) => token)));
  return [...one].filter((token) => other.has(token)).length;
}

function draw(found, choose) {
  const list = (words) => words.slice(0, 6).join(", ");
  return [
    h("h2", {}, "How alike their neighbourhoods are"),
    h("p", {}, `Of the ${found.k} nearest neighbours of a word, ${(100 * found.overlap).toFixed(0)} % are the same in both, on average, among ${number(found.common)} common words.`),
    found.notices.map((notice) => h("p", { class: "notice" }, notice)),
    bars(found.bands.map(({ name, overlap }) => ({ token: `rank ${name}`, value: overlap })), { digits: 2 }),
    h("h2", {}, "Words whose neighbours differ most"),
    h("div", { class: "scroll" }, h("table", {},
      h("tr", {}, h("th", {}, "word"), h("th", { class: "number" }, "in common"), found.names.map((name) => h("th", {}, name))),
      found.changed.map(({ token, overlap, one, other }) => h("tr", {},
        h("td", {}, h("button", { type: "button", class: "plain", onclick: () => choose(token) }, token)),
        h("td", { class: "number mono" }, decimal(overlap, 2)),
        h("td", { class: "wrap" }, list(one)), h("td", { class: "wrap" }, list(other)))))),
  ];
}
