"use strict";
/* The tiles of one photo: fetched when first asked for, decoded to exact numbers, the last ones kept. */
(() => {
  const MOST_TILES = 500;
  const MOST_AT_A_TIME = 8;
  const RETRY_MS = 3000;

  mass13k.Tiles = class {
    /**
     * @param {Object} photo From api/sample.
     * @param {Function} arrived Called when a tile that was asked for is there.
     */
    constructor(photo, arrived) {
      this.photo = photo;
      this.arrived = arrived;
      this.held = new Map();
      this.queue = [];
      this.running = 0;
      this.closed = false;
    }

    /** Gives a tile, {bitmap} or {ids, width, height}, or null while it is under way. */
    get(layer, level, row, column) {
      const { size_hw: [height, width], tile } = this.photo;
      const [rows, columns] = [height, width].map((side) => Math.ceil(Math.ceil(side / 2 ** level) / tile));
      if (row < 0 || column < 0 || row >= rows || column >= columns) return null;
      const name = `${layer}/${level}/${row}_${column}`;
      const found = this.held.get(name);
      if (found) {
        this.held.delete(name); // and to the end again: the last to go
        this.held.set(name, found);
        return found.ready ? found : null;
      }
      const entry = { ready: false, painted: null };
      this.held.set(name, entry);
      this.queue.push({ name, layer, entry });
      this.next();
      return null;
    }

    next() {
      while (this.running < MOST_AT_A_TIME && this.queue.length && !this.closed) {
        const job = this.queue.pop(); // what was asked for last is what is looked at now
        this.running++;
        this.fetch(job).catch(() => { setTimeout(() => this.held.delete(job.name), RETRY_MS); }).finally(() => {
          this.running--;
          this.trim();
          if (!this.closed) this.arrived();
          this.next();
        });
      }
    }

    async fetch({ name, layer, entry }) {
      const { split, key } = this.photo;
      const ending = layer === "image" ? "jpg" : "png";
      const blob = await mass13k.blob(`tile/${mass13k.encode(split)}/${mass13k.encode(key)}/${name}.${ending}`);
      const exact = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
      const bitmap = await createImageBitmap(blob, layer === "image" ? {} : exact);
      if (layer === "image") entry.bitmap = bitmap;
      else Object.assign(entry, numbers(bitmap));
      entry.ready = true;
    }

    trim() {
      for (const [name, entry] of this.held) {
        if (this.held.size <= MOST_TILES) return;
        if (entry.ready) { entry.bitmap?.close(); this.held.delete(name); }
      }
    }

    close() {
      this.closed = true;
      this.queue = [];
      for (const entry of this.held.values()) entry.bitmap?.close();
      this.held.clear();
    }
  };

  /** Reads the grey values of a picture: no colour management, no smoothing. */
  function numbers(bitmap) {
    const { width, height } = bitmap;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    const rgba = context.getImageData(0, 0, width, height).data;
    const ids = new Uint8Array(width * height);
    for (let i = 0; i < ids.length; i++) ids[i] = rgba[4 * i];
    bitmap.close();
    return { ids, width, height };
  }
})();
