"""The report's style sheet: quiet, for light and dark screens, narrow ones and paper."""

from __future__ import annotations

# Okabe & Ito (2008), told apart with every common colour blindness; lightened for the dark.
_LIGHT = ("#0072b2", "#d55e00", "#00876b", "#b0578d", "#b87f00", "#4a9fd0")
_DARK = ("#5cb3e6", "#f0813a", "#2bc19a", "#e292c3", "#eeb634", "#9ad0f2")
_LOW, _MIDDLE, _HIGH = (0x1B, 0x6F, 0xC4), (0x96, 0x6B, 0xB4), (0xE0, 0x3A, 0x2E)
_N_SHADES = 11


def _mixed(a: tuple[int, int, int], b: tuple[int, int, int], share: float) -> str:
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))


def _shades() -> str:
    """Strokes from blue over violet to red, alike in lightness so that none vanishes on either ground."""
    half = (_N_SHADES - 1) / 2
    colors = [
        _mixed(_LOW, _MIDDLE, i / half) if i <= half else _mixed(_MIDDLE, _HIGH, i / half - 1) for i in range(_N_SHADES)
    ]
    return "".join(f".v{i}{{stroke:{color}}}" for i, color in enumerate(colors))


def _series() -> str:
    return "".join(f".s{i}{{--c:var(--s{i})}}" for i in range(len(_LIGHT)))


def _marks() -> str:
    """Marked words and patches by strength; what lowers is dotted or dashed besides, for paper without colour."""
    words = "".join(f"mark.w{i}{{background:rgba(var(--m),{0.03 + 0.09 * i:.2f})}}" for i in range(1, 6))
    patches = "".join(f".patch.w{i}{{fill-opacity:{0.03 + 0.12 * i:.2f}}}" for i in range(1, 6))
    return words + patches


def _triple(color: str) -> str:
    return ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))


def _colors(colors: tuple[str, ...]) -> str:
    series = "".join(f"--s{i}:{color};" for i, color in enumerate(colors))
    return f"{series}--down:{_triple(colors[0])};--up:{_triple(colors[1])};"


def style_sheet() -> str:
    """All of it, as text for a style element."""
    cells = "".join(f".h{i}{{fill-opacity:{0.06 + 0.094 * i:.2f}}}" for i in range(11))
    return f""":root{{color-scheme:light dark;--ground:#fbfbfa;--card:#fff;--ink:#1d2126;--soft:#5d6670;--line:#e3e5e8;
--grid:#eceef0;--code:#f3f4f5;--link:#0a5f9e;--info:#3a6ea5;--warning:#a86400;--danger:#b3261e;{_colors(_LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{--ground:#15181c;--card:#1c2026;--ink:#e6e8ea;--soft:#a0a9b3;--line:#31373e;
--grid:#2a3037;--code:#23282f;--link:#7cc0f5;--info:#7fb0e0;--warning:#e5a84b;--danger:#ff8a80;{_colors(_DARK)}}}}}
{_PAGE}{_BLOCKS}{_CHARTS}{_PARTS}{_series()}{_shades()}{cells}{_marks()}{_PAPER}"""


_PAGE = """
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:3.6rem;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;font-kerning:normal;overflow-wrap:break-word}
a{color:var(--link);text-underline-offset:.15em}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;
top:.5rem;z-index:2;background:var(--card);padding:.3rem .8rem}
header,main,footer,nav>ul{max-width:68rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:3rem;padding-bottom:1.5rem}
h1{font-size:clamp(1.6rem,4.5vw,2.3rem);line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0}
.subtitle{color:var(--soft);margin:.4rem 0 0}
h2{font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.01em;margin:0 0 1rem}
h3{font-size:1.12rem;line-height:1.35;font-weight:650;margin:2.2rem 0 .6rem}
section{padding:2.6rem 0 1rem;border-top:1px solid var(--line)}section:first-of-type{border-top:0;padding-top:1.6rem}
nav{position:sticky;top:0;z-index:1;background:var(--ground);border-bottom:1px solid var(--line)}
nav>ul{list-style:none;display:flex;gap:1.5rem;overflow-x:auto;scrollbar-width:none;white-space:nowrap;font-size:.92rem}
nav a{display:block;padding:.75rem 0;color:var(--soft);text-decoration:none}
nav a:hover,nav a:focus{color:var(--ink)}
p{max-width:46rem;margin:0 0 1rem}
.lead{font-size:1.16rem;line-height:1.6}
.note{color:var(--soft);font-size:.94rem}
footer{color:var(--soft);font-size:.88rem;padding-top:2rem;padding-bottom:3rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.6rem,1fr));gap:.8rem;margin:1.8rem 0 0}
.facts>div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1rem;min-width:0}
.facts dt{color:var(--soft);font-size:.82rem}
.facts dd{margin:.1rem 0 0;font-size:1.12rem;line-height:1.35;font-weight:600;font-variant-numeric:tabular-nums}
.facts>div:first-child dd{font-size:1.55rem;color:var(--s0)}
"""

_BLOCKS = """
pre{background:var(--code);border-radius:8px;padding:.9rem 1.1rem;overflow-x:auto;font:.88rem/1.6 ui-monospace,
SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;margin:0 0 1rem}
.notices{display:grid;gap:.6rem;margin:0 0 1.4rem;max-width:52rem}
.notice{border-left:3px solid var(--k);background:var(--card);border-radius:0 8px 8px 0;padding:.55rem 1rem;margin:0}
.notice b{font-weight:620}.notice .kind{color:var(--k);font-size:.8rem;font-weight:650;margin-right:.5rem}
.info{--k:var(--info)}.warning{--k:var(--warning)}.danger{--k:var(--danger)}
summary{cursor:pointer;color:var(--link);font-size:.92rem;padding:.25rem 0}
summary:focus-visible,a:focus-visible,.scroll:focus-visible{outline:2px solid var(--s0);outline-offset:2px;
border-radius:4px}
.table{display:flex;flex-direction:column;margin:0 0 1.6rem}
.table>details{order:3}
.table>.caption,figcaption>b{font-weight:620;font-size:1rem}
.table>.caption{margin:.6rem 0 .4rem}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.9rem;line-height:1.45}
th,td{text-align:left;vertical-align:top;padding:.42rem .9rem;border-bottom:1px solid var(--grid);unicode-bidi:isolate}
td{max-width:34rem}.long{overflow-wrap:anywhere;min-width:10rem}
th{color:var(--soft);font-weight:560;white-space:nowrap;border-bottom-color:var(--line)}
tr:last-child td{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;min-width:0}
.more:not([open])+.scroll tbody tr:nth-child(n+11){display:none}
.more[open]+.scroll{order:2}.more[open] .closed,.more:not([open]) .open{display:none}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:1.2rem;margin:0 0 1.6rem;
align-items:start}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.1rem .7rem;
min-width:0;max-width:33rem}
figcaption{margin:0 0 .7rem;font-size:.92rem;line-height:1.5}figcaption span{color:var(--soft);display:block}
figure details{margin-top:.3rem}figure details summary{color:var(--soft);font-size:.84rem}
figure details .scroll{max-height:22rem;overflow:auto;margin:.3rem 0 .5rem}
"""

_CHARTS = """
svg{display:block;width:100%;height:auto;max-width:32rem;font:12px system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
svg text{fill:var(--soft)}svg .row,svg .value,svg .strong{fill:var(--ink)}svg .strong{font-weight:620}
svg .name{fill:var(--soft)}
svg path{fill:none;stroke-linejoin:round}
.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
.reference{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 4}
.link{stroke:var(--soft);stroke-width:.8}.end{stroke:var(--ink);stroke-width:2.5;stroke-linecap:round}
.line,.step,.dashes{stroke:var(--c);stroke-width:2}.dashes{stroke-dasharray:6 4;stroke-width:1.6}
.line.p1{stroke-dasharray:8 3}.line.p2{stroke-dasharray:2 3}
svg .band{fill:var(--c);fill-opacity:.15}
.whisker{stroke:var(--c);stroke-width:1.6;stroke-opacity:.75}.over{--c:var(--ink);stroke-width:1.1}
.dots{stroke:var(--c);stroke-linecap:round}
.big{stroke-width:10}.few,.key{stroke-width:6}.some{stroke-width:3.6;stroke-opacity:.75}.many{stroke-width:3.2;stroke-opacity:.5}
.line.key,.step.key{stroke-width:2.5}.dots.key{stroke-width:8}.dashes.key{stroke-width:2}
.none{stroke:var(--soft)}
svg .bar{fill:var(--c)}svg .up{fill:var(--s1)}svg .down{fill:var(--s0)}
.cell{fill:var(--s0)}svg .count{fill:var(--ink)}svg .light{fill:var(--card);font-weight:600}svg .small{font-size:9px}
"""

_PARTS = """
mark{color:inherit;background:none;border-radius:3px;padding:.08em .1em;-webkit-box-decoration-break:clone;
box-decoration-break:clone;-webkit-print-color-adjust:exact;print-color-adjust:exact}
mark.up{--m:var(--up)}mark.down{--m:var(--down)}
mark.w3,mark.w4,mark.w5{border-bottom:2px solid rgb(var(--m))}
mark.down.w3,mark.down.w4,mark.down.w5{border-bottom-style:dotted}
.marked{white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.9;max-height:24rem;overflow-y:auto;margin:0 0 .6rem}
.marks{font-size:.84rem;margin:0}.marks mark{margin-right:.7rem}
.patch.w0{fill-opacity:0}.patch{stroke:none;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.patch.w4,.patch.w5{stroke-width:1.4}.patch.up.w4,.patch.up.w5{stroke:var(--s1)}
.patch.down.w4,.patch.down.w5{stroke:var(--s0);stroke-dasharray:4 2}
.grey{filter:grayscale(1)}.coarse{image-rendering:pixelated}
"""

_PAPER = """
@media (max-width:40rem){header,main,footer,nav>ul{padding-left:1rem;padding-right:1rem}header{padding-top:1.8rem}
.facts{grid-template-columns:repeat(2,1fr)}figure{padding:.8rem .5rem .5rem}th,td{padding:.4rem .6rem}}
@media print{:root{color-scheme:light}body{background:#fff;font-size:10.5pt}nav,summary,.skip{display:none}
section{break-before:auto;padding-top:1.2rem}figure,.notice,tr{break-inside:avoid}h2,h3,.caption{break-after:avoid}
.more+.scroll tbody tr:nth-child(n){display:table-row!important}.scroll{overflow:visible}
.figures{grid-template-columns:1fr 1fr}pre{white-space:pre-wrap}.marked{max-height:none}}
"""
