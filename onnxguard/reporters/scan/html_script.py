"""The script of the HTML page of a scan: it sorts and filters, and helps in pictures.

It is the same for every run. What it shows it takes from the page as text, never as HTML.
"""

from __future__ import annotations

SCRIPT = """
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
    let verdict = "";
    const filter = () => {
      const words = search.value.toLowerCase().split(" ").filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = texts.get(row);
        row.hidden = (verdict && row.dataset.verdict !== verdict)
          || !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      status.textContent = `${shown.toLocaleString("en")} of ${status.dataset.total} shown`;
    };
    search.addEventListener("input", filter);
    choices.forEach((choice) => choice.addEventListener("click", () => {
      verdict = choice.dataset.verdict;
      choices.forEach((other) => other.setAttribute("aria-pressed", String(other === choice)));
      filter();
    }));
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
  addEventListener("hashchange", centre);
  addEventListener("load", centre);
  document.addEventListener("focusin", tell);
  document.addEventListener("click", tell);
})();
"""
