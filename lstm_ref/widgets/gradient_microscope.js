// Three networks side by side: how much of the loss's gradient arrives at a time step, and how.

const PLOT = { left: 50, right: 232, top: 26, bottom: 170, low: -20, high: 4 };
const LOWEST = -39.9; // where the source stops

/** A power of ten as a reader says it: 12 %, 3.2 × 10⁻⁷. */
export function part(log) {
  if (log <= LOWEST) return "nothing";
  if (log >= -3 && log < 3) {
    const percent = 100 * 10 ** log;
    return `${percent >= 10 ? Math.round(percent) : Number(percent.toPrecision(2))} %`;
  }
  const exponent = Math.floor(log);
  const digits = { "-": "\u207b", 0: "\u2070", 1: "\u00b9", 2: "\u00b2", 3: "\u00b3", 4: "\u2074",
    5: "\u2075", 6: "\u2076", 7: "\u2077", 8: "\u2078", 9: "\u2079" };
  const raised = [...String(exponent)].map((d) => digits[d]).join("");
  return `${(10 ** (log - exponent)).toFixed(1)} \u00d7 10${raised}`;
}

function choice(label, name, values, index, text, onInput) {
  const self = slider({
    label: [label], name, min: 0, max: values.length - 1, step: 1, value: index, onInput,
  });
  const output = self.row.querySelector("output");
  self.label = () => {
    output.textContent = text(values[self.value]);
    self.row.querySelector("input").setAttribute("aria-valuetext", text(values[self.value]));
  };
  self.label();
  return self;
}

function panel(title, colors) {
  const text = (x, y, anchor, content, size = 13) =>
    svg("text", { x, y, "text-anchor": anchor, fill: "currentColor", "font-size": size }, content);
  const line = (stroke, width, dashes) =>
    svg("path", { fill: "none", stroke, "stroke-width": width, "stroke-dasharray": dashes });
  const lines = {
    total: line("currentColor", 3.5, "none"),
    gates: line(colors.i, 2, "2 3"),
    highway: line(colors.f, 2, "7 4"),
  };
  const marker = line("currentColor", 1, "1 2");
  const drawing = svg("svg", { viewBox: "0 0 240 208", role: "img", style: "flex: 1 1 11rem" });
  const up = (log) => {
    const inside = Math.max(PLOT.low, Math.min(PLOT.high, log));
    return PLOT.top + ((PLOT.bottom - PLOT.top) * (PLOT.high - inside)) / (PLOT.high - PLOT.low);
  };
  drawing.append(text(PLOT.left, 15, "start", title, 16));
  for (const log of [0, -10, -20]) {
    drawing.append(
      svg("path", { d: `M${PLOT.left} ${up(log)}H${PLOT.right}`, stroke: colors.muted,
        "stroke-width": 0.6 }),
      text(PLOT.left - 5, up(log) + 4, "end", log === 0 ? "100 %" : `1e\u2212${-log}`),
    );
  }
  drawing.append(marker, lines.total, lines.gates, lines.highway);
  drawing.append(
    text(PLOT.left, PLOT.bottom + 15, "start", "first step"),
    text(PLOT.right, PLOT.bottom + 15, "end", "loss"),
  );
  const reading = text(PLOT.left, PLOT.bottom + 34, "start", "", 14);
  drawing.append(reading);
  return { drawing, lines, marker, up, reading };
}

function legend(colors) {
  const entry = (stroke, width, dashes, words) =>
    html("span", { style: "white-space: nowrap; margin-right: 1em" },
      svg("svg", { viewBox: "0 0 30 8", "aria-hidden": "true",
        style: "display: inline-block; width: 2em; height: 0.55em; margin-right: 0.4em" },
        svg("path", { d: "M0 4H30", stroke, "stroke-width": width, "stroke-dasharray": dashes })),
      words);
  return html("p", {},
    entry("currentColor", 3.5, "none", "all that arrives"),
    entry(colors.f, 2, "7 4", "along the memory alone"),
    entry(colors.i, 2, "2 3", "through gates and weights"));
}

function render({ model, el }) {
  const source = model.get("source");
  const colors = model.get("colors");
  const { steps } = source;
  const panels = {
    rnn: panel("RNN", colors),
    lstm: panel("LSTM", colors),
    gru: panel("GRU", colors),
  };
  const words = html("p");
  const update = () => {
    const t = moment.value;
    const across = (n) =>
      PLOT.left + ((PLOT.right - PLOT.left) * (n - 1)) / (steps - 1);
    const said = [];
    for (const [kind, p] of Object.entries(panels)) {
      const curves = source[kind][kind === "rnn" ? 0 : bias.value][scale.value];
      for (const [key, line] of Object.entries(p.lines)) {
        const shown = key === "total" || kind !== "rnn";
        const points = curves[key]
          .map((v, n) => [v, `${across(n + 1)} ${p.up(v)}`])
          .filter(([v]) => v > LOWEST)
          .map(([, point]) => point);
        line.setAttribute("d", shown && points.length ? `M${points.join("L")}` : "");
      }
      p.marker.setAttribute("d", `M${across(t)} ${PLOT.top}V${PLOT.bottom}`);
      const at = (key) => part(curves[key][t - 1]);
      p.reading.textContent = `at step ${t}: ${at("total")}`;
      const name = kind.toUpperCase();
      const sentence = kind === "rnn"
        ? `${name}: ${at("total")}, all of it through the weights.`
        : `${name}: ${at("total")}; along the memory alone ${at("highway")}, ` +
          `through gates and weights ${at("gates")}.`;
      p.drawing.setAttribute("aria-label", sentence);
      said.push(sentence);
    }
    words.textContent =
      `Of the gradient at the last step, this is what arrives ${steps - t} steps earlier. ` +
      said.join(" ");
  };
  const moments = Array.from({ length: steps + 1 }, (_, n) => n);
  const moment = choice("time step", "time step", moments, Math.round(steps / 2),
    (t) => String(t), update);
  moment.row.querySelector("input").min = 1;
  const bias = choice("keep bias", "bias that keeps the memory", source.biases,
    Math.min(1, source.biases.length - 1), (b) => show(b, 0), update);
  const scale = choice("recurrent weights", "factor on the recurrent weights", source.scales, 0,
    (s) => `\u00d7${Number(s)}`, update);
  const drawing = html("div", { style: "display: flex; flex-wrap: wrap; gap: 0.25rem" },
    ...Object.values(panels).map((p) => p.drawing));
  frame(el, "Gradient microscope: RNN, LSTM and GRU", [moment.row, bias.row, scale.row, legend(colors)],
    drawing, words);
  const wide = el.querySelector(".lstm-drawing");
  wide.style.maxWidth = "none";
  wide.style.flexBasis = "100%";
  for (const p of Object.values(panels)) {
    p.drawing.style.width = "auto";
    p.drawing.style.maxWidth = "20rem";
  }
  update();
}

export default { render };
