// A conveyor belt and three robots: what the gates of one unit do to its cell state, word by word.

/** What each step wrote and how much of it is left, from a cell of zero: rows are time. */
export function contributions(f, i, candidate) {
  let items = f.map(() => 0);
  return f.map((_, t) => {
    items = items.map((item) => item * f[t]);
    items[t] = i[t] * candidate[t];
    return items;
  });
}

/** The content of the belt and its state at a moment: stage 0 before the word's step, 1 to 3 after
 * the forget, input and output robot. */
export function moment({ f, i, candidate, o }, t, stage) {
  const rows = contributions(f, i, candidate);
  const before = t > 0 ? rows[t - 1] : f.map(() => 0);
  const kept = before.map((item) => item * f[t]);
  const items = [before, kept, rows[t], rows[t]][stage];
  const sum = (row) => row.reduce((a, b) => a + b, 0);
  return {
    items,
    before: sum(before),
    kept: sum(kept),
    written: i[t] * candidate[t],
    c: sum(rows[t]),
    h: o[t] * Math.tanh(sum(rows[t])),
  };
}

const STAGES = 4;
const PILE = { x: [22, 92, 178, 264], width: 34, up: 76, down: 50 };
const BELT = { y: 168, thickness: 8 };
const ROBOTS = {
  f: { x: 92, name: "forget" },
  i: { x: 178, name: "input" },
  o: { x: 264, name: "output" },
};
const CHART = { left: 32, right: 350, zero: 284, height: 32 };

function choose(label, options, selected, onChange) {
  const list = html("select", { "aria-label": label },
    ...options.map(([value, text]) => html("option", { value }, text)));
  list.value = String(selected);
  list.addEventListener("change", () => onChange(Number(list.value)));
  return [html("label", { class: "lstm-choice" }, html("span", {}, label), list), list];
}

function render({ model, el }) {
  const { words, traces, unit: first, notes } = model.get("source");
  const color = model.get("colors");
  const state = { sentence: 0, unit: first, at: 0 };
  let timer = null;

  const length = () => words[state.sentence].length;
  const last = () => STAGES * length() - 1;
  const trace = () => Object.fromEntries(Object.entries(traces[state.sentence])
    .map(([name, rows]) => [name, rows[state.unit]]));
  const go = (at) => {
    state.at = Math.max(0, Math.min(last(), at));
    if (state.at === last()) stop();
    update();
  };

  // ------------------------------------------------------------------------------- the controls
  const [sentenceRow] = choose("sentence", words.map((row, n) => [n, row.join(" ")]), 0, (n) => {
    state.sentence = n;
    moments.row.querySelector("input").max = last();
    stop();
    go(0);
  });
  const [unitRow] = choose("unit", traces[0].f.map((_, n) =>
    [n, notes[n] ? `${n}: ${notes[n]}` : String(n)]), first, (n) => {
    state.unit = n;
    update();
  });
  const moments = slider({
    label: ["moment"], name: "moment: four for each word", min: 0, max: last(), step: 1, value: 0,
    onInput: () => { stop(); go(moments.value); },
  });
  moments.label = () => {
    const t = Math.floor(state.at / STAGES);
    moments.row.querySelector("output").textContent = `${t + 1}/${length()}`;
    moments.row.querySelector("input").setAttribute("aria-valuetext",
      `word ${t + 1} of ${length()}, ${words[state.sentence][t]}: ` +
      ["it arrives", "forget robot", "input robot", "output robot"][state.at % STAGES]);
  };
  const play = button("Play", () => {
    if (timer) { stop(); return; }
    if (state.at === last()) state.at = -1;
    caption.setAttribute("aria-live", "off"); // a reader would be talked over
    play.textContent = "Pause";
    timer = setInterval(() => go(state.at + 1), 1000);
    go(state.at + 1);
  });
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    caption.setAttribute("aria-live", "polite");
  }
  const controls = [
    sentenceRow, unitRow, moments.row,
    button("Back", () => { stop(); go(state.at - 1); }),
    button("Next", () => { stop(); go(state.at + 1); }),
    button("Next word", () => { stop(); go(STAGES * (Math.floor(state.at / STAGES) + 1)); }),
    play,
  ];

  // ------------------------------------------------------------------------------- the drawing
  const drawing = svg("svg", { viewBox: "0 0 360 338", role: "img", "font-size": 13 });
  const caption = html("p");
  const strip = html("p", { class: "lstm-words", "aria-hidden": "true" });
  frame(el, "A conveyor belt and three robots", controls, drawing, caption);
  drawing.before(strip);
  const text = (x, y, anchor, content, more = {}) =>
    svg("text", { x, y, "text-anchor": anchor, fill: "currentColor", ...more }, content);
  const path = (d, stroke, width) =>
    svg("path", { d, fill: "none", stroke, "stroke-width": width });

  drawing.append(
    svg("rect", { x: 4, y: BELT.y, width: 352, height: BELT.thickness, rx: 4, fill: color.c }),
    ...[20, 84, 148, 212, 276, 340].map((x) => svg("circle", {
      cx: x, cy: BELT.y + BELT.thickness / 2, r: 2.4, class: "node",
    })),
  );
  const arms = {};
  for (const [key, { x, name }] of Object.entries(ROBOTS)) {
    const head = svg("rect", { x: x - 35, y: 2, width: 70, height: 46, rx: 8, class: "node",
      stroke: color[key] });
    const value = text(x, 42, "middle", "");
    const arm = path("", color[key], 3);
    drawing.append(
      head,
      svg("circle", { cx: x - 9, cy: 13, r: 2.6, fill: color[key] }),
      svg("circle", { cx: x + 9, cy: 13, r: 2.6, fill: color[key] }),
      text(x, 27, "middle", name),
      value, arm,
    );
    arms[key] = { head, value, arm, x };
  }
  const shown = text(ROBOTS.o.x + 12, 66, "start", "", { "font-weight": "bold" });
  const pile = svg("g", { class: "moves" });
  drawing.append(shown, pile);
  const line = path("", color.c, 2.5);
  const hidden = path("", color.h, 2);
  hidden.setAttribute("stroke-dasharray", "5 3");
  const marker = path("", "currentColor", 1);
  const ticks = svg("g", {});
  drawing.append(ticks, line, hidden, marker);

  function drawPile({ items }, at, scale, t) {
    pile.replaceChildren();
    let top = BELT.y;
    let bottom = BELT.y + BELT.thickness;
    const half = PILE.width / 2;
    items.forEach((item, s) => {
      const height = Math.abs(item) * scale;
      if (height < 0.4) return;
      const y = item > 0 ? (top -= height) : (bottom += height) - height;
      pile.append(svg("rect", {
        x: -half, y, width: PILE.width, height, fill: item > 0 ? color.candidate : color.i,
        "fill-opacity": s === t ? 1 : 0.72, stroke: "currentColor", "stroke-width": 0.7,
      }));
      if (height >= 10) {
        pile.append(text(half + 4, y + height / 2 + 4, "start",
          `${item < 0 ? "\u2212" : "+"} ${words[state.sentence][s]}`, { "font-size": 12 }));
      }
    });
    pile.setAttribute("style", `transform: translate(${PILE.x[at]}px, 0)`);
  }

  function drawChart(values, t, stage) {
    const { left, right, zero, height } = CHART;
    const n = length();
    const limit = Math.max(1, ...values.map(({ c }) => Math.abs(c)));
    const across = (k) => left + ((right - left) * (k + 0.5)) / n;
    const up = (v) => zero - (height * v) / limit;
    const done = values.slice(0, stage >= 2 ? t + 1 : t);
    const draw = (key) => done.map((v, k) => `${k ? "L" : "M"}${across(k)} ${up(v[key])}`).join("");
    line.setAttribute("d", draw("c"));
    hidden.setAttribute("d", draw("h"));
    marker.setAttribute("d", `M${across(t)} ${zero - height - 4}V${zero + height + 4}`);
    ticks.replaceChildren(
      path(`M${left} ${zero}H${right}`, color.muted, 1),
      ...[limit, 0, -limit].map((v) =>
        text(left - 4, up(v) + 4, "end", show(v, v ? 1 : 0), { "font-size": 12 })),
      text(left, zero + height + 16, "start", "after each word: cell solid, hidden dashed",
        { "font-size": 12 }),
    );
  }

  function say(now, gates, t, stage) {
    const word = `“${words[state.sentence][t]}”`;
    const percent = (key) => `${show(100 * gates[key][t], 0)} %`;
    return `Word ${t + 1} of ${length()}, ${word}. ` + [
      `It arrives; on the belt lies ${show(now.before)}.`,
      `The forget robot leaves ${percent("f")} of everything: ` +
        `${show(now.before)} becomes ${show(now.kept)}.`,
      `The input robot lets ${percent("i")} of the candidate ${show(gates.candidate[t])} on: ` +
        `it puts ${show(now.written)} there, and the cell is now ${show(now.c)}.`,
      `The output robot shows ${percent("o")} of the tanh of ${show(now.c)}: ${show(now.h)}. ` +
        "The belt stays as it is.",
    ][stage];
  }

  function update() {
    const t = Math.floor(state.at / STAGES);
    const stage = state.at % STAGES;
    const gates = trace();
    const all = words[state.sentence].map((_, k) => moment(gates, k, 3));
    const now = moment(gates, t, stage);
    const part = (items, sign) =>
      items.reduce((sum, item) => sum + Math.max(0, sign * item), 0);
    const most = (sign) => Math.max(...all.map(({ items }) => part(items, sign)), 0.1);
    const scale = Math.min(PILE.up / most(1), PILE.down / most(-1));

    moments.value = state.at;
    strip.replaceChildren(...words[state.sentence].flatMap((word, k) => [
      html("span", { class: k === t ? "now" : k > t ? "later" : "" }, word), " "]));
    drawPile(now, stage, scale, t);
    drawChart(all, t, stage);
    ["f", "i", "o"].forEach((key, n) => {
      const { head, value, arm, x } = arms[key];
      const active = stage === n + 1;
      head.setAttribute("stroke-width", active ? 4 : 1.2);
      value.textContent = `${key} = ${show(gates[key][t])}`;
      const reach = active ? BELT.y - part(now.items, 1) * scale - 6 : 62;
      arm.setAttribute("d", `M${x} 48V${Math.max(56, reach)}m-7 -6l7 6l7 -6`);
    });
    shown.textContent = stage === 3 ? `h = ${show(now.h)}` : "";
    const sentence = say(now, gates, t, stage);
    caption.textContent = sentence;
    drawing.setAttribute("aria-label", sentence);
  }
  update();
  return stop;
}

export default { render };
