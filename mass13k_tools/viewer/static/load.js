"use strict";
/* How answers come: from the server, or from scripts beside a page that was opened from disk. */
const mass13k = (window.mass13k = {});

(() => {
  const isStatic = document.documentElement.dataset.static === "yes";
  const waiting = new Map(); // address -> resolve, of scripts that are under way

  /** Encodes one part of an address as Python's urllib.parse.quote does. */
  mass13k.encode = (text) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());

  /** Called by every script of an exported site. */
  mass13k.deliver = (address, content) => waiting.get(address)?.(content);

  function byScript(address) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const done = (act, value) => { waiting.delete(address); script.remove(); act(value); };
      waiting.set(address, (content) =>
        content && content.error ? done(reject, new Error(content.error)) : done(resolve, content));
      script.onerror = () => done(reject, new Error("this is not part of the exported pages"));
      script.src = "data/" + address.split("/").map((part) => mass13k.encode(mass13k.encode(part))).join("/") + ".js";
      document.head.append(script);
    });
  }

  async function byServer(address) {
    const response = await fetch("/" + address);
    if (response.ok) return response;
    const said = await response.json().catch(() => ({}));
    throw new Error(said.error || `the server answered ${response.status}`);
  }

  /** Gives the JSON under an address. */
  mass13k.json = async (address) =>
    isStatic ? byScript(address.split("?")[0]) : (await byServer(address)).json();

  /** Gives the picture under an address as a Blob. */
  mass13k.blob = async (address) => {
    if (!isStatic) return (await byServer(address)).blob();
    const [head, text] = (await byScript(address)).split(",");
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Blob([bytes], { type: head.slice(5).split(";")[0] });
  };

  /** Shows the picture under an address in an <img>. */
  mass13k.picture = async (image, address) => {
    if (isStatic) image.src = await byScript(address);
    else image.src = "/" + address;
    await image.decode();
  };

  mass13k.isStatic = isStatic;
})();
