// From a photograph to what the network takes, and from what it says to classes: the numbers of `dadist predict`.

const BITS = 22; // of a weight behind the point, as Pillow has it for 8-bit images
const SAME_RATIO = 0.01;

// Catmull-Rom's cubic.
function cubic(x) {
  x = Math.abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((2.5 - 0.5 * x) * x - 4) * x + 2 : 0;
}

// For each of `to` pixels: the first of the `from` pixels that it sees, and their weights as whole numbers.
function weights(from, to) {
  const scale = from / to;
  const wide = Math.max(scale, 1);
  return Array.from({ length: to }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - 2 * wide + 0.5), 0);
    const end = Math.min(Math.trunc(centre + 2 * wide + 0.5), from);
    const real = Float64Array.from({ length: end - first }, (_, k) => cubic((k + first - centre + 0.5) * (1 / wide)));
    const sum = real.reduce((a, b) => a + b, 0);
    const whole = Int32Array.from(real, (w) => Math.trunc((w / sum) * 2 ** BITS + Math.sign(w / sum) * 0.5));
    return { first, whole };
  });
}

// One pass of a resize: `lines` lines, of which each has `to.length` places; steps are distances in the arrays.
function pass(source, target, to, lines, from, into) {
  for (let line = 0; line < lines; line++) {
    for (let place = 0; place < to.length; place++) {
      const { first, whole } = to[place];
      let at = line * from.line + first * from.place;
      let red = 1 << (BITS - 1);
      let green = red;
      let blue = red;
      for (let k = 0; k < whole.length; k++, at += from.place) {
        red += source[at] * whole[k];
        green += source[at + 1] * whole[k];
        blue += source[at + 2] * whole[k];
      }
      const out = line * into.line + place * into.place;
      target[out] = red >> BITS;
      target[out + 1] = green >> BITS;
      target[out + 2] = blue >> BITS;
    }
  }
}

/** Pixels [width, height] of 4 bytes, as a canvas has them, resized by Pillow's bicubic filter, across first; 3 bytes. */
export function bicubic(pixels, [width, height], [columns, rows]) {
  const middle = new Uint8ClampedArray(3 * columns * height);
  const found = new Uint8ClampedArray(3 * columns * rows);
  const line = { line: 3 * columns, place: 3 };
  const column = { line: 3, place: 3 * columns };
  pass(pixels, middle, weights(width, columns), height, { line: 4 * width, place: 4 }, line);
  pass(middle, found, weights(height, rows), columns, column, column);
  return found;
}

/** What a photograph of `size` takes of the network's input, the size of that input, and where its last pixel lies. */
export function framed(frame, size) {
  const [width, height] = size;
  const ratio = (width * frame.original[1]) / (height * frame.original[0]);
  if (frame.fit !== "pad" && Math.abs(ratio - 1) >= SAME_RATIO) {
    const scale = Math.sqrt((frame.width * frame.height) / (width * height));
    const content = size.map((side) => Math.max(Math.trunc(side * scale + 1e-6), 1));
    return { content, input: content, end: [1, 1] };
  }
  const input = [frame.width, frame.height];
  if (frame.fit !== "pad") return { content: input, input, end: [1, 1] };
  const wide = width * frame.height >= height * frame.width;
  const content = wide
    ? [frame.width, Math.max(Math.floor((height * frame.width) / width), 1)]
    : [Math.max(Math.floor((width * frame.height) / height), 1), frame.height];
  const around = wide
    ? [width, Math.floor((width * frame.height) / frame.width)]
    : [Math.floor((height * frame.width) / frame.height), height];
  const same = content[0] === input[0] && content[1] === input[1];
  return { content, input, end: same ? [1, 1] : size.map((side, axis) => (side - 1) / Math.max(around[axis] - 1, 1)) };
}

/** The network's input, planes of red, green and blue: the content on its upper left, black beside it. */
export function planes(content, [width, height], [columns, rows]) {
  const found = new Uint8Array(3 * columns * rows);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) found[(c * rows + y) * columns + x] = content[(y * width + x) * 3 + c];
    }
  }
  return found;
}

function between(pixels, end, cells) {
  const step = (end * (cells - 1)) / Math.max(pixels - 1, 1);
  return Array.from({ length: pixels }, (_, index) => {
    const before = Math.min(Math.trunc(index * step), cells - 1);
    return { before, after: Math.min(before + 1, cells - 1), share: index * step - before };
  });
}

/** Most probable class of each pixel of [width, height], bilinear between cells; scores are (classes, rows, columns). */
export function labels(scores, [classes, rows, columns], end, [width, height]) {
  const found = new Uint8Array(width * height);
  const line = new Float32Array(columns * classes);
  const across = between(width, end[0], columns);
  between(height, end[1], rows).forEach(({ before, after, share }, y) => {
    for (let c = 0; c < classes; c++) {
      for (let x = 0; x < columns; x++) {
        const above = scores[(c * rows + before) * columns + x];
        line[x * classes + c] = above + share * (scores[(c * rows + after) * columns + x] - above);
      }
    }
    for (let x = 0; x < width; x++) {
      const left = across[x].before * classes;
      const right = across[x].after * classes;
      let best = -Infinity;
      for (let c = 0; c < classes; c++) {
        const score = line[left + c] + across[x].share * (line[right + c] - line[left + c]);
        if (score > best) {
          best = score;
          found[y * width + x] = c;
        }
      }
    }
  });
  return found;
}
