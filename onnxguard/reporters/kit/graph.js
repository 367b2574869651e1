// It helps in pictures of graphs; it is the same for every page.
// What it shows it takes from the page as text, never as HTML.
"use strict";
(() => {
  const align = (frame) => {  // what stands level stays so
    for (const other of frame.closest(".beside")?.querySelectorAll(".drawing") ?? []) {
      other.scrollTop = frame.scrollTop;
    }
  };
  const reveal = (box, always) => {
    const frame = box.closest(".drawing");
    const inner = frame.getBoundingClientRect(), own = box.getBoundingClientRect();
    if (always || own.left < inner.left || own.right > inner.right) {
      frame.scrollLeft += own.x + own.width / 2 - inner.x - inner.width / 2;
    }
    if (always || own.top < inner.top || own.bottom > inner.bottom) {
      frame.scrollTop += own.y + own.height / 2 - inner.y - inner.height / 2;
    }
    align(frame);
  };
  // What stands for the same node has the same data-node: its boxes, and its rows in a table.
  const choose = (key, box) => {
    document.querySelectorAll(".chosen").forEach((part) => part.classList.remove("chosen"));
    document.querySelectorAll(".status").forEach((line) => { line.textContent = ""; });
    const same = key ? document.querySelectorAll(`[data-node="${CSS.escape(key)}"]`) : [];
    for (const part of new Set(box ? [box, ...same] : same)) {
      if (key) part.classList.add("chosen");
      if (!part.closest("svg")) continue;
      const line = part.closest(".side, .graph").querySelector(".status");
      line.textContent = part.querySelector("title").textContent;
      if (part !== box) reveal(part, !box);
    }
  };
  const tell = (event) => {
    const box = event.target.closest("svg .box");
    // Between the press of a button and its release nothing may move away.
    if (box && (event.type === "click" || box.matches(":focus-visible"))) {
      choose(box.dataset.node, box);
    }
  };
  const follow = () => {
    const target = document.querySelector(":target[data-node]");
    if (!target) return;
    choose(target.dataset.node);
    target.closest(".beside")?.scrollIntoView({ block: "nearest" });
  };
  const centre = (drawings) => {
    for (const drawing of document.querySelectorAll(drawings)) {
      const first = drawing.querySelector(":is(.added, .removed, .changed) > rect");
      if (first) { reveal(first, true); continue; }
      const box = drawing.querySelector(".box > rect")?.getBoundingClientRect();
      const inner = drawing.getBoundingClientRect();
      if (box) drawing.scrollLeft += box.x + box.width / 2 - inner.x - inner.width / 2;
    }
  };
  const ease = (graph) => {
    const frames = Array.from(graph.querySelectorAll(".drawing"));
    let scale = 1;
    const zoom = (to, right, down) => {  // what is so far from the corner of a frame stays there
      scale = Math.min(4, Math.max(0.1, to));
      for (const frame of frames) {
        const svg = frame.querySelector("svg"), inner = frame.getBoundingClientRect();
        const before = svg.getBoundingClientRect(), { width, height } = svg.viewBox.baseVal;
        const x = inner.x + (right ?? inner.width / 2), y = inner.y + (down ?? inner.height / 2);
        svg.setAttribute("width", width * scale);
        svg.setAttribute("height", height * scale);
        const after = svg.getBoundingClientRect();
        frame.scrollLeft += after.x + (x - before.x) / before.width * after.width - x;
        frame.scrollTop += after.y + (y - before.y) / before.height * after.height - y;
      }
    };
    const ways = {
      in: () => zoom(scale * 1.25),
      out: () => zoom(scale / 1.25),
      full: () => zoom(1),
      fit: () => zoom(Math.min(1, ...frames.map((frame) => {
        const { width, height } = frame.querySelector("svg").viewBox.baseVal;
        const most = parseFloat(getComputedStyle(frame).maxHeight);
        return Math.min((frame.clientWidth - 20) / width, (most - 20) / height);
      }))),
    };
    const keys = { "+": "in", "=": "in", "-": "out", "0": "fit", "1": "full" };
    const steps = {
      ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60],
    };
    const tools = graph.querySelector(".tools");
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) ways[button.dataset.zoom]();
    });
    tools.hidden = false;
    for (const frame of frames) {
      let from = null, dragged = false;
      frame.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const before = [frame.scrollLeft, frame.scrollTop];
        if (event.key in keys) ways[keys[event.key]]();
        else if (event.key in steps) frame.scrollBy(...steps[event.key]);
        else return;
        const moved = frame.scrollLeft !== before[0] || frame.scrollTop !== before[1];
        if (event.key in keys || moved) event.preventDefault();  // at the edge the page scrolls
      });
      frame.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const inner = frame.getBoundingClientRect();
        const to = scale * Math.exp(-event.deltaY / 400);
        zoom(to, event.clientX - inner.x, event.clientY - inner.y);
      }, { passive: false });
      frame.addEventListener("dragstart", (event) => event.preventDefault());
      frame.addEventListener("pointerdown", (event) => {
        dragged = false;
        if (event.button || event.pointerType !== "mouse") return;
        from = [event.clientX, event.clientY, frame.scrollLeft, frame.scrollTop];
      });
      frame.addEventListener("pointermove", (event) => {
        if (!event.buttons) from = null;
        if (!from) return;
        const [x, y] = [event.clientX - from[0], event.clientY - from[1]];
        if (!dragged && Math.hypot(x, y) < 4) return;
        if (!dragged) frame.setPointerCapture(event.pointerId);
        dragged = true;
        frame.scrollTo(from[2] - x, from[3] - y);
      });
      frame.addEventListener("click", (event) => {
        if (dragged) event.preventDefault();
      }, true);
      frame.addEventListener("scroll", () => align(frame));
      frame.classList.add("live");
    }
  };
  document.querySelectorAll(".graph").forEach(ease);
  addEventListener("load", () => centre(".beside .drawing"));
  for (const moment of ["load", "hashchange"]) {
    addEventListener(moment, () => centre(".page:target .drawing"));
    addEventListener(moment, follow);
  }
  document.addEventListener("focusin", tell);
  document.addEventListener("click", tell);
})();
