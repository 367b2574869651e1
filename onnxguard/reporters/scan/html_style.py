"""The style sheet of the HTML page of a scan."""

from __future__ import annotations

from onnxguard.reporters.kit.html_style import BASE, NARROW

_OWN = """\
:root {
  --bad-fill: #fdecec; --doubt-fill: #fdf3dc; --note-fill: #e8f0fb; --node: #fff;
  --constant: #ece8f7; --constant-line: #7a5fb5; --port: #e3edf7; --edge: #7b8794; --focus: #0b57d0;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --bad-fill: #3d1a1c; --doubt-fill: #362a10; --note-fill: #17263a; --node: #1d242d;
    --constant: #2a2440; --constant-line: #a78bea; --port: #1b2c40; --edge: #8b97a5;
    --focus: #8ab4f8;
  }
}
html { scroll-padding-bottom: 7rem; }
body { max-width: 90rem; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: .5rem; top: .5rem; padding: .4rem .8rem; background: var(--card); z-index: 9; }
code { unicode-bidi: isolate; }
footer { color: var(--soft); font-size: .85rem; margin-top: 2rem; }
footer p { margin: 0 0 .2rem; max-width: none; }
header p { font-size: 1.05rem; }
.page:not(:target):not(:has(:target)) { display: none; }
main:has(> .page:target, > .page :target) > .index { display: none; }
.crumbs { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-bottom: .75rem; }
.hint { color: var(--soft); font-size: .88rem; }
.controls {
  display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: center; margin: .5rem 0;
}
.controls[hidden] { display: none; }
.controls label {
  display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; flex: 1 1 16rem;
}
input[type=search] {
  flex: 1 1 10rem; min-width: 0; max-width: 26rem; padding: .4rem .6rem; font: inherit;
  color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: .35rem;
}
.choices { display: flex; flex-wrap: wrap; gap: .4rem; }
button {
  font: inherit; color: inherit; background: var(--shade); border: 1px solid var(--soft);
  border-radius: .35rem; padding: .3rem .7rem; cursor: pointer;
}
button[aria-pressed=true] {
  background: var(--text); color: var(--card); border-color: var(--text);
}
th > button {
  background: none; border: 0; padding: 0; font-weight: 600; text-align: inherit;
  white-space: nowrap;
}
th > button::after { content: " \\2195"; content: " \\2195" / ""; color: var(--soft); }
th[aria-sort=ascending] > button::after {
  content: " \\2191"; content: " \\2191" / ""; color: var(--text);
}
th[aria-sort=descending] > button::after {
  content: " \\2193"; content: " \\2193" / ""; color: var(--text);
}
.models { table-layout: fixed; min-width: 60rem; } .models thead th { min-width: 0; }
.models thead th:first-child { width: 36%; }
.models tbody tr:hover { background: var(--shade); }
.models .badge { font-size: .85em; border-width: 1px; }
tr[hidden] { display: none; }
.clean { color: var(--soft); }
.rules { margin: 0; } .rules div { padding: .3rem .5rem; margin: 0 -.5rem; border-radius: .35rem; }
.rules dt { font-weight: 600; } .rules dd { margin: 0 0 .3rem; max-width: 62rem; }
.rules :target { background: var(--shade); outline: 2px solid var(--focus); }
.finding:target { background: var(--shade); outline: 2px solid var(--focus); outline-offset: 4px; }
.finding ul { list-style: none; padding: 0; }
.matrix { max-height: 75vh; overflow: auto; scroll-padding-top: 12rem; }
.matrix table { width: auto; border-collapse: separate; border-spacing: 0; }
.matrix thead th {
  position: sticky; top: 0; z-index: 1; background: var(--card); vertical-align: bottom;
  padding: .3rem .25rem;
}
.matrix thead th code {
  writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; max-height: 13rem;
  overflow: hidden; white-space: nowrap;
}
.matrix tbody th, .matrix thead th:first-child {
  position: sticky; left: 0; background: var(--card); width: 16rem; max-width: 16rem;
  min-width: 8rem;
}
.matrix thead th:first-child { z-index: 2; }
.matrix td { padding: .3rem .45rem; text-align: right; font-variant-numeric: tabular-nums; }
.matrix td:empty { background: none; }
td.error { background: var(--bad-fill); font-weight: 700; }
td.warning { background: var(--doubt-fill); font-weight: 700; }
td.note { background: var(--note-fill); }
.cards { columns: 22rem; column-gap: 1rem; }
.cards > section { display: inline-block; width: 100%; }
.cards tbody th { overflow-wrap: anywhere; }
.page { margin-top: 0; } .page [id] { scroll-margin-top: 5rem; }
.drawing {
  overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: .35rem;
  background: var(--page); padding: .5rem;
}
.drawing svg { display: block; margin: 0 auto; }
.tools { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin-bottom: .5rem; }
.tools[hidden] { display: none; }
@media (hover: none) { .tools span { display: none; } }
@media (hover: hover) {
  .drawing.live { overflow: hidden; cursor: grab; user-select: none; }
  .drawing.live:active { cursor: grabbing; }
}
.status {
  position: sticky; bottom: 0; max-width: none; font-size: .88rem; margin: 0; white-space: pre-line;
  background: var(--card);
}
.status:not(:empty) { padding: .4rem 0; border-top: 1px solid var(--line); }
svg text { font: 12px ui-monospace, monospace; fill: var(--text); text-anchor: middle; }
svg .op { font-weight: 700; font-size: 13px; }
svg .small, svg .title { font-size: 11px; fill: var(--soft); }
svg .title { text-anchor: start; font-weight: 700; }
svg .shape {
  text-anchor: start; font-size: 10px; fill: var(--soft);
  stroke: var(--page); stroke-width: 3px; paint-order: stroke;
}
svg .frame { fill: var(--page); stroke: var(--soft); stroke-dasharray: 1 3; stroke-linecap: round; }
svg .edge { fill: none; stroke: var(--edge); stroke-width: 1.3; }
svg .edge:hover { stroke: var(--focus); stroke-width: 3; }
svg .inside { stroke-dasharray: 5 4; }
svg .heads { fill: var(--edge); }
svg .box rect { fill: var(--node); stroke: var(--soft); stroke-width: 1.2; }
svg .port rect { fill: var(--port); stroke: var(--bar); }
svg .constant rect { fill: var(--constant); stroke: var(--constant-line); stroke-dasharray: 5 3; }
svg .error > rect { fill: var(--bad-fill); stroke: var(--bad); stroke-width: 3; }
svg .warning > rect { fill: var(--doubt-fill); stroke: var(--doubt); stroke-width: 3; }
svg .note > rect { fill: var(--note-fill); stroke: var(--bar); stroke-width: 2; }
svg .mark { font-size: 11px; font-weight: 700; }
svg .error > .mark { fill: var(--bad); } svg .warning > .mark { fill: var(--doubt); }
svg .note > .mark { fill: var(--bar); }
svg a { cursor: pointer; } svg .link { fill: var(--bar); text-decoration: underline; }
svg .box:focus { outline: none; }
svg .box:focus-visible > rect, svg a:focus-visible rect { stroke: var(--focus); stroke-width: 4; }
svg .box:hover > rect { stroke-width: 3; }
svg .box:target > rect { stroke: var(--focus); stroke-width: 5; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; list-style: none; padding: 0; }
.legend svg { vertical-align: -3px; margin-right: .35rem; }
"""

_PHONE = """\
@media (max-width: 40rem) {
  .models { min-width: 0; }
  .models thead { display: block; }
  .models thead tr { display: flex; flex-wrap: wrap; gap: .4rem; padding: 0 0 .5rem; border: 0; }
  .models thead th, .models thead th:first-child { min-width: 0; width: auto; }
  .models thead th:not(:has(button)) { display: none; }
  .models thead th > button {
    border: 1px solid var(--line); padding: .25rem .55rem; background: var(--shade);
  }
  .models tbody tr {
    padding: .6rem 0; content-visibility: auto; contain-intrinsic-size: auto 4.3rem;
  }
  .models tbody tr[hidden] { display: none; }
  .models tbody td[data-label] { display: inline-block; margin-right: .7rem; white-space: nowrap; }
  .models tbody td:is(.zero, [data-label=Allowlist], [data-label=Opset]) { display: none; }
  .models tbody [data-label]::before { display: none; }
  .models tbody [data-unit]::after { content: " " attr(data-unit); }
  .matrix tbody th, .matrix thead th:first-child {
    min-width: 6.5rem; width: 6.5rem; max-width: 6.5rem;
  }
  .matrix tbody th { font-size: .85em; }
  .drawing { max-height: 65vh; }
  .figures { gap: .4rem 1.3rem; } .figures dd { font-size: 1.05rem; }
}
@media print {
  body { max-width: none; background: none; }
  .skip, .controls, .crumbs, .tools, .status { display: none; }
  .wide, .matrix, .drawing { overflow: visible; max-height: none; }
  .drawing svg { max-width: 100%; height: auto; }
  .matrix th { position: static; }
}
"""

STYLE = BASE + _OWN + NARROW + _PHONE
