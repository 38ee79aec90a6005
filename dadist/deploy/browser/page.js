const byId = (id) => document.getElementById(id);
const told = byId("told");
const shares = document.querySelectorAll(".legend small");

// A worker made of a blob is bound to the page's policy: it, too, asks nothing but its own server.
const source = `import ${JSON.stringify(new URL("worker.js", location.href).href)};`;
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });

function tell(text, wrong = false) {
  told.textContent = text;
  told.classList.toggle("warnings", wrong);
}

function take(file) {
  tell(`${file.name}: at work …`);
  worker.postMessage(file);
}

function show({ name, size, photograph, labels, seconds }, colours) {
  const [image, classes] = ["photograph", "classes"].map((id) => {
    [byId(id).width, byId(id).height] = size;
    return byId(id).getContext("2d");
  });
  image.drawImage(photograph, 0, 0);
  const pixels = classes.createImageData(...size);
  const counts = new Array(colours.length).fill(0);
  labels.forEach((label, at) => {
    counts[label]++;
    pixels.data.set(colours[label], 4 * at);
  });
  classes.putImageData(pixels, 0, 0);
  counts.forEach((count, label) => {
    const share = (100 * count) / labels.length;
    shares[label].textContent = ` ${count && share < 1 ? "< 1" : Math.round(share)} %`;
  });
  byId("picture").hidden = false;
  byId("classes").setAttribute("aria-label", `Classes of ${name}`);
  tell(`${name}: ${size.join("×")} pixels in ${seconds.toFixed(1)} s`);
}

async function begin() {
  const { colours } = await (await fetch("model.json")).json();
  worker.onmessage = ({ data }) => {
    if (data.error) tell(data.error, true);
    else if (data.ready) {
      tell("The model is loaded. Drop a photograph anywhere on this page.");
      byId("file").disabled = false;
    } else show(data, colours);
  };
  worker.onerror = () => tell("The worker did not start; a browser of 2023 or later is needed", true);
  byId("file").addEventListener("change", ({ target }) => target.files.length && take(target.files[0]));
  byId("strength").addEventListener("input", ({ target }) => (byId("classes").style.opacity = target.value / 100));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}

tell("The model is being loaded …");
begin();
