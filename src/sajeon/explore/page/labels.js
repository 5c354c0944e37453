// Which words are written on the map: the most frequent first, none over another.

const MOST = 160;
const HEIGHT = 16;
const LOOKED_AT = 30000; // words; those after them are rare enough to wait until one zooms in
const NARROW = 4; // pixels of a letter, at least: what does not fit so need not be measured

export class Labels {
  constructor(tokens, font) {
    this.tokens = tokens;
    this.font = font;
    this.widths = new Map();
  }

  width(context, i) {
    if (!this.widths.has(i)) this.widths.set(i, context.measureText(this.shown(i)).width);
    return this.widths.get(i);
  }

  shown(i) {
    const characters = [...this.tokens[i]];
    return characters.length > 24 ? `${characters.slice(0, 23).join("")}…` : this.tokens[i];
  }

  // Words to write, each with its place: `first`, then by frequency.
  place(context, places, toScreen, { width, height }, first = []) {
    context.font = this.font;
    const rows = new Map();
    const written = [];
    const free = (left, right, y) => {
      const band = Math.floor(y / HEIGHT);
      return [band - 1, band, band + 1].every((n) =>
        (rows.get(n) ?? []).every((other) => Math.abs(other.y - y) >= HEIGHT || right < other.left || left > other.right));
    };
    const write = (i) => { // 1 where the word is in sight
      const [x, y] = toScreen(places[2 * i], places[2 * i + 1]);
      if (x < -20 || y < 0 || x > width + 20 || y > height) return 0;
      const left = x + 5;
      if (!free(left, left + NARROW * this.tokens[i].length, y)) return 1;
      const right = left + this.width(context, i) + 4;
      if (right > width || !free(left, right, y)) return 1;
      const band = Math.floor(y / HEIGHT);
      if (!rows.has(band)) rows.set(band, []);
      rows.get(band).push({ left, right, y });
      written.push({ i, x: left, y });
      return 1;
    };
    const special = new Set(first);
    for (const i of special) write(i);
    let seen = 0;
    for (let i = 0; i < this.tokens.length && written.length < MOST && seen < LOOKED_AT; i += 1) {
      if (!special.has(i)) seen += write(i);
    }
    return written;
  }
}
