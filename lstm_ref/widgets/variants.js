// One unit of each cell fed with the same sequence; the LSTM stays in the background to compare.

/** Run one unit of a kind over the inputs; a list of [memory, shown] after each step. */
export function run(kind, weights, biases, inputs) {
  const [pf, pi, po] = weights.peepholes;
  let h = 0;
  let c = 0;
  return inputs.map(([value, mark]) => {
    const z = (name, bias = 0, seen = h) =>
      weights[name][0] * seen + weights[name][1] * value + weights[name][2] * mark + bias;
    if (kind === "rnn") {
      h = Math.tanh(z("rnn"));
      return [h, h];
    }
    if (kind === "gru") {
      const update = sigmoid(-z("keep", biases.keep));
      const reset = sigmoid(z("show", biases.show));
      h = (1 - update) * h + update * Math.tanh(z("candidate", 0, reset * h));
      return [h, h];
    }
    const peep = kind === "peephole" ? 1 : 0;
    let f = sigmoid(z("keep", biases.keep) + peep * pf * c);
    let i = sigmoid(z("write", biases.write) + peep * pi * c);
    if (kind === "coupled") i = 1 - f;
    if (kind === "lstm1997") f = 1;
    c = f * c + i * Math.tanh(z("candidate"));
    h = sigmoid(z("show", biases.show) + peep * po * c) * Math.tanh(c);
    return [c, h];
  });
}

const FIELD = { left: 34, right: 352, top: 16, height: 150, limit: 2, inputs: 222, reach: 28 };

function render({ model, el }) {
  const { inputs, weights, names, equations, counts, start } = model.get("source");
  const color = model.get("colors");
  let kind = "lstm1997";

  const group = `variant-${Math.random().toString(36).slice(2)}`;
  const radios = Object.entries(names).map(([key, name]) => {
    const input = html("input", { type: "radio", name: group, value: key });
    input.checked = key === kind;
    input.addEventListener("change", () => { kind = key; update(); });
    return html("label", { style: "display: inline-block; margin: 0.2rem 0.9rem 0.2rem 0" },
      input, ` ${name}`);
  });
  const biases = {};
  const bias = (key, label, name) => {
    biases[key] = slider({
      label: [label], name, min: -6, max: 6, step: 0.1, value: start[key], onInput: () => update(),
    });
    return biases[key].row;
  };
  const controls = [
    html("div", { role: "radiogroup", "aria-label": "kind of cell" }, ...radios),
    bias("keep", "keep", "bias that keeps the memory: forget gate, or minus the update gate"),
    bias("write", "write", "bias of the input gate"),
    bias("show", "show / reset", "bias of the output gate, of the GRU's reset gate"),
    button("Start again", () => {
      for (const [key, s] of Object.entries(biases)) s.value = start[key];
      update();
    }),
  ];

  const drawing = svg("svg", { viewBox: "0 0 360 268", role: "img", "font-size": 13 });
  const words = html("p");
  frame(el, "One unit of each variant, fed with the same sequence", controls, drawing, words);

  const across = (n) => FIELD.left + ((FIELD.right - FIELD.left) * n) / inputs.length;
  const up = (v) => FIELD.top +
    (FIELD.height * (FIELD.limit - Math.max(-FIELD.limit, Math.min(FIELD.limit, v)))) /
      (2 * FIELD.limit);
  const path = (stroke, width, dashes = "none") => {
    const p = svg("path", { fill: "none", stroke, "stroke-width": width, "stroke-dasharray": dashes });
    drawing.append(p);
    return p;
  };
  const text = (x, y, anchor, content) =>
    svg("text", { x, y, "text-anchor": anchor, fill: "currentColor" }, content);
  for (const v of [-2, -1, 0, 1, 2]) {
    path(color.muted, v === 0 ? 1 : 0.4).setAttribute("d", `M${FIELD.left} ${up(v)}H${FIELD.right}`);
    drawing.append(text(FIELD.left - 6, up(v) + 4, "end", show(v, 0)));
  }
  inputs.forEach(([value, mark], n) => {
    const x = across(n + 0.5);
    path(mark ? color.f : color.muted, mark ? 5 : 3)
      .setAttribute("d", `M${x} ${FIELD.inputs}v${-FIELD.reach * value}`);
    if (mark) drawing.append(text(x + 6, FIELD.inputs + (value > 0 ? -20 : 28), "start", "marked"));
  });
  path("currentColor", 0.7).setAttribute("d", `M${FIELD.left} ${FIELD.inputs}H${FIELD.right}`);
  drawing.append(text(FIELD.left, 264, "start", "input"), text(FIELD.right, 264, "end", "step →"));
  const lines = {
    other: path(color.muted, 1.5),
    shown: path(color.h, 2, "5 3"),
    memory: path(color.c, 3),
  };

  function update() {
    const set = Object.fromEntries(Object.entries(biases).map(([key, s]) => [key, s.value]));
    const trace = run(kind, weights, set, inputs);
    const lstm = run("lstm", weights, set, inputs);
    const draw = (values) =>
      `M${across(0)} ${up(0)}` + values.map((v, n) => `L${across(n + 1)} ${up(v)}`).join("");
    lines.memory.setAttribute("d", draw(trace.map(([c]) => c)));
    lines.shown.setAttribute("d", draw(trace.map(([, h]) => h)));
    lines.other.setAttribute("d", kind === "lstm" ? "" : draw(lstm.map(([c]) => c)));
    const [memory, shown] = trace.at(-1);
    const sentence =
      `${names[kind]}: ${equations[kind]}. After the last step the memory (solid) is ` +
      `${show(memory)} and what is shown (dashed) ${show(shown)}` +
      (kind === "lstm" ? "" : `; the LSTM's memory (thin) is ${show(lstm.at(-1)[0])}`) +
      `. With 32 inputs and 64 units this cell has ${counts[kind].toLocaleString("en")} parameters, ` +
      `${show(counts[kind] / counts.lstm)} times those of the LSTM.`;
    words.textContent = sentence;
    drawing.setAttribute("aria-label", sentence);
  }
  update();
}

export default { render };
