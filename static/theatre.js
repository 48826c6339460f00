// A run's validation pairs as dots (tabs/fine_tune/theatre.py, which says to "theatre" the texts of
// views/theatre.py: dots_texts). The dots are kept while they move, so that each can be followed
// from one evaluation to the next. Two labels: by P(label 1), label 1 above the axis and label 0
// below. More: by P(gold label), in a lane for each gold label. A second picture, the map, has each
// dot where its [CLS] vector lies in a plane.
window.page ??= {};

const SVG = "http://www.w3.org/2000/svg";
// Of the picture, of the axis in it, of the line of counts above and below; left and right of it
const [HEIGHT, AXIS, COUNTS, EDGE] = [206, 22, 17, 10];
const [NARROW, NARROWEST] = [480, 300];
const [LARGEST, SMALLEST, FILLED] = [10, 3, 0.5];
// How high a lane is at least, with the line that counts its pairs; of more labels than this, all
// pairs share one lane
const [LANE, MOST_LANES] = [50, 6];
// Height of the map and how wide a dot is in it: there, dots may lie over each other
const [MAP_HEIGHT, MAP_DOT, NARROW_MAP_DOT] = [300, 9, 6];
const REPLAY_MS = 900;
const NEAR = 14; // pixels from a dot within which a pointer means it

// ---------------------------------------------------------------- pure parts

// Heights of the two gold labels' parts, above the axis and below it: by their counts, so that dots
// lie about as dense in both. None is less than a third.
function parts(labels, height) {
  const share = labels.filter((label) => label === 1).length / (labels.length || 1);
  const above = Math.round(height * Math.min(Math.max(share, 1 / 3), 2 / 3));
  return [height - above, above];
}

// How wide a dot is, in pixels: as wide as can be while a gold label's dots, all on one side of the
// line, fill no more than a half of the room there.
function dotSize(labels, width, heights) {
  for (let size = LARGEST; size > SMALLEST; size -= 1) {
    const fits = heights.every((height, label) => {
      const count = labels.filter((one) => one === label).length;
      return count <= FILLED * Math.floor(width / 2 / size) * Math.floor(height / size);
    });
    if (fits) return size;
  }
  return SMALLEST;
}

// Where each dot's middle is: [[x, y], ...], y from the axis, up for label 1. shares: P in
// thousandths. A dot stands in the column of its P; where that is full, in the nearest one on the
// same side of the line. What is furthest from the line is placed first.
function layout(shares, labels, width, heights, size) {
  const half = Math.max(Math.floor(width / 2 / size), 1);
  const stacks = [0, 1].map(() => new Array(2 * half).fill(0));
  const places = [];
  const order = shares.map((_, row) => row);
  order.sort((a, b) => Math.abs(shares[b] - 500) - Math.abs(shares[a] - 500) || a - b);
  for (const row of order) {
    const [share, label] = [shares[row], labels[row]];
    const [first, last] = share > 500 ? [half, 2 * half - 1] : [0, half - 1];
    const own = Math.min(Math.max(Math.floor((share / 1000) * 2 * half), first), last);
    const stack = stacks[label];
    const room = Math.floor(heights[label] / size);
    let column = own;
    for (let off = 1; stack[column] >= room && off < half; off += 1) {
      const near = [own - off, own + off].filter((one) => one >= first && one <= last);
      column = near.find((one) => stack[one] < room) ?? column;
    }
    const level = stack[column];
    stack[column] += 1;
    const x = width / 2 + (column - half + 0.5) * size;
    places[row] = [x, (label === 1 ? -1 : 1) * (level + 0.5) * size];
  }
  return places;
}

// Where each dot's middle is in its lane: [[x, y], ...], y up from the lane's floor. Where the column
// of its P is full, it stands in the nearest one that isn't.
function layoutInLanes(shares, lanes, width, heights, size) {
  const columns = Math.max(Math.floor(width / size), 1);
  const stacks = heights.map(() => new Array(columns).fill(0));
  return shares.map((share, row) => {
    const stack = stacks[lanes[row]];
    const room = Math.floor(heights[lanes[row]] / size);
    const own = Math.min(Math.floor((share / 1000) * columns), columns - 1);
    let column = own;
    for (let off = 1; stack[column] >= room && off < columns; off += 1) {
      const near = [own - off, own + off].filter((one) => one >= 0 && one < columns);
      column = near.find((one) => stack[one] < room) ?? column;
    }
    const level = stack[column];
    stack[column] += 1;
    return [(width - columns * size) / 2 + (column + 0.5) * size, (level + 0.5) * size];
  });
}

// Where each point of the map is in a picture of that width and height: [[x, y], ...]. size: the
// map's own [width, height]; as large as fits, in the middle.
function layoutOnMap(points, size, width, height) {
  const scale = Math.min(width / size[0], height / size[1]);
  const left = (width - scale * size[0]) / 2;
  const top = (height - scale * size[1]) / 2;
  return points.map(([x, y]) => [left + scale * x, top + scale * y]);
}

// {right, wrong} of each gold label at one evaluation.
function counts(shares, labels) {
  const counted = [0, 1].map(() => ({right: 0, wrong: 0}));
  for (const [row, label] of labels.entries()) {
    counted[label][Number(shares[row] > 500) === label ? "right" : "wrong"] += 1;
  }
  return counted;
}

// The dot that a key leads to from `row`: by P within its gold label, or to the next label's dot of
// the nearest P; undefined for any other key. order: the labels from the top of the picture down.
function neighbour(key, row, shares, labels, order = [1, 0]) {
  const alike = shares.map((_, one) => one).filter((one) => labels[one] === labels[row]);
  alike.sort((a, b) => shares[a] - shares[b] || a - b);
  const place = alike.indexOf(row);
  switch (key) {
    case "ArrowLeft": return alike[Math.max(place - 1, 0)];
    case "ArrowRight": return alike[Math.min(place + 1, alike.length - 1)];
    case "Home": return alike[0];
    case "End": return alike.at(-1);
    case "ArrowUp":
    case "ArrowDown": {
      const wanted = order[order.indexOf(labels[row]) + (key === "ArrowUp" ? -1 : 1)];
      let best = row;
      for (const [one, label] of labels.entries()) {
        const nearer = Math.abs(shares[one] - shares[row]) < Math.abs(shares[best] - shares[row]);
        if (label === wanted && (best === row || nearer)) best = one;
      }
      return best;
    }
  }
  return undefined;
}

// What the address asks for: {run, view, step}; step: -1 where it names none.
function askedIn(search) {
  const asks = new URLSearchParams(search);
  const step = asks.get("step") ?? "";
  return {
    run: asks.get("run"),
    view: asks.get("view"),
    step: /^\d{1,9}$/.test(step) ? Number(step) : -1,
  };
}

// ---------------------------------------------------------------- the picture

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function drawn(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

class Theatre {
  // element: the block that holds the figure. trigger: Gradio's, of a gr.HTML.
  constructor(element, trigger) {
    this.element = element;
    this.trigger = page.newest(trigger);
    this.figure = element.querySelector(".theatre");
    this.svg = element.querySelector("svg");
    this.slider = element.querySelector("input");
    this.output = element.querySelector("output");
    this.stage = element.querySelector(".theatre-stage");
    this.data = null;
    this.row = null;
    this.isMapChosen = askedIn(location.search).view === "map";
    this.views = element.querySelector(".theatre-views");
    this.said = element.querySelector(".theatre-said");
    this.views.addEventListener("click", (event) => this.look(event.target.dataset.view));
    this.pressView();
    this.say = page.data("theatre");
    this.slider.addEventListener("input", () => {
      this.goTo(Number(this.slider.value));
      this.writeAddress();
    });
    element.querySelector(".theatre-play").addEventListener("click", () => this.replay());
    this.stage.addEventListener("keydown", (event) => this.press(event));
    this.stage.addEventListener("pointermove", (event) => this.point(event, 140));
    this.stage.addEventListener("click", (event) => this.point(event, 0));
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.build();
  }

  // The evaluations of a run, as views/theatre.py: dots_data says them, and own_data the visitor's
  // own pair; "" for none yet.
  show(text, ownText) {
    const data = text ? JSON.parse(text) : {};
    const own = ownText ? JSON.parse(ownText) : {};
    const isOwn = own.run === data.run && own.own?.length === data.steps?.length;
    data.own = isOwn ? own.own : [];
    data.ownAnswers = own.ownAnswers;
    data.ownPoints = isOwn ? own.ownPoints : undefined;
    const isAnother = data.run !== this.data?.run;
    const followed = !this.data || this.at === this.data.steps.length - 1;
    this.data = data.steps ? data : null;
    if (isAnother || !this.data) {
      clearInterval(this.playing);
      this.row = null;
      this.svg.replaceChildren();
      this.output.textContent = "";
      this.views.hidden = !data.map;
      if (this.data) this.name();
      else this.said.hidden = true;
      this.build(text ? this.say.untold : this.say.waiting);
    }
    this.figure.classList.toggle("one", !(this.data?.steps.length > 1));
    if (!this.data) return;
    this.slider.max = data.steps.length - 1;
    const asked = isAnother ? askedIn(location.search) : {};
    const place = asked.run === data.run ? data.steps.indexOf(asked.step) : -1;
    const last = data.steps.length - 1;
    this.goTo(place >= 0 ? place : isAnother || followed ? last : this.at);
  }

  // A link shows the same view, and the same evaluation unless it is the last one.
  writeAddress() {
    const isLast = !this.data || this.at === this.data.steps.length - 1;
    const step = isLast ? null : this.data.steps[this.at];
    page.address.note("fine-tune", {view: this.isMapChosen ? "map" : null, step});
  }

  // Look at the dots by probability ("line") or on the "map".
  look(view) {
    if (!view) return;
    this.isMapChosen = view === "map";
    this.pressView();
    if (!this.data) return;
    this.writeAddress();
    this.svg.replaceChildren();
    this.name();
    this.draw();
  }

  pressView() {
    page.tokens.press(this.views, "view", this.isMapChosen ? "map" : "line");
  }

  get onMap() {
    return this.isMapChosen && Boolean(this.data?.map);
  }

  // Whether the run has more labels than two.
  get many() {
    return this.data?.names.length > 2;
  }

  // The run's own labels in what stands around the picture.
  name() {
    const {say, many, onMap} = this;
    const {names} = this.data;
    const label = names[1];
    const byProbability = many ? say.goldCaption : filled(say.caption, {label});
    const caption = onMap ? say.mapCaption : byProbability;
    this.figure.querySelector(".theatre-caption").textContent = caption;
    const stage = many ? say.goldStage : filled(say.stage, {label});
    this.stage.setAttribute("aria-label", onMap ? say.mapStage : stage);
    this.said.hidden = !onMap;
    const key = names.map((each, number) => [`gold${number}`, filled(say.gold, {label: each})]);
    const shown = names.length > MOST_LANES ? [] : many ? key : key.toReversed();
    shown.push(...(many || onMap ? [["wrong", say.wrong]] : []));
    shown.push(["crossed", many ? say.turned : say.crossed]);
    const own = this.figure.querySelector(".theatre-key .own");
    own.parentElement.replaceChildren(...shown.map(([name, text]) => {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      return part;
    }), own);
  }

  get width() {
    return Math.max(this.stage.clientWidth, 240);
  }

  goTo(place) {
    if (!this.data) return;
    this.at = Math.min(Math.max(place, 0), this.data.steps.length - 1);
    this.slider.value = this.at;
    const step = this.data.steps[this.at];
    const said = step ? filled(this.say.step, {step}) : this.say.before;
    this.output.textContent = said;
    this.slider.setAttribute("aria-valuetext", said);
    this.draw();
    if (this.row !== null) this.ask(0);
  }

  replay() {
    clearInterval(this.playing);
    this.goTo(0);
    this.playing = setInterval(() => {
      if (!this.data || this.at >= this.data.steps.length - 1) clearInterval(this.playing);
      else this.goTo(this.at + 1);
    }, REPLAY_MS);
  }

  resize() {
    if (this.stage.clientWidth === this.seen) return;
    this.svg.replaceChildren();
    if (this.data) this.draw();
    else this.build();
  }

  // The frame, once for a run and a width: axis, line, counts, a shape for each pair. Without a run
  // a sentence stands in it.
  build(waiting = this.say.waiting) {
    const {width, data} = this;
    const labels = data?.labels ?? [];
    this.seen = this.stage.clientWidth;
    this.figure.classList.toggle("empty", !data);
    if (this.onMap) {
      this.buildMap();
      return;
    }
    if (this.many) {
      this.buildLanes();
      return;
    }
    const heights = parts(labels, HEIGHT - AXIS - 2 * COUNTS);
    this.heights = heights;
    this.inner = width - 2 * EDGE;
    this.size = dotSize(labels, this.inner, heights);
    this.axis = COUNTS + heights[1];
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("height", HEIGHT);
    const middle = width / 2;
    const below = this.axis + AXIS;
    const wrong = {class: "wrong-side", width: middle};
    drawn(this.svg, "rect", {...wrong, x: 0, y: 0, height: this.axis});
    drawn(this.svg, "rect", {...wrong, x: middle, y: below, height: HEIGHT - below});
    drawn(this.svg, "line", {class: "half", x1: middle, x2: middle, y1: 0, y2: HEIGHT});
    for (const [share, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
      const place = {x: EDGE + share * this.inner, y: this.axis + AXIS / 2 + 4};
      drawn(this.svg, "text", {class: "tick", ...place, "text-anchor": anchor}, share);
    }
    if (!data) {
      const place = {x: middle, y: this.axis - 24, "text-anchor": "middle"};
      drawn(this.svg, "text", {class: "waiting", ...place}, waiting);
      return;
    }
    this.corners = [1, 0].map((label) => {
      const y = label ? 12 : HEIGHT - 5;
      return [["start", 4], ["end", width - 4]].map(([anchor, x]) =>
        drawn(this.svg, "text", {class: "corner", x, y, "text-anchor": anchor}));
    });
    this.buildDots(labels);
  }

  // The same for three labels or more. On the left of 1 / labels an answer is surely wrong, on the
  // right of 0.5 surely right; between, a dot's filling tells.
  buildLanes() {
    const {width, data} = this;
    const {names, labels} = data;
    const isApart = names.length <= MOST_LANES;
    const count = isApart ? names.length : 1;
    this.lanes = isApart ? labels : labels.map(() => 0);
    this.lane = Math.max(LANE, Math.floor((HEIGHT - AXIS) / count));
    this.heights = new Array(count).fill(this.lane - COUNTS - 2);
    this.inner = width - 2 * EDGE;
    this.size = dotSize(this.lanes, this.inner, this.heights);
    this.axis = count * this.lane;
    const height = this.axis + AXIS;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    const least = EDGE + this.inner / names.length;
    drawn(this.svg, "rect", {class: "wrong-side", x: 0, y: 0, width: least, height: this.axis});
    for (const x of [least, width / 2]) {
      drawn(this.svg, "line", {class: "half", x1: x, x2: x, y1: 0, y2: this.axis});
    }
    const ticks = [[0, "start"], [1 / names.length, "middle"], [0.5, "middle"], [1, "end"]];
    for (const [share, anchor] of ticks) {
      const place = {x: EDGE + share * this.inner, y: this.axis + AXIS / 2 + 4};
      const said = share === 1 / names.length ? `1/${names.length}` : share;
      drawn(this.svg, "text", {class: "tick", ...place, "text-anchor": anchor}, said);
    }
    this.corners = this.heights.map((_, lane) => {
      const y = lane * this.lane;
      const floor = {x1: 0, x2: width, y1: y + this.lane, y2: y + this.lane};
      drawn(this.svg, "line", {class: "floor", ...floor});
      return drawn(this.svg, "text", {class: "corner", x: 4, y: y + 12});
    });
    this.buildDots(isApart ? labels : this.lanes);
  }

  // The map's frame: nothing but the dots, since only their distances mean something.
  buildMap() {
    const {width} = this;
    this.size = width < NARROW ? NARROW_MAP_DOT : MAP_DOT;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${MAP_HEIGHT}`);
    this.svg.setAttribute("height", MAP_HEIGHT);
    this.buildDots(this.data.labels);
    this.svg.classList.add("map");
  }

  // A shape for each pair, the visitor's own, and the ring around the chosen one.
  buildDots(labels) {
    this.svg.classList.remove("map");
    const {say} = this;
    this.svg.classList.toggle("small", this.size < 7);
    const side = this.size - 1;
    this.dots = labels.map((label) => drawn(this.svg, "rect", {
      class: `dot gold${label}`, x: -side / 2, y: -side / 2, width: side, height: side,
      rx: label % 2 ? side / 2 : 0,
    }));
    this.own = drawn(this.svg, "g", {class: "own-dot"});
    drawn(this.own, "path", {d: "M0,-9 L9,0 L0,9 L-9,0 Z"});
    drawn(this.own, "text", {y: 4}, say.own);
    this.ring = drawn(this.svg, "circle", {class: "chosen", r: this.size / 2 + 3});
  }

  draw() {
    if (!this.svg.childElementCount || !this.dots) this.build();
    const {onMap} = this;
    const isHollow = this.many || onMap;
    this.places = onMap ? this.placesOnMap(this.data.map.points[this.at])
      : this.many ? this.placesInLanes() : this.placesByLine();
    for (const [row, dot] of this.dots.entries()) {
      const [x, y] = this.places[row];
      dot.style.transform = `translate(${x}px, ${y}px)`;
      dot.classList.toggle("crossed", this.isOver(this.at, row) !== this.isOver(0, row));
      dot.classList.toggle("wrong", isHollow && !this.isRight(this.at, row));
    }
    if (onMap) this.said.textContent = this.data.map.said[this.at];
    else if (this.many) this.countLanes();
    else this.countCorners();
    this.drawOwn();
    this.mark();
  }

  // The visitor's own pair, where it has a place.
  drawOwn() {
    const {own, ownAnswers, ownPoints, names} = this.data;
    const isThere = this.onMap ? Boolean(ownPoints) : own.length > 0;
    this.own.style.display = isThere ? "" : "none";
    this.element.querySelector(".theatre-key .own").hidden = !isThere;
    this.ownPlace = undefined;
    if (!isThere) return;
    this.ownPlace = this.onMap
      ? this.placesOnMap([ownPoints[this.at]])[0]
      : [EDGE + (own[this.at] / 1000) * this.inner, this.axis + AXIS / 2];
    const [x, y] = this.ownPlace;
    this.own.style.transform = `translate(${x}px, ${y}px)`;
    const label = this.own.querySelector("text");
    if (this.many) {
      const answer = names[ownAnswers[this.at]];
      const isNarrow = this.width < NARROW;
      label.textContent = isNarrow ? answer : filled(this.say.ownAnswer, {label: answer});
    }
    const isOnTheRight = x > this.width / 2;
    label.setAttribute("text-anchor", isOnTheRight ? "end" : "start");
    label.setAttribute("x", isOnTheRight ? -13 : 13);
  }

  // Whether a pair is answered with its gold label.
  isRight(at, row) {
    const isOver = this.isOver(at, row);
    return this.many ? isOver : isOver === (this.data.labels[row] === 1);
  }

  // Whether a dot is over the line (two labels), or its answer right (more).
  isOver(at, row) {
    const {labels, shares, answers} = this.data;
    return answers ? answers[at][row] === labels[row] : shares[at][row] > 500;
  }

  placesByLine() {
    const {labels, shares} = this.data;
    const places = layout(shares[this.at], labels, this.inner, this.heights, this.size);
    return places.map(([x, y]) => [EDGE + x, y < 0 ? this.axis + y : this.axis + AXIS + y]);
  }

  placesInLanes() {
    const now = this.data.shares[this.at];
    const places = layoutInLanes(now, this.lanes, this.inner, this.heights, this.size);
    return places.map(([x, y], row) => [EDGE + x, (this.lanes[row] + 1) * this.lane - y]);
  }

  placesOnMap(points) {
    const [width, height] = [this.width - 2 * EDGE, MAP_HEIGHT - 2 * EDGE];
    const places = layoutOnMap(points, this.data.map.size, width, height);
    return places.map(([x, y]) => [EDGE + x, EDGE + y]);
  }

  countCorners() {
    const {labels, shares, names} = this.data;
    const counted = counts(shares[this.at], labels);
    for (const [part, label] of [1, 0].entries()) {
      for (const answer of [0, 1]) {
        const isRight = answer === label;
        const count = counted[label][isRight ? "right" : "wrong"];
        const say = this.saysAnswers();
        const said = filled(say, {count, label: names[answer]});
        this.corners[part][answer].textContent = `${isRight ? "✓" : "✕"} ${said}`;
      }
    }
  }

  countLanes() {
    for (const [lane, corner] of this.corners.entries()) {
      const rows = [...this.lanes.keys()].filter((row) => this.lanes[row] === lane);
      const right = rows.filter((row) => this.isOver(this.at, row)).length;
      const say = this.corners.length > 1 ? this.say.lane : this.say.lanes;
      corner.textContent = filled(say, {label: this.data.names[lane], right, count: rows.length});
    }
  }

  // How the answers are counted, as long as the picture has room for it.
  saysAnswers() {
    if (this.width < NARROWEST) return "{count}";
    return this.width < NARROW ? "{count} {label}" : this.say.answered;
  }

  mark() {
    const place = this.row === "own" ? this.ownPlace : this.places[this.row];
    this.ring.style.display = place ? "" : "none";
    if (place) this.ring.style.transform = `translate(${place[0]}px, ${place[1]}px)`;
  }

  choose(row, delay) {
    clearInterval(this.playing);
    if (row === this.row && delay) return;
    this.row = row;
    this.mark();
    this.ask(delay);
  }

  // A pointer passes many dots: the one at which it stops is read.
  ask(delay) {
    clearTimeout(this.asking);
    const {row, data, at} = this;
    this.asking = setTimeout(() => this.trigger("click", {row, step: data.steps[at]}), delay);
  }

  point(event, delay) {
    if (!this.data) return;
    const box = this.svg.getBoundingClientRect();
    const scale = this.width / box.width;
    const x = (event.clientX - box.left) * scale;
    const y = (event.clientY - box.top) * scale;
    let [nearest, least] = [null, NEAR];
    const look = ([left, top], row) => {
      const apart = Math.hypot(left - x, top - y);
      if (apart < least) [nearest, least] = [row, apart];
    };
    for (const [row, place] of this.places.entries()) look(place, row);
    if (this.ownPlace) look(this.ownPlace, "own");
    if (nearest !== null) this.choose(nearest, delay);
  }

  // The labels in the order in which the line has them, for the keys up and down.
  fromTheTop() {
    const labels = [...this.data.names.keys()];
    return this.many ? labels : labels.toReversed();
  }

  press(event) {
    if (!this.data) return;
    const {labels, shares} = this.data;
    if (event.key === "Enter" && this.ownPlace) {
      this.choose("own", 0);
    } else {
      const from = typeof this.row === "number" ? this.row : null;
      const row = from === null && event.key.startsWith("Arrow")
        ? 0
        : this.onMap
        ? neighbour(event.key, from ?? 0, this.places.map(([x]) => x), labels, this.fromTheTop())
        : this.many
          ? neighbour(event.key, from ?? 0, shares[this.at], this.lanes, [...this.heights.keys()])
          : neighbour(event.key, from ?? 0, shares[this.at], labels);
      if (row === undefined) return;
      this.choose(row, 100);
    }
    event.preventDefault();
  }
}

let theatre;
let early; // what was to be shown before the tab was there

function listen(element, trigger) {
  theatre = new Theatre(element, trigger);
  if (early) theatre.show(...early);
}

function show(...data) {
  early = data;
  theatre?.show(...data);
}

page.theatre = {askedIn, counts, dotSize, layout, layoutInLanes, layoutOnMap, listen, neighbour, parts, show};
