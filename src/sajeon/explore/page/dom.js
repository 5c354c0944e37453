// Elements from values. Text goes in as text only, so a token can be any string, HTML included.

export function h(tag, attributes = {}, ...children) {
  const svg = tag === "svg" || SVG.has(tag);
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "disabled" || name === "checked" || name === "selected") {
      element[name] = value;
    } else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = new Set(["g", "line", "path", "circle", "text", "polyline"]);

export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

export const number = (value) => (value === null ? "?" : value.toLocaleString("en-US"));

export const decimal = (value, digits = 3) =>
  value === null || value === undefined ? "?" : value.toFixed(digits).replace("-", "−");

export function share(value) {
  if (value === 0) return "0";
  if (value < 0.0001) {
    const [digits, power] = value.toExponential(1).split("e-");
    return `${digits} × 10⁻${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
  }
  return `${(100 * value).toPrecision(3)} %`;
}

// A list of words with a bar for each. `choose` makes the words buttons.
export function bars(items, { choose = null, most = 1, digits = 3 } = {}) {
  return h("ul", { class: "bars" }, items.map(({ token, value }) =>
    h("li", {},
      choose
        ? h("button", { type: "button", class: "plain word", title: token, onclick: () => choose(token) }, token)
        : h("span", { class: "word", title: token }, token),
      h("span", { class: value < 0 ? "bar neg" : "bar" },
        h("i", { style: `width:${Math.min(100, (100 * Math.abs(value)) / most)}%` })),
      h("span", { class: "number mono" }, decimal(value, digits)))));
}

// A row of a table as a strip of colour: one column a number, white for zero.
export function strip(values, most, label) {
  const canvas = h("canvas", { class: "strip", role: "img", "aria-label": label, width: values.length, height: 1 });
  const context = canvas.getContext("2d");
  const [plus, minus] = ["--plus", "--minus"].map((name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name));
  values.forEach((value, i) => {
    const strength = value === null ? 0 : Math.min(1, Math.abs(value) / most);
    context.fillStyle = `rgba(${value > 0 ? plus : minus}, ${strength})`;
    context.fillRect(i, 0, 1, 1);
  });
  canvas.style.background = "var(--raised)";
  canvas.style.boxShadow = "inset 0 0 0 1px var(--line)";
  return canvas;
}

// The background of a number in a table: the colours of strips.
export const shade = (value) =>
  `background: rgba(var(${value > 0 ? "--plus" : "--minus"}), ${Math.min(0.75, Math.abs(value)).toFixed(2)})`;

export function stripLegend(most) {
  const steps = Array.from({ length: 41 }, (_, i) => ((i - 20) / 20) * most);
  return h("p", { class: "legend" }, decimal(-most, 2), strip(steps, most, "colours from minus to plus"), decimal(most, 2));
}

export const largest = (rows) =>
  Math.max(1e-6, ...rows.map((row) => row.reduce((most, x) => Math.max(most, Math.abs(x ?? 0)), 0)));

export function failure(error) {
  return h("p", { class: "notice wrong", role: "alert" }, error.message,
    error.suggestions?.length ? ` Near: ${error.suggestions.join(", ")}` : "");
}

// An action that waits until the last key is a moment ago.
export function soon(action, wait = 250) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), wait);
  };
}
