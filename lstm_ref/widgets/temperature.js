// A distribution over a few choices at any temperature, and draws from it.

/** Probabilities of softmax(logits / temperature); at 0 the first of the largest has them all. */
export function softmaxAt(logits, temperature) {
  const top = Math.max(...logits);
  if (temperature === 0) return logits.map((_, k) => (k === logits.indexOf(top) ? 1 : 0));
  const e = logits.map((z) => Math.exp((z - top) / temperature));
  const total = e.reduce((a, b) => a + b);
  return e.map((value) => value / total);
}

/** Entropy in nats. */
export function entropy(p) {
  return p.reduce((sum, q) => sum - (q > 0 ? q * Math.log(q) : 0), 0);
}

/** Numbers in [0, 1) that are the same at every visit (mulberry32). */
export function uniforms(count, seed) {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  });
}

/** The choice at which the running total of p first exceeds u. */
export function pick(p, u) {
  let total = 0;
  for (let k = 0; k < p.length; k += 1) {
    total += p[k];
    if (u < total) return k;
  }
  return p.lastIndexOf(Math.max(...p)); // rounding left the total a hair below 1
}

const PLOT = { left: 70, right: 300, top: 10, row: 34, bar: 20 };
const BATCH = 20;

function render({ model, el }) {
  const { names, logits, temperature } = model.get("source");
  const color = model.get("colors");
  let drawn = BATCH;
  let seed = 1;
  const knob = slider({
    label: ["temperature"], name: "temperature",
    min: 0, max: 4, step: 0.05, value: temperature, onInput: update,
  });
  const controls = [
    knob.row,
    button(`Draw ${BATCH} more`, () => { drawn = Math.min(drawn + BATCH, 1000); update(); }),
    button("Draw anew", () => { seed += 1; drawn = BATCH; update(); }),
  ];
  const bottom = PLOT.top + names.length * PLOT.row;
  const drawing = svg("svg", { viewBox: `0 0 360 ${bottom + 24}`, role: "img", "font-size": 13 });
  const words = html("p");
  frame(el, "Sampling with a temperature", controls, drawing, words);

  const rows = names.map((name, k) => {
    const y = PLOT.top + k * PLOT.row;
    const bar = svg("rect", { x: PLOT.left, y, width: 0, height: PLOT.bar, fill: color.i });
    const share = svg("rect", {
      x: PLOT.left, y: y + 5, width: 0, height: PLOT.bar - 10,
      fill: "none", stroke: "currentColor", "stroke-width": 1.5,
    });
    const value = svg("text", { x: 356, y: y + 15, "text-anchor": "end", fill: "currentColor" });
    drawing.append(
      svg("text", { x: PLOT.left - 8, y: y + 15, "text-anchor": "end", fill: "currentColor" }, name),
      bar, share, value,
    );
    return { bar, share, value };
  });
  drawing.append(
    svg("path", { d: `M${PLOT.left} ${PLOT.top - 4}V${bottom}`, stroke: color.muted }),
    svg("text", { x: 180, y: bottom + 16, "text-anchor": "middle", fill: "currentColor" },
      "bar: probability, outline: share of the draws"),
  );

  function update() {
    const p = softmaxAt(logits, knob.value);
    const counts = names.map(() => 0);
    for (const u of uniforms(drawn, seed)) counts[pick(p, u)] += 1;
    const width = PLOT.right - PLOT.left;
    rows.forEach(({ bar, share, value }, k) => {
      bar.setAttribute("width", p[k] * width);
      share.setAttribute("width", (counts[k] / drawn) * width);
      value.textContent = show(100 * p[k], 1) + " %";
    });
    const best = p.indexOf(Math.max(...p));
    const sentence = `At temperature ${show(knob.value)} the likeliest word is “${names[best]}”, ` +
      `with ${show(100 * p[best], 1)} %. The distribution is as uncertain as ` +
      `${show(Math.exp(entropy(p)), 1)} equally likely words. Of ${drawn} draws: ` +
      names.map((name, k) => `${name} ${counts[k]}`).join(", ") + ".";
    words.textContent = sentence;
    drawing.setAttribute("aria-label", sentence);
  }
  update();
}

export default { render };
