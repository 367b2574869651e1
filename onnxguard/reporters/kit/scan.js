// It sorts and filters, and helps in pictures; it is the same for every run.
// What it shows it takes from the page as text, never as HTML.
"use strict";
(() => {
  const table = document.getElementById("model-table");
  const status = document.getElementById("shown");
  if (table) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const heads = Array.from(table.tHead.rows[0].cells);
    const order = new Intl.Collator("en", { numeric: true });
    const key = (row, column) => {
      const cell = row.cells[column];
      return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
    };
    const sort = (column, up) => {
      const sign = up ? 1 : -1;
      const keyed = rows.map((row) => [key(row, column), row]);
      keyed.sort(([a], [b]) => sign * (typeof a === "number" ? a - b : order.compare(a, b)));
      body.append(...keyed.map(([, row]) => row));
      heads.forEach((head, at) => {
        if (at === column) head.setAttribute("aria-sort", up ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
      });
    };
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        sort(column, now ? now !== "ascending" : !head.classList.contains("number"));
      });
      head.replaceChildren(button);
    });

    const search = document.getElementById("search");
    const choices = Array.from(document.querySelectorAll("button[data-verdict]"));
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const others = Array.from(document.querySelectorAll("[data-models]"), (part) => (
      { part, row: part.closest("tr"), models: part.dataset.models.split(" ") }));
    const cards = new Set(others.map(({ row }) => row.closest("section")));
    let verdict = "";
    const filter = () => {
      const words = search.value.toLowerCase().split(" ").filter(Boolean);
      const shown = new Set();
      for (const row of rows) {
        const text = texts.get(row);
        row.hidden = (verdict && !verdict.split(" ").includes(row.dataset.verdict))
          || !words.every((word) => text.includes(word));
        if (!row.hidden) shown.add(row.dataset.model);
      }
      for (const { part, row, models } of others) {
        const left = models.filter((model) => shown.has(model)).length;
        row.hidden = !left;
        if (part !== row) part.textContent = left.toLocaleString("en");
      }
      for (const card of cards) card.hidden = !card.querySelector("tbody tr:not([hidden])");
      status.textContent = `${shown.size.toLocaleString("en")} of ${status.dataset.total} shown`;
    };
    search.addEventListener("input", filter);
    choices.forEach((choice) => choice.addEventListener("click", () => {
      verdict = choice.dataset.verdict;
      choices.forEach((other) => other.setAttribute("aria-pressed", String(other === choice)));
      filter();
    }));
    const pressed = choices.find((choice) => choice.getAttribute("aria-pressed") === "true");
    if (pressed.dataset.verdict) pressed.click();
    document.getElementById("controls").hidden = false;
  }
  const tell = (event) => {
    const box = event.target.closest("svg .box");
    const line = box && box.closest(".graph").querySelector(".status");
    if (line) line.textContent = box.querySelector("title").textContent;
  };
  const centre = () => {
    const page = document.querySelector(".page:target");
    for (const drawing of page ? page.querySelectorAll(".drawing") : []) {
      const first = drawing.querySelector(".box > rect");
      if (!first) continue;
      const inner = drawing.getBoundingClientRect(), box = first.getBoundingClientRect();
      drawing.scrollLeft += box.x + box.width / 2 - inner.x - inner.width / 2;
    }
  };
  const ease = (graph) => {
    const frame = graph.querySelector(".drawing"), svg = frame.querySelector("svg");
    const width = Number(svg.getAttribute("width")), height = Number(svg.getAttribute("height"));
    let scale = 1, from = null, dragged = false;
    const zoom = (to, x, y) => {
      const inner = frame.getBoundingClientRect(), before = svg.getBoundingClientRect();
      x ??= inner.x + inner.width / 2;
      y ??= inner.y + inner.height / 2;
      const right = (x - before.x) / before.width, down = (y - before.y) / before.height;
      scale = Math.min(4, Math.max(0.1, to));
      svg.setAttribute("width", width * scale);
      svg.setAttribute("height", height * scale);
      const after = svg.getBoundingClientRect();
      frame.scrollLeft += after.x + right * after.width - x;
      frame.scrollTop += after.y + down * after.height - y;
    };
    const ways = {
      in: () => zoom(scale * 1.25),
      out: () => zoom(scale / 1.25),
      full: () => zoom(1),
      fit: () => {
        const style = getComputedStyle(frame), most = parseFloat(style.maxHeight);
        zoom(Math.min(1, (frame.clientWidth - 20) / width, (most - 20) / height));
      },
    };
    const keys = { "+": "in", "=": "in", "-": "out", "0": "fit", "1": "full" };
    const steps = {
      ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60],
    };
    graph.querySelector(".tools").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) ways[button.dataset.zoom]();
    });
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
      zoom(scale * Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
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
    frame.classList.add("live");
    graph.querySelector(".tools").hidden = false;
  };
  document.querySelectorAll(".graph").forEach(ease);
  addEventListener("hashchange", centre);
  addEventListener("load", centre);
  document.addEventListener("focusin", tell);
  document.addEventListener("click", tell);
})();
