// Charts over steps (views/charts.py draws them): a crosshair that tells each line's value, and
// switches for smoothing, the scale and earlier runs. What is chosen holds for all charts of the
// page: they share their steps. A chart of a run that goes on is drawn anew each second, and
// Gradio 6.31 changes its elements in place: what is chosen is put to it before it is painted.
window.page ??= {};

const charts = new Set(); // elements that hold figures
const chosen = {step: null, smooth: true, log: false, off: new Set()};
const KEYS = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10};

// {json: the data behind it}: parsed once for each drawing
const read = new WeakMap();

function dataOf(figure) {
  const json = figure.dataset.chart;
  let known = read.get(figure);
  if (known?.json !== json) {
    const data = JSON.parse(json);
    const steps = new Set(data.lines.filter((line) => !line.run).flatMap((l) => l.points.map(([step]) => step)));
    known = {json, ...data, steps: [...steps].sort((a, b) => a - b)};
    read.set(figure, known);
  }
  return known;
}

// Changes nothing that is as it should be: each change is seen, and would be followed by a next.
function put(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

function set(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

// The last of a line's points that is not after `step`: between two evaluations the earlier holds.
function pointAt(points, step) {
  let found = null;
  for (const point of points) if (point[0] <= step) found = point;
  return found;
}

const nearest = (steps, step) =>
  steps.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best), steps[0]);

function written(value, percent) {
  return percent ? `${(value * 100).toFixed(1)}%` : String(+value.toPrecision(3));
}

// Where a point is drawn, in percent of the plot's width and height.
function placeOf(data, kind, [step, value]) {
  const {frame, x_max} = data;
  const [low, high] = data.scales[kind];
  const share = (high - (kind === "log" ? Math.log10(value) : value)) / (high - low);
  const x = frame.left + ((frame.right - frame.left) * step) / x_max;
  const y = frame.top + (frame.bottom - frame.top) * share;
  return [(100 * x) / frame.width, (100 * y) / frame.height];
}

function show(figure) {
  const data = dataOf(figure);
  const kind = chosen.log && data.scales.log ? "log" : "linear";
  set(figure, "data-scale", kind);
  if (figure.querySelector("[data-switch=smooth]")) set(figure, "data-smooth", chosen.smooth ? "" : null);
  for (const button of figure.querySelectorAll("[data-switch]")) {
    set(button, "aria-pressed", chosen[button.dataset.switch]);
  }
  for (const button of figure.querySelectorAll("button[data-run]")) {
    set(button, "aria-pressed", !chosen.off.has(button.dataset.run));
  }
  for (const line of figure.querySelectorAll("[data-of-run]")) {
    set(line, "class", chosen.off.has(line.dataset.ofRun) ? "earlier off" : "earlier");
  }
  showStep(figure, data, kind);
}

function showStep(figure, data, kind) {
  const head = figure.querySelector(".chart-step");
  const cross = figure.querySelector(".cross");
  const step = chosen.step === null || !data.steps.length ? null : nearest(data.steps, chosen.step);
  set(cross, "data-step", step);
  put(head, step === null ? head.dataset.atRest : head.dataset.atStep.replace("#", step));
  const said = step === null ? [] : [head.textContent];
  const dots = cross.querySelectorAll(".cross-dot");
  for (const [number, line] of data.lines.entries()) {
    const place = figure.querySelector(`strong[data-line="${number}"]`);
    // A line that was never smoothed is drawn as it is
    const drawn = chosen.smooth && line.smooth?.length ? line.smooth : line.points;
    const point = step === null || chosen.off.has(line.run) ? null : pointAt(line.points, step);
    const text = point ? valueText(head, point, step, data.percent, line.errors?.[point[0]]) : "";
    put(place, step === null ? (place.dataset.last ?? "") : text);
    if (text) said.push(`${line.name} ${text}`);
    if (!dots[number]) continue;
    const spot = step === null ? null : pointAt(drawn, step);
    const [x, y] = spot ? placeOf(data, kind, spot) : [0, 0];
    set(dots[number], "style", spot ? `left: ${x.toFixed(2)}%; top: ${y.toFixed(2)}%` : null);
  }
  const x = step === null ? null : placeOf(data, "linear", [step, 0])[0];
  set(cross.querySelector(".cross-line"), "style", x === null ? null : `left: ${x.toFixed(2)}%`);
  set(cross, "aria-valuenow", step ?? 0);
  const {separator} = page.data("fine-tune");
  set(cross, "aria-valuetext", said.length ? said.join(separator) : cross.previousElementSibling.getAttribute("aria-label"));
}

// A value that was measured earlier than the step asked about says when.
// error: its standard error, where that is known.
function valueText(head, [at, value], step, percent, error) {
  const within = error === undefined ? "" : ` ± ${percent ? (error * 100).toFixed(1) : +error.toPrecision(2)}`;
  const text = written(value, percent) + within;
  if (at === step) return text;
  return head.dataset.ofStep.replace("#value", text).replace("#step", at);
}

const figuresIn = (element) => element.querySelectorAll("figure.curve[data-chart]");

function showAll() {
  for (const element of charts) {
    if (!element.isConnected) charts.delete(element);
    else for (const figure of figuresIn(element)) show(figure);
  }
}

function choose(step) {
  if (step === chosen.step) return;
  chosen.step = step;
  showAll();
}

// The step under a pointer.
function stepUnder(event, cross) {
  const {frame, x_max} = dataOf(cross.closest("figure"));
  const box = cross.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * frame.width;
  const share = (x - frame.left) / (frame.right - frame.left);
  return Math.max(0, Math.min(1, share)) * x_max;
}

function press(button) {
  const {run} = button.dataset;
  const name = button.dataset.switch;
  if (name) chosen[name] = !chosen[name];
  else if (!chosen.off.delete(run)) chosen.off.add(run);
  showAll();
}

// A key in the crosshair: to the next step that has a value, to ten further on, to an end, away.
function move(event, cross) {
  const {steps} = dataOf(cross.closest("figure"));
  const last = steps.length - 1;
  if (last < 0) return;
  const at = chosen.step === null ? last + 1 : steps.indexOf(nearest(steps, chosen.step));
  const places = {Home: 0, End: last, ...(event.key in KEYS && {[event.key]: at + KEYS[event.key]})};
  if (event.key === "Escape") choose(null);
  else if (event.key in places) choose(steps[Math.max(0, Math.min(last, places[event.key]))]);
  else return;
  event.preventDefault();
}

function listen(element) {
  charts.add(element);
  const crossOf = (event) => event.target.closest?.(".cross");
  element.addEventListener("click", (event) => {
    const button = event.target.closest(".chart-switch");
    if (button) press(button);
  });
  for (const kind of ["pointerdown", "pointermove"]) {
    element.addEventListener(kind, (event) => {
      const cross = crossOf(event);
      if (cross) choose(stepUnder(event, cross));
    });
  }
  // A finger that is lifted leaves the values in sight
  element.addEventListener("pointerout", (event) => {
    if (event.pointerType === "mouse" && crossOf(event) && !crossOf({target: event.relatedTarget ?? element})) choose(null);
  });
  element.addEventListener("keydown", (event) => {
    const cross = crossOf(event);
    if (cross) move(event, cross);
  });
  element.addEventListener("focusin", (event) => {
    const cross = crossOf(event);
    if (cross?.matches(":focus-visible")) choose(dataOf(cross.closest("figure")).steps.at(-1) ?? null);
  });
  element.addEventListener("focusout", (event) => {
    if (crossOf(event)) choose(null);
  });
  const look = () => {
    for (const figure of figuresIn(element)) show(figure);
  };
  new MutationObserver(look).observe(element, {attributes: true, childList: true, characterData: true, subtree: true});
  look();
}

page.charts = {listen, pointAt, placeOf};
