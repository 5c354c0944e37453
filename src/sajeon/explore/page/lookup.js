// From a text to its vector, step by step.

import { bars, decimal, failure, h, largest, number, replace, soon, strip, stripLegend } from "./dom.js";
import { ask, isSaved } from "./source.js";

export async function lookupView(main, { about, parts, go, remember }) {
  const text = (!isSaved && parts[0]) || about.example.texts;
  const area = h("textarea", { rows: 3, value: text, disabled: isSaved, "aria-label": "texts, one a line" });
  const steps = h("div");
  let pick = 0;
  let turn = 0;

  async function show() {
    const mine = (turn += 1);
    try {
      const found = await ask("lookup", { text: area.value, pick });
      if (mine === turn) replace(steps, draw(found, choose, go));
    } catch (error) {
      if (mine === turn) replace(steps, failure(error));
    }
  }

  function choose(place) {
    pick = place;
    show();
  }

  area.addEventListener("input", soon(() => {
    pick = 0;
    remember(area.value);
    show();
  }));
  replace(main,
    h("section", {},
      h("h2", {}, "From a text to its vector"),
      h("p", { class: "quiet" }, "What goes into a model is neither the word nor its index: it is the row of numbers that the index picks. One text a line."),
      area),
    steps);
  await show();
}

function draw(found, choose, go) {
  const rows = Object.values(found.strips);
  const most = largest(rows.concat(found.texts.map(({ mean }) => mean)));
  const step = (title, told, ...content) =>
    h("section", { class: "step" }, h("h3", {}, title), h("p", { class: "quiet" }, told), ...content);
  const list = h("div", { class: "steps" },
    step("1 · Tokens and ids",
      "The text is cut into tokens; each token has an id, its row in the table. Row 0 is padding, row 1 stands for every unknown token, the model's own tokens follow.",
      found.texts.map((one) => h("div", { class: "tokens" }, one.tokens.length
        ? one.tokens.map((token) => chip(token.token, token.id, token.known ? "" : "unknown"))
        : h("span", { class: "quiet" }, "no tokens"))),
      found.notes.map((note) => h("p", { class: "quiet" }, note))),
    step("2 · A batch of equal length, and its mask",
      "Shorter texts are filled up with padding (id 0). The mask says which places are real. Choose one to see its row looked up.",
      h("div", { class: "scroll" }, h("table", {}, found.batch.map((ids, b) => h("tr", {}, ids.map((id, i) => {
        const place = b * ids.length + i;
        const real = found.mask[b][i];
        const shown = real ? found.texts[b].tokens[i].token : "<pad>";
        const kind = `token ${real ? (id === 1 ? "unknown" : "") : "padding"} ${place === found.product.pick ? "picked" : ""}`;
        return h("td", {}, h("button", { type: "button", class: kind, "aria-pressed": place === found.product.pick, onclick: () => choose(place) },
          shown, h("small", {}, `id ${id} · mask ${real ? 1 : 0}`)));
      })))))),
    found.product.row ? step("3 · Looking up is picking a row", ...product(found, most)) : null,
    step("4 · Rows", "Each token becomes its row: orange above zero, blue below, stronger for larger numbers.",
      stripLegend(most),
      found.texts.map((one) => h("div", { class: "strips" }, one.tokens.flatMap((token) => [
        h("span", { class: token.id === 1 ? "word no" : "word" }, token.token),
        strip(found.strips[token.id], most, `the row of ${token.token}`)])))),
    step("5 · One vector for the text, and its nearest words",
      "The mean of the rows of known tokens; padding and unknown tokens do not count. The words whose vectors lie nearest tell what it is about.",
      found.texts.map((one) => h("div", {},
        h("div", { class: "strips" }, h("strong", {}, "mean"), strip(one.mean, most, "the mean vector")),
        one.nearest.length
          ? bars(one.nearest.map(({ token, cosine }) => ({ token, value: cosine })), { choose: (token) => go("map", token) })
          : h("p", { class: "quiet" }, "no known token: the zero vector, which is near to nothing")))));
  return list;
}

function chip(token, id, kind) {
  return h("span", { class: `token ${kind}` }, token, h("small", {}, kind === "unknown" ? `${id} unknown` : id));
}

function product(found, most) {
  const { id, token, row, product: result, equal, multiplications, around, padding } = found.product;
  const hot = around && h("span", { class: "onehot", role: "img", "aria-label": `zeros, a one at ${id}` },
    around[0] > 0 ? "0 … " : null,
    around.map((i) => (i === id ? h("b", {}, "1") : h("span", {}, "0"))),
    around[around.length - 1] < found.rows - 1 ? " … 0" : null);
  return [
    `For ${padding ? "a place of padding" : `“${token}”`}, id ${id}. A one-hot vector of ${number(found.rows)} numbers times the table W (${number(found.rows)} × ${found.dim}) is row ${id} of W: all other products are by zero.`,
    h("div", { class: "scroll" }, h("table", {},
      h("tr", {}, h("th", {}, "way"), h("th", {}, "result"), h("th", { class: "number" }, "multiplications")),
      h("tr", {}, h("td", { class: "way" }, "one-hot · W", h("br"), hot ?? ""),
        h("td", { style: "min-width:9rem;width:24rem" }, result ? strip(result, most, "the product") : "too large to compute just to show it"),
        h("td", { class: "number mono" }, number(multiplications))),
      h("tr", {}, h("td", { class: "way" }, `W[${id}]`),
        h("td", {}, strip(row, most, "the row")),
        h("td", { class: "number mono" }, "0")))),
    result ? h("p", {}, equal
      ? h("span", { class: "yes" }, `✓ equal: the same ${found.dim} numbers, to the last bit`)
      : h("span", { class: "no" }, "not equal: the table holds infinity or no number")) : null,
    h("p", { class: "mono quiet" }, `[${row.slice(0, 6).map((x) => decimal(x, 4)).join(", ")}${row.length > 6 ? ", …" : ""}]`),
  ];
}
