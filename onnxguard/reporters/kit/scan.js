// It sorts and filters; it is the same for every run.
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
})();
