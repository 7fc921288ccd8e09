"use strict";
// The conversion of pictures that training uses, and the net's forward pass. Numbers as in Pillow and PyTorch.

// For each place of the output: the first input that it is made of, and their weights (a triangle filter).
function triangles(from, to) {
  const scale = from / to, reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const center = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(from, Math.trunc(center + reach + 0.5));
    const weights = [];
    for (let i = first; i < end; i++) weights.push(Math.max(0, 1 - Math.abs(i - center + 0.5) / reach));
    const sum = weights.reduce((total, one) => total + one, 0);
    return { first, weights: weights.map((one) => one / sum) };
  });
}

// Resize planes [channels, height, width]. `bytes`: rounded after each direction, as Pillow 13 does, which takes
// the direction first that leaves fewer pixels (other versions of it give some bytes that differ by 1).
function resize(planes, [channels, height, width], [tall, wide], bytes) {
  const ONE = 1 << 22; // Pillow counts in parts of 2^-22
  const narrowed = (line) => (bytes ? line.weights.map((one) => Math.trunc(0.5 + one * ONE)) : line.weights);
  const pass = (input, lines, outer, inner, step) => {
    // `outer` lines of `lines.length` results each, whose inputs are `step` apart.
    const size = input.length / (outer * inner), output = new input.constructor(outer * lines.length * inner);
    lines.forEach((line, place) => {
      const weights = narrowed(line);
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < inner; i++) {
          let sum = bytes ? ONE / 2 : 0;
          for (let k = 0; k < weights.length; k++) sum += weights[k] * input[(o * size + line.first + k) * step + i];
          output[(o * lines.length + place) * step + i] = bytes ? Math.min(255, Math.floor(sum / ONE)) : sum;
        }
      }
    });
    return output;
  };
  const across = (input, rows) => (wide === width ? input : pass(input, triangles(width, wide), rows, 1, 1));
  const down = (input, row) => (tall === height ? input : pass(input, triangles(height, tall), channels, row, row));
  if (width * tall < wide * height) return across(down(planes, width), channels * tall);
  return down(across(planes, channels * height), wide);
}

// One channel of a pixel on white, as Pillow blends.
function onWhite(value, alpha) {
  if (alpha === 255) return value;
  const sum = 128 * (value * alpha + 255 * (255 - alpha) + 128);
  return ((sum >> 8) + sum) >> 15;
}

// RGBA bytes of a picture -> bytes [channels, height, width] of the net's images.
function toBytes(rgba, width, height, [channels, tall, wide]) {
  const size = width * height, planes = new Uint8Array(channels * size);
  for (let i = 0, at = 0; i < size; i++, at += 4) {
    const alpha = rgba[at + 3];
    const r = onWhite(rgba[at], alpha), g = onWhite(rgba[at + 1], alpha), b = onWhite(rgba[at + 2], alpha);
    if (channels === 1) {
      planes[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
    } else {
      planes[i] = r;
      planes[size + i] = g;
      planes[2 * size + i] = b;
    }
  }
  return resize(planes, [channels, height, width], [tall, wide], true);
}

// Bytes of the net's images -> its input.
function normalize(bytes, net) {
  const [channels, height, width] = net.image_shape, size = height * width;
  const x = new Float32Array(bytes.length);
  for (let c = 0; c < channels; c++) {
    for (let i = c * size; i < (c + 1) * size; i++) x[i] = (bytes[i] / 255 - net.mean[c]) / net.std[c];
  }
  return resize(x, net.image_shape, net.input_shape.slice(1), false);
}

// The numbers in a safetensors file, by name: a length of 8 bytes, a header in JSON, and the numbers.
function readWeights(buffer) {
  const start = 8 + Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8)));
  const weights = {};
  for (const [name, { dtype, data_offsets: [first, last] = [] }] of Object.entries(header)) {
    if (dtype === "F32") weights[name] = new Float32Array(buffer.slice(start + first, start + last));
  }
  return weights;
}

function convolution(x, [channels, height, width], outputs, size, weight, bias) {
  const border = size >> 1, tall = height + 2 * border, wide = width + 2 * border, area = height * width;
  const padded = new Float32Array(channels * tall * wide), y = new Float32Array(outputs * area);
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < height; row++) {
      const from = (c * height + row) * width;
      padded.set(x.subarray(from, from + width), (c * tall + row + border) * wide + border);
    }
  }
  for (let o = 0, k = 0; o < outputs; o++) {
    const sums = y.subarray(o * area, (o + 1) * area).fill(bias[o]);
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++, k++) {
          const factor = weight[k];
          for (let row = 0; row < height; row++) {
            const from = (c * tall + row + i) * wide + j, to = row * width;
            for (let column = 0; column < width; column++) sums[to + column] += factor * padded[from + column];
          }
        }
      }
    }
  }
  return y;
}

function pool(x, [channels, height, width], [, tall, wide]) {
  const y = new Float32Array(channels * tall * wide);
  for (let c = 0, k = 0; c < channels; c++) {
    for (let row = 0; row < tall; row++) {
      for (let column = 0; column < wide; column++, k++) {
        const i = (c * height + 2 * row) * width + 2 * column;
        y[k] = Math.max(x[i], x[i + 1], x[i + width], x[i + width + 1]);
      }
    }
  }
  return y;
}

// The error function, to 1.5e-7 (Abramowitz & Stegun 1964, 7.1.26).
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

const ACTIVATIONS = {
  relu: (x) => Math.max(0, x),
  leaky_relu: (x) => (x > 0 ? x : 0.01 * x),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x / (1 + Math.exp(-x)),
};

const LAYERS = {
  conv: (x, { name, inputs, outputs, size }, w) =>
    convolution(x, inputs, outputs[0], size, w[`${name}.weight`], w[`${name}.bias`]),
  norm(x, { name, inputs: [channels] }, w) {
    const area = x.length / channels;
    for (let c = 0; c < channels; c++) {
      const scale = w[`${name}.weight`][c] / Math.sqrt(w[`${name}.running_var`][c] + 1e-5);
      const shift = w[`${name}.bias`][c] - scale * w[`${name}.running_mean`][c];
      for (let i = c * area; i < (c + 1) * area; i++) x[i] = scale * x[i] + shift;
    }
    return x;
  },
  activation: (x, _, __, net) => x.map(ACTIVATIONS[net.activation]),
  pool: (x, { inputs, outputs }) => pool(x, inputs, outputs),
  gap(x, { inputs: [channels] }) {
    const area = x.length / channels;
    return Float32Array.from({ length: channels }, (_, c) => {
      let sum = 0;
      for (let i = c * area; i < (c + 1) * area; i++) sum += x[i];
      return sum / area;
    });
  },
  linear(x, { name, outputs: [outputs] }, w) {
    const weight = w[`${name}.weight`], bias = w[`${name}.bias`];
    return Float32Array.from({ length: outputs }, (_, o) => {
      let sum = bias[o];
      for (let i = 0; i < x.length; i++) sum += weight[o * x.length + i] * x[i];
      return sum;
    });
  },
  flatten: (x) => x,
  dropout: (x) => x,
};

// The logits of one image of bytes. `pause` is awaited after every layer, with the number of layers done.
async function logitsOf(bytes, net, weights, pause) {
  let x = normalize(bytes, net), done = 0;
  for (const layer of net.layers) {
    x = LAYERS[layer.op](x, layer, weights, net);
    done += 1;
    if (pause) await pause(done);
  }
  return x;
}

function softmax(logits) {
  const most = Math.max(...logits), powers = Array.from(logits, (one) => Math.exp(one - most));
  const sum = powers.reduce((total, one) => total + one, 0);
  return powers.map((one) => one / sum);
}
