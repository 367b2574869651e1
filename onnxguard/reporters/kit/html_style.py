"""The style that every HTML page shares."""

from __future__ import annotations

BASE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1b1f24; --soft: #57606a; --line: #d5dae1;
  --good: #1a7f37; --bad: #c1212d; --doubt: #8a5a00; --bar: #2f6fbf; --shade: #eef1f5;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0e1116; --card: #161b22; --text: #e6e9ee; --soft: #9aa4b0; --line: #30363f;
    --good: #4cc26a; --bad: #ff7b72; --doubt: #e0a83a; --bar: #6ba6ee; --shade: #20262e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.35rem; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 0 0 .25rem; }
h3 { font-size: 1.02rem; margin: 0 0 .5rem; }
h4 { font-size: .95rem; margin: .75rem 0 .35rem; }
p { margin: 0 0 .6rem; max-width: 62rem; }
ul { margin: 0 0 .6rem; padding-left: 1.2rem; }
a { color: var(--bar); }
code { font: .88em ui-monospace, monospace; }
:is(h1, h2, h3, h4, .figures dd) code { font-weight: inherit; }
section { margin-bottom: 1rem; } section > :last-child { margin-bottom: 0; }
article + article { margin-top: 3rem; }
section {
  padding: .9rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
}
.soft { color: var(--soft); }
.pass { color: var(--good); } .fail, .error { color: var(--bad); }
.vacuous, .warning { color: var(--doubt); } .note { color: var(--soft); }
.badge {
  display: inline-block; padding: 0 .5em; border: 2px solid; border-radius: .35rem;
  font-weight: 700; letter-spacing: .03em;
}
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: .75rem 0 .6rem; }
.figures dt { font-size: .85rem; color: var(--soft); }
.figures dt::first-letter { text-transform: uppercase; }
.figures dd { margin: 0; font-size: 1.25rem; font-weight: 600; }
.finding { border-left: 4px solid; padding-left: .75rem; margin-bottom: .9rem; }
.finding > * { color: var(--text); }
.finding > h4 { color: inherit; margin-top: 0; }
.finding p { margin-bottom: .25rem; }
.wide { overflow-x: auto; margin: 0 -.4rem .6rem; padding: 0 .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
.plain { width: auto; min-width: min(100%, 26rem); }
caption { text-align: left; color: var(--soft); font-size: .88rem; padding-bottom: .35rem; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } thead th { color: var(--soft); font-size: .85rem; }
tbody th { font-weight: 400; } .stacked tbody th { min-width: 8.5rem; }
td, th { text-align: left; overflow-wrap: break-word; max-width: 30rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.keys { margin-bottom: .6rem; } .keys th { width: 13rem; color: var(--soft); }
"""

NARROW = """\
@media (max-width: 40rem) {
  body { padding: .6rem; }
  section { padding: .75rem; }
  .stacked, .stacked tbody, .stacked caption { display: block; overflow-wrap: anywhere; }
  .stacked thead { display: none; }
  .stacked tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  .stacked th, .stacked td { display: block; border: 0; padding: .05rem 0; max-width: none; }
  .stacked tbody [data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
  .stacked td:empty { display: none; }
  .stacked .number { text-align: left; white-space: normal; }
  .stacked td, .stacked th { overflow-wrap: anywhere; }
  .keys, .keys tbody, .keys tr, .keys th, .keys td { display: block; max-width: none; }
  .keys th, .keys td { width: auto; border: 0; padding: 0; overflow-wrap: anywhere; }
  .keys td { border-bottom: 1px solid var(--line); padding-bottom: .35rem; margin-bottom: .35rem; }
}
@media print {
  :root { color-scheme: light; }
  section { break-inside: avoid; }
}
"""
"""What changes on a phone and on paper; it comes last."""

_OWN = """\
.errors { max-width: 44rem; }
.errors th { white-space: nowrap; }
.errors td:last-child { width: 100%; padding-right: 0; }
.bar {
  display: block; height: .95rem; min-width: 2px; margin-top: .25rem; border-radius: 2px;
  background: var(--bar);
}
.above .bar { background: var(--bad); }
.tolerance th {
  color: var(--bad); font-weight: 600; background: var(--shade); padding-left: .5rem;
  border: solid var(--bad); border-width: 2px 0;
}
.pictures {
  display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: clamp(.4rem, 2vw, 1rem);
  max-width: 46rem; margin-bottom: .6rem;
}
figure { margin: 0; }
figcaption { font-size: .88rem; margin-top: .3rem; }
.frame { position: relative; overflow: hidden; border: 1px solid var(--line); line-height: 0; }
.frame img { width: 100%; height: auto; image-rendering: pixelated; }
.ring {
  position: absolute; width: 1.5rem; height: 1.5rem; margin: -.75rem 0 0 -.75rem;
  border: 2px solid #35e0ff; border-radius: 50%; box-shadow: 0 0 0 1px #000;
}
pre { overflow-x: auto; padding: .6rem .75rem; background: var(--shade); border-radius: .35rem; }
"""
DOCUMENT = BASE + _OWN + NARROW
"""The style of a document's page."""
