// Many points, drawn by the graphics card: one draw call a frame, whatever moves.

const VERTEX = `#version 300 es
in vec2 place;
in vec4 colour;
uniform vec2 centre;
uniform vec2 scale;
uniform float size;
out vec4 shade;
void main() {
  gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
  gl_PointSize = size;
  shade = colour;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 shade;
uniform float size;
out vec4 result;
void main() {
  float away = length(gl_PointCoord - 0.5) * size;
  float cover = clamp(size * 0.5 - away + 0.5, 0.0, 1.0);
  if (cover == 0.0) discard;
  result = vec4(shade.rgb, shade.a * cover);
}`;

export class Points {
  constructor(canvas) {
    this.canvas = canvas;
    this.count = 0;
    this.places = new Float32Array(0);
    this.colours = new Uint8Array(0);
    this.gl = canvas.getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: false });
    if (this.gl) {
      canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
      canvas.addEventListener("webglcontextrestored", () => {
        this.prepare();
        this.set(this.places, this.colours);
      });
      this.prepare();
    } else this.flat = canvas.getContext("2d");
  }

  prepare() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the map cannot be drawn: ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    this.uniforms = Object.fromEntries(
      ["centre", "scale", "size"].map((name) => [name, gl.getUniformLocation(program, name)]));
    this.buffers = [["place", 2, gl.FLOAT, false], ["colour", 4, gl.UNSIGNED_BYTE, true]].map(
      ([name, width, type, normalised]) => {
        const buffer = gl.createBuffer();
        const at = gl.getAttribLocation(program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.enableVertexAttribArray(at);
        gl.vertexAttribPointer(at, width, type, normalised, 0, 0);
        return buffer;
      });
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  // places: x, y of each point; colours: r, g, b, a of each. The first points end on top.
  set(places, colours) {
    this.places = places;
    this.colours = colours;
    this.count = places.length / 2;
    if (!this.gl) return;
    const { gl } = this;
    const turned = new Float32Array(places.length);
    const shades = new Uint8Array(colours.length);
    for (let i = 0; i < this.count; i += 1) {
      const from = this.count - 1 - i;
      turned[2 * i] = places[2 * from];
      turned[2 * i + 1] = places[2 * from + 1];
      shades.set(colours.subarray(4 * from, 4 * from + 4), 4 * i);
    }
    [turned, shades].forEach((values, n) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[n]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    });
  }

  // view: the centre x, y in the middle of the canvas, and pixels of the page for a unit.
  draw({ x, y, zoom }, size, ratio) {
    const { canvas, gl } = this;
    if (!gl) {
      this.drawFlat({ x, y, zoom }, size, ratio);
      return;
    }
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.uniforms.centre, x, y);
    gl.uniform2f(this.uniforms.scale, (2 * zoom * ratio) / canvas.width, (2 * zoom * ratio) / canvas.height);
    gl.uniform1f(this.uniforms.size, size * ratio);
    gl.drawArrays(gl.POINTS, 0, this.count);
  }

  // Without WebGL: squares, slower but there.
  drawFlat({ x, y, zoom }, size, ratio) {
    const { canvas, flat, places, colours } = this;
    const scale = zoom * ratio;
    const side = size * ratio;
    flat.clearRect(0, 0, canvas.width, canvas.height);
    for (let i = this.count - 1; i >= 0; i -= 1) {
      const px = (places[2 * i] - x) * scale + canvas.width / 2;
      const py = canvas.height / 2 - (places[2 * i + 1] - y) * scale;
      if (px < -side || py < -side || px > canvas.width + side || py > canvas.height + side) continue;
      flat.fillStyle = `rgba(${colours[4 * i]}, ${colours[4 * i + 1]}, ${colours[4 * i + 2]}, ${colours[4 * i + 3] / 255})`;
      flat.fillRect(px - side / 2, py - side / 2, side, side);
    }
  }
}
