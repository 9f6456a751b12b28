// A memory of a few rows in the plane: found by content, read, erased and added to.

const norm = ([x, y]) => Math.hypot(x, y) || 1;

/** Weights of the rows: a softmax of strength times the cosine to the key; and the cosines. */
export function address(memory, key, strength) {
  const cosines = memory.map((row) =>
    Math.max(-1, Math.min(1, (row[0] * key[0] + row[1] * key[1]) / (norm(row) * norm(key)))));
  const best = Math.max(...cosines);
  const e = cosines.map((cosine) => Math.exp(strength * (cosine - best)));
  const total = e.reduce((sum, value) => sum + value, 0);
  return { weights: e.map((value) => value / total), cosines };
}

/** The mean of the rows under the weights. */
export function read(memory, weights) {
  return [0, 1].map((j) => memory.reduce((sum, row, n) => sum + weights[n] * row[j], 0));
}

/** Erase, then add, as much as each row's weight says. */
export function write(memory, weights, erase, add) {
  return memory.map((row, n) =>
    row.map((value, j) => value * (1 - weights[n] * erase[j]) + weights[n] * add[j]));
}

const PLANE = { x: 92, y: 104, unit: 62, reach: 1.4 };
const BARS = { left: 224, right: 318, top: 40, step: 32, height: 14 };

function render({ model, el }) {
  const { memory: first, ...start } = model.get("source");
  const color = model.get("colors");
  let memory = first;
  let writes = 0;
  const make = (key, label, name, min, max, step) => slider({
    label: [label], name, min, max, step, value: start[key], onInput: () => update(),
  });
  const sliders = {
    angle: make("angle", "key angle", "direction of the key in degrees", -180, 180, 5),
    strength: make("strength", "strength", "strength of the key", 0, 30, 0.5),
    erase: make("erase", "erase", "erase, the same for both columns", 0, 1, 0.05),
    add: make("add", "add", "length of what is added, along the key", 0, 1.4, 0.05),
  };
  const controls = Object.values(sliders).map((one) => one.row);
  controls.push(
    button("Write", () => {
      const { weights, key } = look();
      const add = key.map((value) => value * sliders.add.value);
      memory = write(memory, weights, [sliders.erase.value, sliders.erase.value], add);
      writes += 1;
      update();
    }),
    button("Start again", () => {
      memory = first;
      writes = 0;
      for (const [key, one] of Object.entries(sliders)) one.value = start[key];
      update();
    }),
  );

  const drawing = svg("svg", { viewBox: "0 0 360 212", role: "img", "font-size": 13 });
  const words = html("p");
  frame(el, "A memory that is found by content", controls, drawing, words);

  const at = ([x, y]) => [PLANE.x + PLANE.unit * x, PLANE.y - PLANE.unit * y];
  const text = (x, y, anchor, content) =>
    svg("text", { x, y, "text-anchor": anchor, fill: "currentColor" }, content);
  const line = (stroke, width, dashes = "none") => {
    const path = svg("path", {
      fill: "none", stroke, "stroke-width": width, "stroke-dasharray": dashes,
    });
    drawing.append(path);
    return path;
  };
  const reach = PLANE.unit * PLANE.reach;
  line(color.muted, 0.6).setAttribute("d",
    `M${PLANE.x - reach} ${PLANE.y}h${2 * reach}M${PLANE.x} ${PLANE.y - reach}v${2 * reach}`);
  drawing.append(svg("circle", {
    cx: PLANE.x, cy: PLANE.y, r: PLANE.unit, fill: "none", stroke: color.muted, "stroke-width": 0.6,
  }));
  const keyLine = line(color.f, 3, "6 4");
  const keyName = svg("text", { "text-anchor": "middle", fill: color.f, "font-style": "italic" }, "k");
  const rows = first.map((_, n) => {
    const path = line(color.c, 2);
    const name = text(0, 0, "middle", String(n + 1));
    const y = BARS.top + n * BARS.step;
    const bar = svg("rect", { x: BARS.left, y, height: BARS.height, fill: color.i });
    const value = text(360, y + 12, "end", "");
    drawing.append(name, bar, text(BARS.left - 8, y + 12, "end", String(n + 1)), value);
    return { path, name, bar, value };
  });
  const mark = svg("circle", { r: 6, fill: "none", stroke: color.o, "stroke-width": 3 });
  drawing.append(keyName, mark, text(PLANE.x, 208, "middle", "rows, key, read (ring)"),
    text((BARS.left + 360) / 2, 20, "middle", "weight of each row"));

  function look() {
    const angle = (Math.PI * sliders.angle.value) / 180;
    const key = [Math.cos(angle), Math.sin(angle)];
    return { key, ...address(memory, key, sliders.strength.value) };
  }

  function update() {
    const { key, weights, cosines } = look();
    const seen = read(memory, weights);
    const outside = (v, by) => at(v.map((value) => value + (by * value) / norm(v)));
    keyLine.setAttribute("d", `M${at([0, 0])}L${at(key)}`);
    const [kx, ky] = outside(key, 0.14);
    keyName.setAttribute("x", kx);
    keyName.setAttribute("y", ky + 4);
    rows.forEach(({ path, name, bar, value }, n) => {
      path.setAttribute("d", `M${at([0, 0])}L${at(memory[n])}`);
      path.setAttribute("stroke-width", 1.5 + 5 * weights[n]);
      const small = Math.hypot(...memory[n]) < 0.05;
      const [x, y] = small ? at([-0.1, -0.12]) : outside(memory[n], 0.14);
      name.setAttribute("x", x);
      name.setAttribute("y", y + 4);
      bar.setAttribute("width", Math.max(0.5, (BARS.right - BARS.left) * weights[n]));
      value.textContent = show(weights[n]);
    });
    const [x, y] = at(seen);
    mark.setAttribute("cx", x);
    mark.setAttribute("cy", y);
    const list = (values) => values.map((value) => show(value)).join(", ");
    const sentence =
      `Cosines of rows 1 to ${memory.length} with the key: ${list(cosines)}. ` +
      `With strength ${show(sliders.strength.value, 1)} their weights are ${list(weights)}. ` +
      `What is read is (${list(seen)}). ` +
      (writes ? `Written ${writes} ${writes > 1 ? "times" : "time"}; the rows are now ` +
        memory.map((row) => `(${list(row)})`).join(", ") + "." : "Nothing has been written yet.");
    words.textContent = sentence;
    drawing.setAttribute("aria-label", sentence);
  }
  update();
}

export default { render };
