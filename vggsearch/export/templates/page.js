// The page: a picture is drawn, dropped, pasted or chosen; what the net makes of it is shown as bars.

const net = JSON.parse(document.getElementById("net").textContent);
const [channels, height, width] = net.image_shape;
const at = (id) => document.getElementById(id);
const pad = at("pad"), pen = pad.getContext("2d", { willReadFrequently: true });
const SLOW = 3e8; // multiply-adds, about a third of a second: then layers take turns with the page
const MOST_PIXELS = 2 ** 26;
const FEW = 12; // so many classes keep their places; of more, the most likely are shown

const scale = Math.max(1, Math.round(280 / Math.max(height, width)));
[pad.width, pad.height] = [width * scale, height * scale];

let weights = null;
let source = null; // RGBA of the picture; null while the pad itself is the picture
let latest = 0;

function say(text, wrong = false) {
  at("answer").textContent = text;
  at("answer").classList.toggle("wrong", wrong);
}

async function loadWeights() {
  const inside = at("weights").textContent;
  if (inside) {
    const text = atob(inside);
    return readWeights(Uint8Array.from(text, (one) => one.charCodeAt(0)).buffer);
  }
  const answer = await fetch("model.safetensors");
  if (!answer.ok) throw new Error(answer.statusText);
  return readWeights(await answer.arrayBuffer());
}

function bars(logits) {
  const probabilities = softmax(logits);
  let order = net.labels.map((_, label) => label);
  const best = order.reduce((a, b) => (logits[b] > logits[a] ? b : a));
  if (order.length > FEW) order = order.sort((a, b) => logits[b] - logits[a]).slice(0, 10);
  at("bars").replaceChildren(...order.map((label) => {
    const percent = 100 * probabilities[label], row = document.createElement("li");
    const parts = ["name", "track", "share"].map((kind) => {
      const part = document.createElement("span");
      part.className = kind;
      return part;
    });
    parts[0].textContent = net.labels[label];
    parts[2].textContent = `${percent.toFixed(1)} %`;
    const bar = document.createElement("span");
    bar.style.width = `${percent}%`;
    parts[1].append(bar);
    row.className = label === best ? "best" : "";
    row.title = `logit ${logits[label].toFixed(6)}`;
    row.append(...parts);
    return row;
  }));
  say(`${net.labels[best]}, ${(100 * probabilities[best]).toFixed(1)} %`);
}

function showSeen(bytes) {
  const seen = at("seen"), size = height * width;
  [seen.width, seen.height] = [width, height];
  const image = new ImageData(width, height);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = bytes[(channels === 1 ? 0 : c) * size + i];
    image.data[4 * i + 3] = 255;
  }
  seen.getContext("2d").putImageData(image, 0, 0);
}

async function classify() {
  if (!weights) return;
  const turn = ++latest;
  const picture = source ?? pen.getImageData(0, 0, pad.width, pad.height);
  let bytes = toBytes(picture.data, picture.width, picture.height, net.image_shape);
  if (at("invert").checked) bytes = bytes.map((one) => 255 - one);
  showSeen(bytes);
  const pause = net.macs < SLOW ? null : async (done) => {
    say(`layer ${done} of ${net.layers.length} …`);
    await new Promise((go) => { setTimeout(go); });
    if (turn !== latest) throw new Error("overtaken");
  };
  try {
    bars(await logitsOf(bytes, net, weights, pause));
  } catch (error) {
    if (turn === latest) throw error;
  }
}

function clear() {
  source = null;
  pen.fillStyle = net.dark ? "black" : "white";
  pen.fillRect(0, 0, pad.width, pad.height);
  at("hint").hidden = false;
  at("bars").replaceChildren();
  at("seen").getContext("2d").clearRect(0, 0, width, height);
  latest += 1;
  say("Draw or drop a picture.");
}

async function take(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    say("This is no picture that the browser can read.", true);
    return;
  }
  if (bitmap.width * bitmap.height > MOST_PIXELS) {
    say(`A picture has at most ${MOST_PIXELS} pixels, and this one has more.`, true);
    return;
  }
  const whole = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  whole.drawImage(bitmap, 0, 0);
  source = whole.getImageData(0, 0, bitmap.width, bitmap.height);
  at("hint").hidden = true;
  pen.imageSmoothingEnabled = bitmap.width > pad.width;
  pen.fillStyle = "white";
  pen.fillRect(0, 0, pad.width, pad.height);
  pen.drawImage(bitmap, 0, 0, pad.width, pad.height);
  await classify();
}

function drawing() {
  let waiting = false, last = [0, 0];
  const where = (event) => {
    const box = pad.getBoundingClientRect();
    return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
  };
  const strokeTo = (point) => {
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...point);
    pen.stroke();
    last = point;
  };
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; classify(); });
  };
  pad.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    pad.setPointerCapture(event.pointerId);
    at("hint").hidden = true;
    source = null;
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = Math.max(pad.width, pad.height) / 14;
    pen.strokeStyle = at("ink").value;
    last = where(event);
    strokeTo(last);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!pad.hasPointerCapture(event.pointerId)) return;
    strokeTo(where(event));
    if (net.macs < SLOW) soon();
  });
  pad.addEventListener("pointerup", soon);
}

function samples() {
  at("samples").replaceChildren(...net.samples.map(({ label, png }) => {
    const button = document.createElement("button"), image = document.createElement("img");
    image.src = `data:image/png;base64,${png}`;
    image.alt = button.title = label;
    button.append(image);
    button.addEventListener("click", () => showSample(png));
    return button;
  }));
  at("tries").hidden = net.samples.length === 0;
}

const showSample = (png) => take(new Blob([Uint8Array.from(atob(png), (one) => one.charCodeAt(0))]));

async function begin() {
  clear();
  at("ink").value = net.dark ? "#ffffff" : "#000000";
  at("ink").parentElement.hidden = channels === 1;
  samples();
  drawing();
  at("clear").addEventListener("click", clear);
  at("invert").addEventListener("change", classify);
  at("file").addEventListener("change", (event) => { if (event.target.files[0]) take(event.target.files[0]); });
  for (const kind of ["dragover", "drop"]) {
    window.addEventListener(kind, (event) => {
      event.preventDefault();
      document.body.classList.toggle("over", kind === "dragover");
      const [file] = event.dataTransfer?.files ?? [];
      if (kind === "drop" && file) take(file);
    });
  }
  window.addEventListener("dragleave", () => document.body.classList.remove("over"));
  window.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) take(file);
  });
  try {
    weights = await loadWeights();
  } catch {
    say("The weights beside this page cannot be read from here. In the folder of the page, run "
      + "python -m http.server 8000, and open http://localhost:8000/try.html", true);
    return;
  }
  // try.html#3 begins with the fourth sample.
  const first = net.samples[Number(location.hash.slice(1)) || 0];
  if (first) await showSample(first.png);
}

begin();
