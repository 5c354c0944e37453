// The map itself: all words as points, the frequent ones written, one chosen with its neighbours.

import { h } from "./dom.js";
import { coloursOf } from "./palette.js";
import { Labels } from "./labels.js";
import { Points } from "./points.js";

const NEAR = 14; // pixels within which a click means a point
const FONT = "13px system-ui, 'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans KR', 'Noto Sans CJK KR', NanumGothic, sans-serif";
const SLOW = 30; // milliseconds of a frame from which on a moving map leaves rare words out
const MOVING = 30000; // words of a moving map then
const REST = 150; // milliseconds after which a map no longer moves

export class WordMap {
  constructor(tokens, counts, places) {
    this.tokens = tokens;
    this.counts = counts;
    this.places = places;
    this.groups = null;
    this.by = "frequency";
    this.chosen = null;
    this.hovered = -1;
    this.lassoing = false;
    this.path = [];
    this.pointers = new Map();
    this.view = { x: 0, y: 0, zoom: 1 };
    this.onchoose = () => {};
    this.onlasso = () => {};
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.top = h("canvas", { class: "top", tabindex: "0", role: "application", "aria-label": "Map of words. Arrows move, plus and minus zoom, 0 shows all." });
    this.stage = h("div", { class: "stage" }, this.canvas, this.top);
    this.points = new Points(this.canvas);
    this.labels = new Labels(tokens, FONT);
    this.context = this.top.getContext("2d", { willReadFrequently: true });
  }

  start() {
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.stage);
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.retint = () => this.colour(this.by);
    this.theme.addEventListener("change", this.retint);
    for (const [name, listener] of Object.entries({
      pointerdown: this.press, pointermove: this.drag, pointerup: this.release, pointercancel: this.release,
      pointerleave: () => { this.hovered = -1; this.redraw(); }, keydown: this.key,
    })) this.top.addEventListener(name, listener.bind(this));
    this.top.addEventListener("wheel", this.wheel.bind(this), { passive: false });
    this.colour(this.by);
    this.resize();
    this.fit();
  }

  stop() {
    this.observer.disconnect();
    this.theme.removeEventListener("change", this.retint);
  }

  resize() {
    const { width, height } = this.stage.getBoundingClientRect();
    this.ratio = Math.min(2, devicePixelRatio || 1);
    this.size = { width, height };
    for (const canvas of [this.canvas, this.top]) {
      canvas.width = Math.max(1, Math.round(width * this.ratio));
      canvas.height = Math.max(1, Math.round(height * this.ratio));
    }
    if (this.fitted) this.fit();
    this.draw();
  }

  colour(by) {
    this.by = by;
    this.points.set(this.places, coloursOf(by, this.tokens.length, this));
    this.redraw();
  }

  move(places, refit = true) {
    this.places = places;
    this.points.set(places, this.points.colours);
    if (refit) this.fit();
    this.redraw();
  }

  // Show all but the outermost thousandth on each side, which would shrink the rest.
  fit() {
    const n = this.tokens.length;
    const step = Math.max(1, Math.floor(n / 5000));
    const bounds = [0, 1].map((axis) => {
      const values = [];
      for (let i = 0; i < n; i += step) values.push(this.places[2 * i + axis]);
      values.sort((a, b) => a - b);
      const cut = Math.floor(values.length * 0.001);
      return [values[cut], values[values.length - 1 - cut]];
    });
    const [wide, tall] = bounds.map(([low, high]) => Math.max(high - low, 1e-6));
    const { width, height } = this.size;
    this.view = {
      x: (bounds[0][0] + bounds[0][1]) / 2,
      y: (bounds[1][0] + bounds[1][1]) / 2,
      zoom: Math.max(1e-9, Math.min((width - 80) / wide, (height - 60) / tall)),
    };
    this.least = this.view.zoom;
    this.fitted = true;
    this.moved();
  }

  toScreen = (x, y) => [
    (x - this.view.x) * this.view.zoom + this.size.width / 2,
    this.size.height / 2 - (y - this.view.y) * this.view.zoom];

  at(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  pointAt(px, py) {
    const { places, view, size } = this;
    const x = (px - size.width / 2) / view.zoom + view.x;
    const y = (size.height / 2 - py) / view.zoom + view.y;
    let best = (NEAR / view.zoom) ** 2;
    let found = -1;
    for (let i = 0; i < this.tokens.length; i += 1) {
      const away = (places[2 * i] - x) ** 2 + (places[2 * i + 1] - y) ** 2;
      if (away < best) {
        best = away;
        found = i;
      }
    }
    return found;
  }

  select(found) {
    this.chosen = found && found.id >= 0 && found.id < this.tokens.length ? found : null;
    if (this.chosen) {
      const ids = [found.id, ...found.nearest.map(({ id }) => id)].filter((id) => id >= 0 && id < this.tokens.length);
      const seen = ids.filter((id) => {
        const [x, y] = this.toScreen(this.places[2 * id], this.places[2 * id + 1]);
        return x > 0 && y > 0 && x < this.size.width && y < this.size.height;
      });
      if (!seen.includes(found.id)) {
        this.view.x = this.places[2 * found.id];
        this.view.y = this.places[2 * found.id + 1];
      }
    }
    this.redraw();
  }

  zoomAt(px, py, factor) {
    const { view, size, least } = this;
    const zoom = Math.max(least / 3, Math.min(least * 4000, view.zoom * factor));
    const dx = px - size.width / 2;
    const dy = size.height / 2 - py;
    view.x += dx / view.zoom - dx / zoom;
    view.y += dy / view.zoom - dy / zoom;
    view.zoom = zoom;
    this.fitted = false;
    this.moved();
  }

  pan(dx, dy) {
    this.view.x -= dx / this.view.zoom;
    this.view.y += dy / this.view.zoom;
    this.fitted = false;
    this.moved();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    this.zoomAt(...this.at(event), Math.exp(-event.deltaY * lines * 0.0015));
  }

  key(event) {
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const middle = [this.size.width / 2, this.size.height / 2];
    if (moves[event.key]) this.pan(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomAt(...middle, 1.4);
    else if (event.key === "-" || event.key === "−") this.zoomAt(...middle, 1 / 1.4);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter") {
      const found = this.pointAt(...middle);
      if (found >= 0) this.onchoose(found);
    } else return;
    event.preventDefault();
  }

  press(event) {
    this.top.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    this.dragged = 0;
    this.path = this.lassoing ? [this.at(event)] : [];
  }

  drag(event) {
    const now = this.at(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      const found = this.pointAt(...now);
      if (found !== this.hovered) {
        this.hovered = found;
        this.redraw();
      }
      return;
    }
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    this.dragged += Math.abs(dx) + Math.abs(dy);
    if (this.pointers.size === 2) this.pinch(event.pointerId, now);
    else if (this.lassoing) {
      this.path.push(now);
      this.redraw();
    } else if (this.dragged > 3) this.pan(dx, dy);
    this.pointers.set(event.pointerId, now);
  }

  pinch(moved, now) {
    const [other] = [...this.pointers].filter(([id]) => id !== moved).map(([, place]) => place);
    const before = this.pointers.get(moved);
    const apart = (a, b) => Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1]));
    this.zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, apart(now, other) / apart(before, other));
  }

  release(event) {
    const known = this.pointers.delete(event.pointerId);
    if (!known || event.type === "pointercancel") return;
    if (this.lassoing && this.path.length > 2) {
      this.onlasso(this.inside(this.path));
    } else if (this.dragged <= 3) {
      const found = this.pointAt(...this.at(event));
      if (found >= 0) this.onchoose(found);
    }
  }

  inside(path) {
    const found = [];
    const xs = path.map(([x]) => x);
    const ys = path.map(([, y]) => y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    for (let i = 0; i < this.tokens.length; i += 1) {
      const [x, y] = this.toScreen(this.places[2 * i], this.places[2 * i + 1]);
      if (x >= left && x <= right && y >= low && y <= high && crossesOddly(path, x, y)) found.push(i);
    }
    return found;
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  moved() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.resting = null;
      this.redraw();
    }, REST);
    this.redraw();
  }

  draw() {
    if (!this.size) return;
    const begun = performance.now();
    const most = this.resting && this.slow ? MOVING : Infinity;
    const growth = Math.log2(Math.max(1, this.view.zoom / (this.least ?? this.view.zoom)));
    const crowd = this.tokens.length > 20000 ? 2.5 : this.tokens.length > 2000 ? 4 : 7;
    this.points.draw(this.view, Math.min(10, crowd + growth), this.ratio, this.chosen ? 0.4 : 1, ground(), most);
    if (!this.resting) this.slow = performance.now() - begun > SLOW;
    this.drawTop();
  }

  drawTop() {
    const { context, chosen, places, tokens } = this;
    const style = getComputedStyle(document.documentElement);
    const [ink, accent, halo] = ["--ink", "--accent", "--halo"].map((name) => style.getPropertyValue(name).trim());
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.size.width, this.size.height);
    const here = (id) => id >= 0 && id < tokens.length;
    const near = chosen ? chosen.nearest.map(({ id }) => id).filter(here) : [];
    const ring = (id, radius) => {
      context.beginPath();
      context.arc(...this.toScreen(places[2 * id], places[2 * id + 1]), radius, 0, 2 * Math.PI);
      context.stroke();
    };
    context.strokeStyle = accent;
    context.lineWidth = 1.5;
    for (const id of near) {
      context.globalAlpha = 0.7;
      context.beginPath();
      context.moveTo(...this.toScreen(places[2 * chosen.id], places[2 * chosen.id + 1]));
      context.lineTo(...this.toScreen(places[2 * id], places[2 * id + 1]));
      context.stroke();
      context.globalAlpha = 1;
      ring(id, 4);
    }
    context.lineWidth = 2.5;
    if (chosen) ring(chosen.id, 7);
    if (here(this.hovered)) ring(this.hovered, 6);
    const first = [this.hovered, chosen?.id ?? -1, ...near].filter(here);
    const special = new Set(first);
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3;
    for (const { i, x, y } of this.labels.place(context, places, this.toScreen, this.size, first)) {
      context.strokeStyle = halo;
      context.strokeText(this.labels.shown(i), x, y);
      context.fillStyle = special.has(i) ? accent : ink;
      context.fillText(this.labels.shown(i), x, y);
    }
    if (this.lassoing && this.path.length > 1) {
      context.strokeStyle = accent;
      context.lineWidth = 2;
      context.beginPath();
      this.path.forEach(([x, y], n) => (n ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.stroke();
      context.globalAlpha = 0.12;
      context.fillStyle = accent;
      context.fill();
      context.globalAlpha = 1;
    }
  }
}

// The colour behind the points, as r, g, b.
function ground() {
  const [, r, g, b] = /^#(..)(..)(..)$/.exec(getComputedStyle(document.documentElement).getPropertyValue("--ground").trim());
  return [r, g, b].map((part) => parseInt(part, 16));
}

// Even-odd rule: a point is inside where a ray from it crosses the path an odd number of times.
function crossesOddly(path, x, y) {
  let odd = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i, i += 1) {
    const [xi, yi] = path[i];
    const [xj, yj] = path[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}
