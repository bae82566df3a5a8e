"use strict";
/* What is on the page of a photo: layers with opacity, and what is compared. The address holds it all. */
(() => {
  const LINES = "outline";

  /** Reads a scene from an address; a photo opens with its labels over it. */
  mass13k.readScene = (photo, query) => {
    const layers = new Map(mass13k.layerNames(photo).map((name) => [name, { on: false, opacity: startOpacity(name), lines: false }]));
    const text = query.get("layers") ?? "image,labels";
    for (const word of text.split(",")) {
      const [name, percent, how] = word.split(":");
      const layer = layers.get(name);
      if (layer) Object.assign(layer, { on: true, lines: how === LINES }, percent ? { opacity: percent / 100 } : {});
    }
    const off = new Set((query.get("off") || "").split(",").filter(Boolean).map(Number));
    const against = layers.has(query.get("against")) ? query.get("against") : [...layers.keys()].find((name) => name.startsWith("prediction"));
    const mode = against && ["swipe", "side"].includes(query.get("mode")) ? query.get("mode") : "single";
    return { layers, off, against, mode, swipe: 0.5 };
  };

  /** Writes a scene as words of an address. */
  mass13k.sceneQuery = ({ layers, off, against, mode }) => ({
    layers: [...layers].filter(([, each]) => each.on)
      .map(([name, each]) => [name, Math.round(100 * each.opacity), ...(each.lines ? [LINES] : [])].join(":")).join(","),
    off: [...off].join(","),
    mode: mode === "single" ? "" : mode,
    against: mode === "single" ? "" : against,
  });

  /** Names all layers of a photo in the order in which they are drawn. */
  mass13k.layerNames = (photo) => {
    const predictions = Object.keys(photo.layers).filter((name) => name.startsWith("prediction"));
    const errors = predictions.map((name) => "error" + name.slice("prediction".length));
    return ["image", "labels", ...predictions, "provenance", "weights", "edges", ...errors]
      .filter((name) => name in photo.layers || name.startsWith("error"));
  };

  mass13k.layerTitle = (name) => {
    const place = name.match(/\d+$/)?.[0];
    const prediction = place === undefined ? "" : mass13k.dataset.predictions[+place];
    return { image: "Photo", labels: "Labels", edges: "Edge map", weights: "Boundary weights", provenance: "Provenance" }[name]
      || (name.startsWith("error") ? `Errors of ${prediction}` : `Prediction ${prediction}`);
  };

  /** What is drawn in one view: [{name, opacity, lines}] from the bottom up; where views are compared, of classes one layer. */
  mass13k.drawn = (scene, compared) => {
    const shown = [...scene.layers].filter(([, each]) => each.on).map(([name, each]) => ({ name, ...each }));
    if (scene.mode === "single") return shown;
    const labels = scene.layers.get("labels");
    return [...shown.filter(({ name }) => name !== "labels" && !name.startsWith("prediction")), { name: compared, ...labels, on: true }]
      .sort((a, b) => rank(a.name) - rank(b.name));
  };

  const rank = (name) => ["image", "label", "predi", "prove", "weigh", "edges", "error"].indexOf(name.slice(0, 5));
  const startOpacity = (name) => (name === "image" ? 1 : name === "labels" || name.startsWith("prediction") ? 0.5 : 0.7);
})();
