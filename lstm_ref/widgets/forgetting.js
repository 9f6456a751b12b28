// How a gradient fares on its way back through a plain recurrent network with tanh units.

const dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);

/** The largest singular value of a matrix, by power iteration on its product with its transpose. */
export function spectralNorm(matrix) {
  let vector = matrix[0].map((_, k) => 1 + 0.1 * k);
  let size = 0;
  for (let n = 0; n < 200; n++) {
    const image = matrix.map((row) => dot(row, vector));
    const back = vector.map((_, j) => image.reduce((sum, v, i) => sum + v * matrix[i][j], 0));
    const length = Math.sqrt(dot(back, back));
    if (length === 0) return 0;
    size = Math.sqrt(length);
    vector = back.map((v) => v / length);
  }
  return size;
}

/** log10 of the norms of J_T, J_T J_(T-1), ... for h' = tanh(radius U h + input x). */
export function logNorms(U, xs, radius, input) {
  let h = U.map(() => 0);
  const jacobians = xs.map((x) => {
    h = U.map((row, i) => Math.tanh(radius * dot(row, h) + input * x[i]));
    return U.map((row, i) => row.map((u) => (1 - h[i] * h[i]) * radius * u));
  });
  let product = U.map((_, i) => U.map((_, j) => Number(i === j)));
  let log = 0;
  const norms = [0];
  for (const J of jacobians.reverse()) {
    product = product.map((row) => J[0].map((_, j) => row.reduce((s, v, k) => s + v * J[k][j], 0)));
    const norm = spectralNorm(product);
    log += Math.log10(norm);
    product = product.map((row) => row.map((v) => v / norm));
    norms.push(log);
  }
  return norms;
}

/** A power of ten as readers write it. */
export function amount(log) {
  if (log > -2 && log < 3) return (10 ** log).toPrecision(2).replace(/^(\d)\.(\d)e\+(\d)$/,
    (_, a, b, c) => String(Number(`${a}.${b}e${c}`)));
  const digits = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
  let power = Math.floor(log);
  let lead = (10 ** (log - power)).toFixed(1);
  if (lead === "10.0") [lead, power] = ["1.0", power + 1];
  const raised = [...String(Math.abs(power))].map((d) => digits[d]).join("");
  return `${lead} \u00d7 10${power < 0 ? "\u207b" : ""}${raised}`;
}

const PLOT = { left: 46, right: 346, top: 16, bottom: 216, high: 6, low: -14 };

function render({ model, el }) {
  const { U, xs, ...start } = model.get("source");
  const color = model.get("colors");
  const steps = xs.length;
  const control = (label, name, min, max, step, value) =>
    slider({ label: [label], name, min, max, step, value, onInput: update });
  const radius = control("spectral radius", "spectral radius of the recurrent weights",
    0.5, 1.5, 0.05, start.radius);
  const input = control("input strength", "strength of the inputs", 0, 2, 0.1, start.input);
  const back = control("steps back", "steps back", 1, steps, 1, steps);
  const controls = [radius.row, input.row, back.row, button("Start again", () => {
    radius.value = start.radius;
    input.value = start.input;
    back.value = steps;
    update();
  })];
  back.label = () => {};

  const drawing = svg("svg", { viewBox: "0 0 360 262", role: "img", "font-size": 13 });
  const words = html("p");
  frame(el, "A gradient on its way back through a plain recurrent network", controls, drawing, words);

  const across = (k) => PLOT.left + ((PLOT.right - PLOT.left) * k) / steps;
  const up = (log) => {
    const inside = Math.max(PLOT.low, Math.min(PLOT.high, log));
    return PLOT.top + ((PLOT.bottom - PLOT.top) * (PLOT.high - inside)) / (PLOT.high - PLOT.low);
  };
  const text = (x, y, anchor, words) =>
    svg("text", { x, y, "text-anchor": anchor, fill: "currentColor" }, words);
  const names = { 6: "10\u2076", 0: "1", "-6": "10\u207b\u2076", "-12": "10\u207b\u00b9\u00b2" };
  for (const [log, name] of Object.entries(names)) {
    drawing.append(
      svg("path", {
        d: `M${PLOT.left} ${up(log)}H${PLOT.right}`, stroke: color.muted,
        "stroke-width": log === "0" ? 1.5 : 0.5,
      }),
      text(PLOT.left - 5, up(log) + 5, "end", name),
    );
  }
  for (let k = 0; k <= steps; k += Math.ceil(steps / 5)) {
    drawing.append(text(across(k), PLOT.bottom + 17, "middle", String(k)));
  }
  drawing.append(text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 38, "middle", "steps back"));
  const line = svg("path", { fill: "none", stroke: color.f, "stroke-width": 2.5 });
  const mark = svg("circle", { r: 6, fill: color.i, stroke: "currentColor" });
  drawing.append(line, mark);

  function update() {
    const norms = logNorms(U, xs, radius.value, input.value);
    const k = back.value;
    const count = back.row.querySelector("output");
    count.textContent = String(k);
    back.row.querySelector("input").setAttribute("aria-valuetext", `${k} steps`);
    line.setAttribute("d",
      norms.map((log, n) => `${n ? "L" : "M"}${across(n)} ${up(log)}`).join(""));
    mark.setAttribute("cx", across(k));
    mark.setAttribute("cy", up(norms[k]));
    const fate = norms[k] < -3 ? "It has vanished." : norms[k] > 3 ? "It has exploded." :
      "It is still of use.";
    const sentence = `Spectral radius ${show(radius.value)}, input strength ` +
      `${show(input.value, 1)}: a gradient of length 1 is at most ${amount(norms[k])} long after ` +
      `${k} step${k === 1 ? "" : "s"} back. ${fate}`;
    words.textContent = sentence;
    drawing.setAttribute("aria-label", sentence);
  }
  update();
}

export default { render };
