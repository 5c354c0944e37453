// Many points, drawn into an image by hand: the same pixels everywhere, and no graphics card needed.
//
// 100,000 points in a window of 1280 × 800 pixels, headless Chromium on two cores: 5 ms of script a
// frame. From an event to the next frame, all on the same busy machine: this 85 to 120 ms; WebGL2 in
// software, a draw call of our own, 225; plotly's scattergl 910 to 1,140.

const FEW = 3; // a point stands back by being fainter, never by less than this many 255ths

export class Points {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.image = null;
    this.set(new Float32Array(0), new Uint8Array(0));
  }

  // places: x, y of each point; colours: r, g, b, a of each. The first points end on top.
  set(places, colours) {
    this.places = places;
    this.colours = colours;
    this.count = places.length / 2;
  }

  // view: the centre x, y in the middle of the canvas, and pixels of the page for a unit.
  // cover: below 1 all points stand back, behind what is drawn over them.
  // most: only so many, the first.
  draw({ x, y, zoom }, size, ratio, cover, ground, most = Infinity) {
    const { canvas, places, colours } = this;
    const { width, height } = canvas;
    const pixels = this.cleared(ground);
    const { steps, weights, side } = disc(size * ratio, width);
    const half = (side - 1) / 2;
    const scale = zoom * ratio;
    const left = width / 2 - half - x * scale;
    const top = height / 2 - half + y * scale;
    for (let i = Math.min(this.count, most) - 1; i >= 0; i -= 1) {
      const px = Math.round(left + places[2 * i] * scale);
      const py = Math.round(top - places[2 * i + 1] * scale);
      if (px < 0 || py < 0 || px + side > width || py + side > height) continue;
      const rb = colours[4 * i] | (colours[4 * i + 2] << 16);
      const g = colours[4 * i + 1] << 8;
      const strength = Math.max(FEW, colours[4 * i + 3] * cover);
      const at = py * width + px;
      for (let n = 0; n < steps.length; n += 1) {
        const share = (weights[n] * strength) >> 8; // of 256
        const rest = 256 - share;
        const old = pixels[at + steps[n]];
        pixels[at + steps[n]] = 0xff000000
          | (((Math.imul(old & 0xff00ff, rest) + Math.imul(rb, share)) >>> 8) & 0xff00ff)
          | (((Math.imul(old & 0x00ff00, rest) + Math.imul(g, share)) >>> 8) & 0x00ff00);
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  cleared([r, g, b]) {
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(0xff000000 | (b << 16) | (g << 8) | r);
    return this.pixels;
  }
}

// The pixels of a square that a disc in its middle covers, as steps from its corner in an image of
// that width, and how much of each it covers, 0 to 256.
function disc(size, width) {
  const side = Math.max(1, Math.ceil(size));
  const middle = (side - 1) / 2;
  const steps = [];
  const weights = [];
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const inside = Math.min(1, size / 2 - Math.hypot(x - middle, y - middle) + 0.5);
      if (inside < 0.05) continue;
      steps.push(y * width + x);
      weights.push(Math.round(256 * inside));
    }
  }
  return { steps: Int32Array.from(steps), weights: Int32Array.from(weights), side };
}
