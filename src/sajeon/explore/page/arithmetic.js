// king - man + woman: the answer, and the parallelogram in the plane of the words.

import { bars, failure, h, replace } from "./dom.js";
import { ask, isSaved } from "./source.js";

export async function arithmeticView(main, { about, parts, go, remember }) {
  const input = h("input", {
    type: "text", "aria-label": "a sum of words", spellcheck: "false", disabled: isSaved,
    value: (!isSaved && parts[0]) || about.example.expression,
  });
  const body = h("div");

  async function show(event) {
    event?.preventDefault();
    if (event) remember(input.value);
    try {
      replace(body, draw(await ask("arithmetic", { expression: input.value }), go));
    } catch (error) {
      replace(body, failure(error));
    }
  }

  replace(main,
    h("section", {},
      h("h2", {}, "Sums of words"),
      h("p", { class: "quiet" }, "A difference between two words can be added to a third. Leave blanks around + and −. Every vector is scaled to length 1 first, and the words of the sum are left out of the answer."),
      h("form", { onsubmit: show }, input, h("button", { class: "main", disabled: isSaved }, "Compute"))),
    body);
  await show();
}

function draw(found, go) {
  return h("div", { class: "columns" },
    h("section", {},
      h("h3", {}, "Nearest to the sum"),
      bars(found.answers.map(({ token, cosine }) => ({ token, value: cosine })), { choose: (token) => go("map", token) })),
    h("section", {},
      h("h3", {}, "In the plane of the words"),
      plane(found),
      h("p", { class: "quiet" }, found.parallelogram
        ? "The three words lie in this plane exactly, and so does their sum, the open circle. Answers lie outside it and are shown by their shadow on it, fainter the farther away they are. Lengths are true to scale."
        : "The plane in which the words of the sum vary most; answers are shown by their shadow on it.")));
}

function plane({ points, parallelogram }) {
  const width = Math.min(520, innerWidth - 32); // so that letters are not shrunk
  const size = { width, height: Math.min(360, width), margin: width / 9 };
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const middle = [xs, ys].map((values) => (Math.min(...values) + Math.max(...values)) / 2);
  const wide = Math.max(1e-6, Math.max(...xs) - Math.min(...xs));
  const tall = Math.max(1e-6, Math.max(...ys) - Math.min(...ys));
  const zoom = Math.min((size.width - 2 * size.margin - 60) / wide, (size.height - 2 * size.margin + 30) / tall);
  const placed = points.map((point) => ({
    ...point,
    px: size.width / 2 + (point.x - middle[0]) * zoom,
    py: size.height / 2 - (point.y - middle[1]) * zoom,
  }));
  const side = (from, to, kind) => h("line", { class: kind, x1: placed[from].px, y1: placed[from].py, x2: placed[to].px, y2: placed[to].py });
  const [a, b, sum, c] = parallelogram ?? [];
  const written = [];
  return h("svg", { class: "chart", viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": placed.map(({ token }) => token).join(", ") },
    parallelogram ? [side(a, b, "side"), side(c, sum, "side"), side(a, c, "side dashed"), side(b, sum, "side dashed")] : [],
    placed.map(({ px, py, kind, distance }) => h("circle", { class: kind, cx: px, cy: py, r: kind === "sum" ? 7 : 5, opacity: kind === "answer" ? Math.max(0.35, 1 - distance / 1.5) : 1 })),
    placed.map((point) => label(point, placed, written)));
}

const PLACES = [[10, 4, "start"], [-10, 4, "end"], [0, -12, "middle"], [0, 22, "middle"], [10, -12, "start"],
  [10, 20, "start"], [-10, -12, "end"], [-10, 20, "end"], [24, 34, "start"], [-24, 34, "end"], [24, -26, "start"]];
const LETTER = 7.5; // about the width of one

// The first place beside its point where a name covers no other name and no point.
function label({ token, px, py, kind }, points, written) {
  const most = kind === "sum" ? 30 : 18;
  const name = [...token].length <= most ? token : kind === "sum" ? "the sum" : `${[...token].slice(0, most - 1).join("")}…`;
  const width = [...name].length * LETTER;
  const boxes = PLACES.map(([dx, dy, anchor]) => {
    const left = px + dx - { start: 0, middle: width / 2, end: width }[anchor];
    return { left, right: left + width, top: py + dy - 12, bottom: py + dy + 4, x: px + dx, y: py + dy, anchor };
  });
  const free = (box) =>
    written.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom)
    && points.every((point) => point.px < box.left - 5 || point.px > box.right + 5 || point.py < box.top - 4 || point.py > box.bottom + 4);
  const box = boxes.find(free) ?? boxes[0];
  written.push(box);
  return h("text", { x: box.x, y: box.y, "text-anchor": box.anchor }, name);
}
