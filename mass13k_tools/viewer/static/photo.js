"use strict";
/* The page of one photo: one canvas, or two with locked views, and all that moves them. */
(() => {
  const { h } = mass13k;
  const WHEEL = 1.0015;
  const STEP = 1.5;
  const URL_MS = 150;

  mass13k.showPhoto = async (main, split, key) => {
    const row = mass13k.rows.find((each) => each.split === split && each.key === key);
    const title = h("h1", { class: "title" }, key);
    main.replaceChildren(h("div", { class: "photo" }, h("p", { class: "loading", role: "status" }, `Opening ${key} …`)));
    let photo;
    try {
      photo = await mass13k.json(`api/sample/${mass13k.encode(split)}/${mass13k.encode(key)}.json`);
    } catch (error) {
      return broken(main, title, row, error.message);
    }
    if (!mass13k.readAddress().parts.includes(key)) return { close() {} }; // gone on meanwhile
    return new Photo(main, photo, row, title);
  };

  function broken(main, title, row, reason) {
    main.replaceChildren(h("div", { class: "photo" }, h("section", { class: "stage" },
      h("div", { class: "bar" }, title, ...steps(row)), h("p", { class: "fault", role: "alert" }, reason))));
    const keys = (event) => stepKey(event, row);
    addEventListener("keydown", keys);
    return { close: () => removeEventListener("keydown", keys) };
  }

  /** The photo before or after in the gallery's order. */
  function neighbour(row, by) {
    const rows = mass13k.order?.length ? mass13k.order : mass13k.rows;
    const place = rows.indexOf(row);
    return rows[(place + by + rows.length) % rows.length] || row;
  }

  const goTo = (row, by, query) => { location.hash = mass13k.photoAddress(neighbour(row, by), query); };

  const steps = (row, query = () => "") => [
    h("button", { type: "button", title: "Previous photo (left arrow)", "aria-label": "Previous photo", onclick: () => goTo(row, -1, query()) }, "‹"),
    h("button", { type: "button", title: "Next photo (right arrow)", "aria-label": "Next photo", onclick: () => goTo(row, 1, query()) }, "›"),
  ];

  function stepKey(event, row, query = "") {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target.matches("input, select") || event.altKey || event.ctrlKey || event.metaKey) return false;
    goTo(row, by, query);
    return true;
  }

  class Photo {
    constructor(main, photo, row, title) {
      const { query } = mass13k.readAddress();
      Object.assign(this, { photo, row, probe: null, pointers: new Map(), started: false });
      this.scene = mass13k.readScene(photo, query);
      this.view = new mass13k.View(photo.size_hw);
      for (const name of ["x", "y"]) if (Number.isFinite(parseFloat(query.get(name)))) this.view[name] = parseFloat(query.get(name));
      this.view.zoom = parseFloat(query.get("z")) || 0;
      this.tiles = new mass13k.Tiles(photo, () => this.redraw());
      const predictions = mass13k.layerNames(photo).filter((name) => name.startsWith("prediction"));
      this.frames = ["labels", ...predictions].map((compared) => this.frame(compared)); // ground truth first
      this.handle = h("div", { class: "swipe", role: "slider", tabindex: 0, "aria-label": "Border between ground truth and prediction", "aria-valuemin": 0, "aria-valuemax": 100 });
      this.probeLine = h("p", { class: "probe", role: "status", "aria-label": "Pixel under the pointer" }, "Move over the photo to read a pixel");
      this.zoomText = h("span", { class: "zoom" });
      this.panel = mass13k.photoPanel(this);
      const views = h("div", { class: "views" }, ...this.frames, this.handle);
      this.frames[0].append(this.handle);
      main.replaceChildren(h("div", { class: "photo" },
        h("section", { class: "stage", "aria-label": "Photo" }, this.bar(title), views, this.probeLine), this.panel.element));
      this.changed();
      this.view.limit(this.frames[0]); // a key may come before the first drawing
      this.listen(views);
    }

    /** One view; beside each other each compares another layer of classes. */
    frame(compared) {
      const name = compared === "labels" ? "Ground truth" : mass13k.layerTitle(compared);
      const canvas = h("canvas", { tabindex: compared === "labels" ? 0 : -1, role: "img", "aria-label": `${this.photo.key}, ${name}` });
      return Object.assign(h("div", { class: "frame" }, canvas, h("span", { class: "tag" }, name)), { canvas, compared });
    }

    bar(title) {
      const button = (label, text, act) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
      const prediction = Boolean(this.scene.against);
      this.modes = ["single", "swipe", "side"].map((mode) => h("button", { type: "button", disabled: mode !== "single" && !prediction,
        title: prediction || mode === "single" ? "" : "needs predictions: mass13k view ROOT --pred DIR",
        onclick: () => { this.scene.mode = mode; this.changed(); } }, { single: "One", swipe: "Swipe", side: "Side by side" }[mode]));
      return h("div", { class: "bar" }, h("a", { href: "#/?" + (mass13k.galleryQuery || ""), class: "back", "aria-label": "Back to the gallery" }, "Gallery"),
        ...steps(this.row, () => this.kept()), title,
        h("span", { class: "group", role: "group", "aria-label": "Compare" }, ...this.modes),
        h("span", { class: "group", role: "group", "aria-label": "Zoom" },
          button("Zoom out (-)", "−", () => this.zoomBy(1 / STEP)), this.zoomText, button("Zoom in (+)", "+", () => this.zoomBy(STEP)),
          button("Fit (0)", "Fit", () => this.fit()), button("One pixel is one pixel", "1:1", () => this.zoomTo(1 / (devicePixelRatio || 1)))),
        h("span", { class: "group" }, button("Copy a link to this view", "Link", (event) => this.copy(event.currentTarget)),
          mass13k.isStatic ? null : button("Keep what is in sight as PNG", "Crop", () => this.crop()),
          button("Keys (?)", "?", () => mass13k.help())));
    }

    /** What stays when one goes to the next photo: layers and comparison, not the place. */
    kept() {
      return new URLSearchParams(Object.entries(mass13k.sceneQuery(this.scene)).filter(([, value]) => value)).toString();
    }

    changed() {
      const { mode } = this.scene;
      const [first, ...others] = this.frames;
      for (const frame of others) frame.hidden = mode !== "side";
      this.handle.hidden = mode !== "swipe";
      this.modes.forEach((button, place) => button.setAttribute("aria-pressed", ["single", "swipe", "side"][place] === mode));
      const swiped = this.scene.against && `Ground truth | ${mass13k.layerTitle(this.scene.against)}`;
      first.querySelector(".tag").textContent = { single: "", swipe: swiped, side: "Ground truth" }[mode];
      this.panel.update();
      this.redraw();
    }

    redraw() {
      if (this.started) return;
      this.started = true;
      requestAnimationFrame(() => { this.started = false; if (!this.closed) this.draw(); });
    }

    draw() {
      const [first] = this.frames;
      const { mode, off, swipe, against } = this.scene;
      this.view.limit(first);
      const paint = (frame, compared, part) => mass13k.draw(frame.canvas, frame, this.view, this.tiles, mass13k.drawn(this.scene, compared), off, part);
      for (const frame of this.frames.filter((each) => !each.hidden)) {
        fitCanvas(frame);
        if (mode === "swipe") {
          paint(frame, "labels", [0, swipe]);
          paint(frame, against, [swipe, 1]);
        } else paint(frame, frame.compared);
        mass13k.drawProbe(frame.canvas, frame, this.view, this.probe);
      }
      this.handle.style.left = `${100 * swipe}%`;
      this.handle.setAttribute("aria-valuenow", Math.round(100 * swipe));
      this.zoomText.textContent = `${mass13k.number(100 * this.view.zoom * (devicePixelRatio || 1), 0)} %`;
      this.sayProbe();
      clearTimeout(this.writing);
      this.writing = setTimeout(() => this.writeAddress(), URL_MS);
    }

    writeAddress() {
      const { x, y, zoom } = this.view;
      if (!this.closed) mass13k.writeQuery({ x: x.toFixed(1), y: y.toFixed(1), z: zoom.toPrecision(4), ...mass13k.sceneQuery(this.scene) });
    }

    /** Says what is under the pointer: place, and the value of every layer of numbers. */
    sayProbe() {
      if (!this.probe) return;
      const { x, y } = this.probe;
      const words = [`x ${x}, y ${y}`];
      for (const name of ["labels", ...Object.keys(this.photo.layers).filter((each) => each.startsWith("prediction")), "provenance"]) {
        const value = this.valueAt(name, x, y);
        if (value !== undefined) words.push(`${mass13k.layerTitle(name)}: ${value === null ? "…" : this.meaning(name, value)}`);
      }
      this.probeLine.textContent = words.join("   ·   ");
    }

    /** The number of a layer at a pixel: exact, from level 0; null while it is under way, undefined without the layer. */
    valueAt(name, x, y) {
      if (!(name in this.photo.layers)) return undefined;
      const side = this.photo.tile;
      const tile = this.tiles.get(name, 0, Math.floor(y / side), Math.floor(x / side));
      return tile ? tile.ids[(y % side) * tile.width + (x % side)] : null;
    }

    meaning(name, value) {
      if (name === "provenance") {
        const source = this.photo.sources.find((each) => each.number === value);
        return value === 0 ? "original" : source ? `${value} ${source.class} from ${source.source}` : value;
      }
      return value === 255 ? "255 ignore" : `${value} ${mass13k.dataset.classes.find((each) => each.id === value)?.name || "unknown"}`;
    }

    zoomBy(factor) {
      const frame = this.frames[0];
      this.view.zoomAt(factor, frame.clientWidth / 2, frame.clientHeight / 2, frame);
      this.redraw();
    }

    zoomTo(zoom) { this.zoomBy(zoom / this.view.zoom); }

    fit() {
      Object.assign(this.view, { x: this.view.width / 2, y: this.view.height / 2, zoom: this.view.fitted(this.frames[0]) });
      this.redraw();
    }

    /** Goes to a window, {x, y, width, height} in pixels. */
    look({ x, y, width, height }) {
      const frame = this.frames[0];
      Object.assign(this.view, { x: x + width / 2, y: y + height / 2, zoom: Math.min(frame.clientWidth / width, frame.clientHeight / height) });
      this.redraw();
    }

    async copy(button) {
      this.writeAddress();
      try { await navigator.clipboard.writeText(location.href); } catch { prompt("The link to this view", location.href); }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Link"; }, 1200);
    }

    /** Keeps the part in sight: the photo, with the layers drawn over it. */
    crop() {
      const frame = this.frames[0];
      const { width, height } = this.view;
      const a = this.view.toPhoto(0, 0, frame);
      const b = this.view.toPhoto(frame.clientWidth, frame.clientHeight, frame);
      const [x, y] = [Math.max(0, Math.floor(a.x)), Math.max(0, Math.floor(a.y))];
      const [w, hgt] = [Math.min(width - x, Math.ceil(b.x) - x, 4096), Math.min(height - y, Math.ceil(b.y) - y, 4096)];
      const layer = this.panel.cropLayer();
      const { split, key } = this.photo;
      h("a", { href: `/crop/${mass13k.encode(split)}/${mass13k.encode(key)}/${layer}.png?x=${x}&y=${y}&w=${w}&h=${hgt}`,
        download: `${key}-${layer}-x${x}-y${y}-${w}x${hgt}.png` }).click();
    }

    toggle(name, change = {}) {
      const layer = this.scene.layers.get(name);
      if (!layer) return;
      Object.assign(layer, "on" in change || "lines" in change || "opacity" in change ? change : { on: !layer.on });
      this.changed();
    }

    listen(views) {
      const point = (event) => {
        const frame = event.target.closest(".frame") || this.frames[0];
        const box = frame.getBoundingClientRect();
        return { frame, px: event.clientX - box.left, py: event.clientY - box.top };
      };
      views.addEventListener("wheel", (event) => {
        event.preventDefault();
        const { frame, px, py } = point(event);
        const pixels = event.deltaY * (event.deltaMode === 1 ? 20 : 1) * (event.ctrlKey ? 6 : 1);
        this.view.zoomAt(WHEEL ** -pixels, px, py, frame);
        this.redraw();
      }, { passive: false });
      views.addEventListener("dblclick", (event) => {
        const { frame, px, py } = point(event);
        this.view.zoomAt(event.shiftKey ? 0.5 : 2, px, py, frame);
        this.redraw();
      });
      views.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        this.swiping = event.target === this.handle;
        this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
        event.target.setPointerCapture?.(event.pointerId);
      });
      views.addEventListener("pointermove", (event) => this.moved(event, point(event)));
      for (const name of ["pointerup", "pointercancel"]) views.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
      this.handle.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
        if (!by) return;
        event.stopPropagation();
        this.swipeTo(this.scene.swipe + by);
      });
      this.keys = (event) => this.key(event);
      addEventListener("keydown", this.keys);
      this.resized = new ResizeObserver(() => this.redraw());
      this.resized.observe(views);
    }

    swipeTo(part) {
      this.scene.swipe = Math.min(1, Math.max(0, part));
      this.redraw();
    }

    moved(event, { frame, px, py }) {
      const held = this.pointers.get(event.pointerId);
      if (held && this.swiping) {
        const box = this.frames[0].getBoundingClientRect();
        this.swipeTo((event.clientX - box.left) / box.width);
      } else if (held && this.pointers.size === 2) {
        const [a, b] = [...this.pointers.values()];
        const before = Math.hypot(a.x - b.x, a.y - b.y);
        Object.assign(held, { x: event.clientX, y: event.clientY });
        const box = this.frames[0].getBoundingClientRect();
        this.view.zoomAt(Math.hypot(a.x - b.x, a.y - b.y) / before, (a.x + b.x) / 2 - box.left, (a.y + b.y) / 2 - box.top, this.frames[0]);
      } else if (held) {
        this.view.x -= (event.clientX - held.x) / this.view.zoom;
        this.view.y -= (event.clientY - held.y) / this.view.zoom;
        Object.assign(held, { x: event.clientX, y: event.clientY });
      }
      const { x, y } = this.view.toPhoto(px, py, frame);
      const inside = x >= 0 && y >= 0 && x < this.view.width && y < this.view.height;
      this.probe = inside ? { x: Math.floor(x), y: Math.floor(y) } : null;
      this.redraw();
    }

    key(event) {
      if (document.querySelector("dialog[open]")) return; // its own keys
      if (event.target.matches("input[type=search], input[type=text], select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
      if (stepKey(event, this.row, this.kept())) return;
      const swipes = () => { this.scene.mode = this.scene.mode === "swipe" || !this.scene.against ? "single" : "swipe"; this.changed(); };
      const errors = [...this.scene.layers.keys()].find((name) => name.startsWith("error"));
      const acts = {
        "+": () => this.zoomBy(STEP), "=": () => this.zoomBy(STEP), "-": () => this.zoomBy(1 / STEP), 0: () => this.fit(),
        o: () => this.toggle("labels", { on: true, lines: !this.scene.layers.get("labels").lines }),
        l: () => this.toggle("labels"), i: () => this.toggle("image"), e: () => errors && this.toggle(errors),
        s: swipes, d: () => { this.scene.mode = this.scene.mode === "side" || !this.scene.against ? "single" : "side"; this.changed(); },
        "?": () => mass13k.help(), Escape: () => { location.hash = "#/?" + (mass13k.galleryQuery || ""); },
      };
      const each = /^[1-9]$/.test(event.key) ? mass13k.dataset.classes[+event.key - 1] : null;
      if (each) this.panel.toggleClass(each.id);
      else if (acts[event.key]) acts[event.key]();
      else return;
      event.preventDefault();
    }

    close() {
      this.closed = true;
      clearTimeout(this.writing);
      removeEventListener("keydown", this.keys);
      this.resized.disconnect();
      this.tiles.close();
    }

    recolour() { this.changed(); }

    measured() { this.panel.update(); }
  }

  function fitCanvas({ canvas, clientWidth, clientHeight }) {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  }
})();
