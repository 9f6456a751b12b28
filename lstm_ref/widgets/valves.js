// A memory cell as a store with three valves, over a run of candidates.

/** Contents and shown values of a cell whose gates have the same pre-activations at each step. */
export function run(candidates, zf, zi, zo) {
  const [f, i, o] = [zf, zi, zo].map(sigmoid);
  let c = 0;
  return candidates.map((candidate) => {
    c = f * c + i * candidate;
    return { c, h: o * Math.tanh(c) };
  });
}

/** Steps until half of a content is gone. */
export function halfLife(zf) {
  return Math.LN2 / Math.log1p(Math.exp(-zf));
}

const PLOT = { left: 34, right: 350, top: 12, middle: 92, bottom: 172, limit: 2 };
const BARS = { zero: 226, height: 30 };

function render({ model, el }) {
  const { candidates, ...start } = model.get("source");
  const color = model.get("colors");
  const steps = candidates.length;
  const valve = (key, name) => slider({
    label: [name + " ", letter("z", key)], name: `pre-activation of the ${name} gate`,
    min: -8, max: 8, step: 0.25, value: start[key], onInput: update,
  });
  const valves = { f: valve("f", "forget"), i: valve("i", "input"), o: valve("o", "output") };
  const controls = Object.values(valves).map((one) => one.row);
  controls.push(button("Start again", () => {
    for (const key of "fio") valves[key].value = start[key];
    update();
  }));

  const drawing = svg("svg", { viewBox: "0 0 360 280", role: "img", "font-size": 13 });
  const words = html("p");
  frame(el, "A store with three valves", controls, drawing, words);

  const across = (t) => PLOT.left + ((PLOT.right - PLOT.left) * (t + 0.5)) / steps;
  const up = (v) => {
    const inside = Math.max(-PLOT.limit, Math.min(PLOT.limit, v));
    return PLOT.middle - ((PLOT.middle - PLOT.top) * inside) / PLOT.limit;
  };
  const text = (x, y, anchor, ...content) =>
    svg("text", { x, y, "text-anchor": anchor, fill: "currentColor" }, ...content);
  const path = (d, stroke, width) =>
    svg("path", { d, fill: "none", stroke, "stroke-width": width });
  for (const v of [-PLOT.limit, 0, PLOT.limit]) {
    drawing.append(
      path(`M${PLOT.left} ${up(v)}H${PLOT.right}`, color.muted, v ? 0.5 : 1),
      text(PLOT.left - 5, up(v) + 5, "end", show(v, 0)),
    );
  }
  drawing.append(
    path(`M${PLOT.left} ${BARS.zero}H${PLOT.right}`, color.muted, 1),
    text(PLOT.left - 5, BARS.zero + 5, "end", ...symbol("c\u0303", "t")),
    text((PLOT.left + PLOT.right) / 2, 274, "middle", "time: candidates below, cell solid, hidden dashed"),
  );
  const width = ((PLOT.right - PLOT.left) / steps) * 0.7;
  candidates.forEach((value, t) => drawing.append(svg("rect", {
    x: across(t) - width / 2, width, fill: color.candidate,
    y: value > 0 ? BARS.zero - value * BARS.height : BARS.zero,
    height: Math.abs(value) * BARS.height,
  })));
  const cell = path("", color.c, 3);
  const hidden = path("", color.h, 2);
  hidden.setAttribute("stroke-dasharray", "5 3");
  drawing.append(cell, hidden);

  function update() {
    const states = run(candidates, valves.f.value, valves.i.value, valves.o.value);
    for (const [line, key] of [[cell, "c"], [hidden, "h"]]) {
      line.setAttribute("d",
        states.map((s, t) => `${t ? "L" : "M"}${across(t)} ${up(s[key])}`).join(""));
    }
    const percent = (key) => show(100 * sigmoid(valves[key].value), 1) + " %";
    const last = states[steps - 1];
    const life = halfLife(valves.f.value);
    const sentence = `At each step the cell keeps ${percent("f")} of its content, takes in ` +
      `${percent("i")} of the candidate and shows ${percent("o")} of its tanh. Half of a content ` +
      `is gone after ${show(life, life < 10 ? 1 : 0)} steps. After step 1 it holds ` +
      `${show(states[0].c)}, after step ${steps} ${show(last.c)} and shows ${show(last.h)}.`;
    words.textContent = sentence;
    drawing.setAttribute("aria-label", sentence);
  }
  update();
}

export default { render };
