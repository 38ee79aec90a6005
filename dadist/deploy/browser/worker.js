// Beside the page, so that it goes on answering: decodes a photograph, and asks the network.
import * as ort from "./ort.wasm.bundle.min.mjs";
import { bicubic, framed, labels, planes } from "./photograph.js";

const beside = (name) => new URL(name, import.meta.url).href;
ort.env.wasm.numThreads = 1; // more take headers that a plain server does not send
ort.env.wasm.wasmPaths = { wasm: beside("ort-wasm-simd-threaded.wasm") };

async function got(name) {
  const answer = await fetch(beside(name));
  if (!answer.ok) throw new Error(`${name}: expected a file beside the page, got ${answer.status}; export it again`);
  return answer;
}

async function begin() {
  const model = await (await got("model.json")).json();
  const bytes = new Uint8Array(await (await got("model.onnx")).arrayBuffer());
  return { model, session: await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }) };
}

async function decoded(file) {
  try {
    return await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`${file.name}: expected a photograph that a browser shows (JPEG, PNG, WebP), got another file`);
  }
}

async function predict(file, { model, session }) {
  const photograph = await decoded(file);
  const size = [photograph.width, photograph.height];
  const { content, input, end } = framed(model.frame, size);
  if (Math.min(...input) < model.least || (model.fixed && String(input) !== String(model.fixed))) {
    const wanted = model.fixed ? `of the shape ${model.fixed.join(":")}` : "that is less narrow";
    throw new Error(`${file.name}: expected a photograph ${wanted}, got ${size.join("x")}; cut it`);
  }
  const canvas = new OffscreenCanvas(...size).getContext("2d", { willReadFrequently: true });
  canvas.drawImage(photograph, 0, 0);
  const small = bicubic(canvas.getImageData(0, 0, ...size).data, size, content);
  const images = new ort.Tensor("uint8", planes(small, content, input), [1, 3, input[1], input[0]]);
  const { lattice } = await session.run({ images });
  return { size, photograph, labels: labels(lattice.data, lattice.dims.slice(1), end, size) };
}

const begun = begin();
begun.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ error: String(error.message ?? error) }),
);
let last = Promise.resolve(); // one photograph after the other
onmessage = ({ data: file }) => {
  last = last.then(async () => {
    try {
      const started = performance.now();
      const found = await predict(file, await begun);
      const seconds = (performance.now() - started) / 1000;
      postMessage({ name: file.name, seconds, ...found }, [found.photograph, found.labels.buffer]);
    } catch (error) {
      postMessage({ error: String(error.message ?? error) });
    }
  });
};
