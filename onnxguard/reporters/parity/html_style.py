"""The style sheet of the HTML page of a parity check."""

from __future__ import annotations

from onnxguard.reporters.kit.html_style import BASE, NARROW

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
  display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem;
  max-width: 60rem;
}
figure { margin: 0; }
figcaption { font-size: .88rem; margin-top: .3rem; }
.frame { position: relative; overflow: hidden; border: 1px solid var(--line); line-height: 0; }
.frame img { width: 100%; height: auto; image-rendering: pixelated; }
.ring {
  position: absolute; width: 1.5rem; height: 1.5rem; margin: -.75rem 0 0 -.75rem;
  border: 2px solid #35e0ff; border-radius: 50%; box-shadow: 0 0 0 1px #000;
}
"""
STYLE = BASE + _OWN + NARROW
