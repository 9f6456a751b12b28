// One step of an LSTM with one unit: all that enters it on sliders, all that happens in a drawing.

/** The equations (3.1) to (3.6) for numbers; `gates` holds the weights on h and x and the bias. */
export function step(gates, x, h, c) {
  const z = (gate) => gates[gate].h * h + gates[gate].x * x + gates[gate].b;
  const f = sigmoid(z("f"));
  const i = sigmoid(z("i"));
  const candidate = Math.tanh(z("c"));
  const o = sigmoid(z("o"));
  const kept = f * c;
  const written = i * candidate;
  const c_next = kept + written;
  return { f, i, candidate, o, kept, written, c_next, h_next: o * Math.tanh(c_next) };
}

const BELT = 46; // height of the cell state's line
const COLUMN = { f: 66, i: 140, candidate: 210, o: 280 }; // where the meters stand
const METER = { top: 172, height: 52, width: 18 };
const CHART = { left: 34, right: 346, top: 322, height: 64, steps: 20, limit: 4 };

function render({ model, el }) {
  const { gates: initial, ...start } = model.get("source");
  const color = model.get("colors");
  const gates = structuredClone(initial);
  const before = structuredClone(start); // the states as numbers: a slider would round them
  let history = [];

  const sliders = {};
  const range = (key, label, name, limit, stride, value, apply) => {
    sliders[key] = slider({
      label, name, min: -limit, max: limit, step: stride, value,
      onInput: () => { apply(sliders[key].value); update(); },
    });
    return sliders[key].row;
  };
  const state = (key, label, name, limit) =>
    range(key, label, name, limit, 0.05, before[key], (v) => { before[key] = v; });
  const bias = (gate, name) =>
    range("b_" + gate, ["bias ", letter("b", gate)], `bias of the ${name} gate`, 8, 0.1,
      gates[gate].b, (v) => { gates[gate].b = v; });
  const controls = [
    state("x", ["input ", letter("x", "t")], "input x", 3),
    state("h", ["hidden ", letter("h", "t\u22121")], "hidden state before the step", 1),
    state("c", ["cell ", letter("c", "t\u22121")], "cell state before the step", 4),
    bias("f", "forget"),
    bias("i", "input"),
    bias("o", "output"),
    button("Take the step", () => {
      const now = step(gates, before.x, before.h, before.c);
      if (history.length === 0) history = [{ c: before.c, h: before.h }];
      history = [...history, { c: now.c_next, h: now.h_next }].slice(-CHART.steps - 1);
      Object.assign(before, { c: now.c_next, h: now.h_next });
      update();
    }),
    button("Start again", () => {
      Object.assign(before, start);
      Object.assign(gates, structuredClone(initial));
      history = [];
      update();
    }),
  ];

  const drawing = svg("svg", { viewBox: "0 0 360 400", role: "img", "font-size": 13 });
  const words = html("p");
  frame(el, "One step of an LSTM with one unit", controls, drawing, words);

  // ---------------------------------------------------------------- the parts that never change
  const text = (x, y, anchor, ...content) =>
    svg("text", { x, y, "text-anchor": anchor, fill: "currentColor" }, ...content);
  const wire = (d, stroke = "currentColor") =>
    svg("path", { d, fill: "none", stroke, "stroke-width": 1.5, class: "wire" });
  const operation = (x, y, sign) => [
    svg("circle", { cx: x, cy: y, r: 10, class: "node" }),
    text(x, y + 5, "middle", sign),
  ];
  const bottom = METER.top + METER.height;
  const live = {}; // the parts that do

  const belts = { before: [12, 56], kept: [76, 165], after: [185, 348] };
  for (const [key, [from, to]] of Object.entries(belts)) {
    live[key] = svg("path", { d: `M${from} ${BELT}H${to}`, stroke: color.c, class: "belt" });
    drawing.append(live[key]);
  }
  drawing.append(
    wire(`M${COLUMN.f} ${METER.top - 4}V${BELT + 10}`, color.f),
    wire(`M${COLUMN.i} ${METER.top - 4}V112H165`, color.i),
    wire(`M${COLUMN.candidate} ${METER.top - 4}V112H185`, color.candidate),
    wire(`M${COLUMN.o} ${METER.top - 4}V132H310`, color.o),
    wire(`M175 102V${BELT + 10}`),
    wire(`M320 ${BELT}V122`),
    wire("M330 132H348"),
    wire(`M12 282H${COLUMN.o}`),
    ...Object.values(COLUMN).map((x) => wire(`M${x} 282V268`)),
    svg("rect", { x: 300, y: 76, width: 40, height: 22, rx: 4, class: "node" }),
    text(320, 92, "middle", "tanh"),
    ...operation(COLUMN.f, BELT, "\u00d7"),
    ...operation(175, BELT, "+"),
    ...operation(175, 112, "\u00d7"),
    ...operation(320, 132, "\u00d7"),
  );

  const names = { f: ["f", "t"], i: ["i", "t"], candidate: ["c\u0303", "t"], o: ["o", "t"] };
  for (const [key, x] of Object.entries(COLUMN)) {
    const left = x - METER.width / 2;
    live[key] = svg("rect", { x: left, width: METER.width, fill: color[key] });
    live[key + "Value"] = text(x + METER.width / 2 + 4, METER.top + METER.height / 2 + 5, "start");
    drawing.append(
      live[key],
      svg("rect", {
        x: left, y: METER.top, width: METER.width, height: METER.height,
        fill: "none", stroke: "currentColor",
      }),
      live[key + "Value"],
      text(x, bottom + 18, "middle", ...symbol(...names[key])),
    );
  }
  const middle = METER.top + METER.height / 2;
  const candidateLeft = COLUMN.candidate - METER.width / 2;
  drawing.append(wire(`M${candidateLeft - 4} ${middle}h${METER.width + 4}`));

  const labels = {
    cBefore: [12, 26, "start"],
    keptLabel: [120, 34, "middle"],
    cAfter: [348, 26, "end"],
    writtenLabel: [181, 84, "start"],
    hAfter: [352, 158, "end"],
    entering: [12, 300, "start"],
  };
  for (const [key, [x, y, anchor]] of Object.entries(labels)) {
    live[key] = text(x, y, anchor);
    drawing.append(live[key]);
  }

  // ------------------------------------------------------------------- the states of past steps
  const across = (n) => CHART.left + ((CHART.right - CHART.left) * n) / CHART.steps;
  const up = (v) =>
    CHART.top + (CHART.height * (CHART.limit - Math.max(-CHART.limit, Math.min(CHART.limit, v)))) /
      (2 * CHART.limit);
  live.cLine = wire("", color.c);
  live.hLine = wire("", color.h);
  live.cLine.setAttribute("stroke-width", 2.5);
  live.hLine.setAttribute("stroke-dasharray", "5 3");
  drawing.append(
    wire(`M${CHART.left} ${up(0)}H${CHART.right}`, color.muted),
    wire(`M${CHART.left} ${CHART.top}V${CHART.top + CHART.height}`, color.muted),
    text(CHART.left - 5, up(CHART.limit) + 8, "end", show(CHART.limit, 0)),
    text(CHART.left - 5, up(0) + 5, "end", "0"),
    text(CHART.left - 5, up(-CHART.limit) + 2, "end", show(-CHART.limit, 0)),
    live.cLine,
    live.hLine,
  );
  live.chartHint = text(across(CHART.steps / 2), up(0) - 10, "middle",
    "steps taken: cell solid, hidden dashed");
  drawing.append(live.chartHint);

  function update() {
    const now = step(gates, before.x, before.h, before.c);
    for (const key of ["x", "h", "c"]) sliders[key].value = before[key];
    for (const gate of "fio") sliders["b_" + gate].value = gates[gate].b;

    const belt = (key, value) => {
      live[key].setAttribute("stroke-width", 2 + 3 * Math.min(Math.abs(value), 4));
      live[key].setAttribute("stroke-dasharray", value < 0 ? "6 4" : "none");
    };
    belt("before", before.c);
    belt("kept", now.kept);
    belt("after", now.c_next);
    for (const key of ["f", "i", "o"]) {
      live[key].setAttribute("height", METER.height * now[key]);
      live[key].setAttribute("y", bottom - METER.height * now[key]);
      live[key + "Value"].textContent = show(now[key]);
    }
    const reach = (METER.height / 2) * Math.abs(now.candidate);
    live.candidate.setAttribute("height", reach);
    live.candidate.setAttribute("y", now.candidate > 0 ? middle - reach : middle);
    live.candidateValue.textContent = show(now.candidate);

    const named = (part, value) => [...part, " = " + show(value)];
    live.cBefore.replaceChildren(...named(symbol("c", "t\u22121"), before.c));
    live.cAfter.replaceChildren(...named(symbol("c", "t"), now.c_next));
    live.hAfter.replaceChildren(...named(symbol("h", "t"), now.h_next));
    live.keptLabel.textContent = show(now.kept);
    live.writtenLabel.textContent = show(now.written);
    live.entering.replaceChildren(
      "[", ...symbol("h", "t\u22121"), ", ", ...symbol("x", "t"),
      `] = [${show(before.h)}, ${show(before.x)}]`,
    );

    const line = (key) =>
      history.map((s, n) => `${n === 0 ? "M" : "L"}${across(n)} ${up(s[key])}`).join("");
    live.cLine.setAttribute("d", line("c"));
    live.hLine.setAttribute("d", line("h"));
    live.chartHint.setAttribute("visibility", history.length ? "hidden" : "visible");

    const sentence =
      `The forget gate keeps ${show(100 * now.f, 0)} % of ${show(before.c)}: ${show(now.kept)}. ` +
      `The input gate lets ${show(100 * now.i, 0)} % of ${show(now.candidate)} in: ` +
      `${show(now.written)}. The new cell state is ${show(now.c_next)}, and the output gate shows ` +
      `${show(100 * now.o, 0)} % of its tanh: ${show(now.h_next)}.`;
    words.textContent = sentence;
    drawing.setAttribute("aria-label", sentence);
  }
  update();
}

export default { render };
