// Where answers come from: the server, or, in a saved page, what was asked ahead of time.

const element = document.getElementById("saved");
const saved = element ? JSON.parse(element.textContent) : null;

export const isSaved = saved !== null;

export class Refused extends Error {
  constructor(message, suggestions = []) {
    super(message);
    this.suggestions = suggestions;
  }
}

const NOT_SAVED = "This page is saved, without the program that would compute this. It shows what was computed before.";

const question = (name, parameters) => [name, ...Object.entries(parameters).flat()].join("\n");

// Whether there is an answer: in a saved page not to all questions.
export const has = (name, parameters) => !saved || question(name, parameters) in saved.arrays;

function address(name, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return query ? `${name}?${query}` : name;
}

async function fetched(name, parameters, method) {
  let response;
  try {
    response = await fetch(`api/${address(name, parameters)}`, { method });
  } catch {
    throw new Refused("The program behind this page does not answer: was it ended?");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Refused(told.error ?? `HTTP ${response.status}`, told.suggestions);
}

export async function ask(name, parameters = {}) {
  if (!saved) return (await fetched(name, parameters, "GET")).json();
  const answer = saved.answers[question(name, parameters)] ?? rebuilt(name, parameters);
  if (answer === undefined) throw new Refused(NOT_SAVED);
  if (answer.error) throw new Refused(answer.error, answer.suggestions);
  return answer;
}

export async function order(name) {
  return (await fetched(name, {}, "POST")).json();
}

export async function bytes(name, parameters = {}) {
  if (!saved) return (await fetched(name, parameters, "GET")).arrayBuffer();
  const text = saved.arrays[question(name, parameters)];
  if (text === undefined) throw new Refused(NOT_SAVED);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

// Neighbours of the most frequent words are saved as numbers alone.
function rebuilt(name, { token, model = 0 }) {
  if (name !== "nearest") return undefined;
  const { tokens, counts } = saved.answers.points;
  const { k, ids, cosines } = saved.neighbours[model] ?? {};
  const row = model === 0 ? tokens.indexOf(token) : saved.neighbours[model]?.tokens.indexOf(token);
  if (ids === undefined || row < 0 || row >= ids.length / k) return undefined;
  const names = model === 0 ? tokens : saved.neighbours[model].tokens;
  const nearest = [];
  for (let i = row * k; i < (row + 1) * k; i += 1) {
    if (ids[i] >= 0) nearest.push({ token: names[ids[i]], cosine: cosines[i] / 1000, id: ids[i] });
  }
  return { token, id: row, count: model === 0 ? counts?.[row] ?? null : null, nearest };
}
