// Tools shared by the interactive figures; each figure's own script follows in the same module.

const NS = "http://www.w3.org/2000/svg";

/** A number as the book prints it: two decimals, a true minus sign, no negative zero. */
function show(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? "\u2212" + text : text;
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An HTML element. */
function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(NS, tag), attributes, children);
}

/** The pieces of a symbol with a subscript, for an SVG text: symbol("c", "t−1"). */
function symbol(letter, sub) {
  return [
    svg("tspan", { "font-style": "italic" }, letter),
    svg("tspan", { dy: 4, "font-size": "75%", "font-style": "italic" }, sub),
    svg("tspan", { dy: -4 }, "\u200b"),
  ];
}

/** A symbol with a subscript in HTML. */
function letter(name, sub) {
  return html("i", {}, name, html("sub", {}, sub));
}

/**
 * A labelled slider: `row` is its element, `value` its number (settable), `onInput` is called when
 * a reader moves it.
 */
function slider({ label, name, min, max, step, value, onInput }) {
  const input = html("input", { type: "range", min, max, step, "aria-label": name });
  const output = html("output");
  const row = html("label", { class: "lstm-slider" }, html("span", {}, ...label), input, output);
  const self = {
    row,
    get value() {
      return Number(input.value);
    },
    set value(number) {
      input.value = number; // it stops at its ends; what is written beside it does not
      self.label(number);
    },
    label(number) {
      output.textContent = show(number);
      input.setAttribute("aria-valuetext", show(number));
    },
  };
  input.addEventListener("input", () => {
    self.label(self.value);
    onInput();
  });
  self.value = value;
  return self;
}

function button(text, onClick) {
  const element = html("button", { type: "button", class: "lstm-button" }, text);
  element.addEventListener("click", onClick);
  return element;
}

/** Controls and drawing side by side, one above the other on a narrow page. */
function frame(el, name, controls, drawing, words) {
  words.setAttribute("aria-live", "polite");
  el.append(
    html(
      "div",
      { class: "lstm-figure", role: "group", "aria-label": name },
      html("div", { class: "lstm-controls" }, ...controls),
      html("div", { class: "lstm-drawing" }, drawing, words),
    ),
  );
}

const sigmoid = (z) => 1 / (1 + Math.exp(-z));
