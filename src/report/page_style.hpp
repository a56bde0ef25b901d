#pragma once

#include <string_view>

namespace crosstalk::report {

/// The style sheet of every page. Text colours have a contrast of at least 4.5 on their grounds (WCAG AA).
inline constexpr std::string_view page_style = R"css(
:root{--ink:#1b2430;--quiet:#55606e;--line:#dde2e8;--ground:#f5f7f9;--accent:#0b5a94;--warn:#a33b00;
--serif:Charter,"Bitstream Charter","Sitka Text",Cambria,Georgia,serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--mono:ui-monospace,"Cascadia Mono","SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:80rem;padding:0 clamp(1rem,3vw,2.5rem) 4rem;background:#fff;color:var(--ink);
font:1rem/1.6 var(--sans);overflow-wrap:anywhere}
h1,h2,h3{line-height:1.2;font-family:var(--serif);font-weight:700;text-wrap:balance}
h1{font-size:clamp(1.75rem,1.2rem + 2.4vw,2.6rem);margin:0;letter-spacing:-.01em}
h2{font-size:1.55rem;margin:0 0 .9rem}
p,ul{margin:0 0 1rem;max-width:44rem}
ul{padding-left:1.25rem}
li{margin:.3rem 0}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
header{padding:clamp(1.5rem,4vw,3.25rem) 0 0}
.subtitle{color:var(--quiet);margin:.6rem 0 0;max-width:46rem}
.answer{font:400 clamp(1.2rem,1.05rem + .7vw,1.5rem)/1.45 var(--serif);margin:1.4rem 0 0;max-width:46rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,13rem),1fr));gap:1.1rem 2rem;margin:1.8rem 0}
.card{margin:0;border-top:2px solid var(--ink);padding-top:.6rem}
.card .value{display:block;font:700 2.1rem/1.15 var(--serif);font-variant-numeric:lining-nums tabular-nums;
margin-bottom:.25rem}
.card .sentence{color:var(--quiet);font-size:.95rem;line-height:1.45}
header .card:first-child{border-top-color:var(--accent)}
header .card:first-child .value{color:var(--accent)}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:.5rem 2rem;margin:0;
padding:1rem 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line);font-size:.9rem;line-height:1.45}
.facts dt{color:var(--quiet)}
.facts dd{margin:0}
nav{margin:1.6rem 0 0;font-size:.95rem}
nav h2{font:600 .9rem/1.4 var(--sans);color:var(--quiet);margin:0 0 .3rem}
nav ol{list-style:none;margin:0;padding:0;columns:16rem;column-gap:2rem}
nav li{margin:0;break-inside:avoid}
nav a{display:block;padding:.25rem 0;text-decoration:none}
nav a:hover{text-decoration:underline}
section{margin:3rem 0 0;scroll-margin-top:1rem}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.93rem;line-height:1.4;font-variant-numeric:lining-nums tabular-nums}
caption{text-align:left;color:var(--quiet);padding:0 0 .5rem;caption-side:top}
th,td{padding:.38rem .9rem .38rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:.2rem}
thead th{vertical-align:bottom;border-bottom:1.5px solid var(--ink);font-weight:600;overflow-wrap:normal;min-width:4rem}
tbody th{font-weight:400;position:sticky;left:0;background:#fff;min-width:7rem;max-width:18rem}
td{min-width:4rem}
.number{text-align:right;white-space:nowrap}
thead .number{white-space:normal}
.unit{color:var(--quiet);font-weight:400}
.table{margin:1.4rem 0}
figure{margin:1.8rem 0 2.2rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:0 1.5rem}
.figures figure{min-width:0}
.plot svg{display:block;height:auto;font-family:var(--sans)}
figcaption{margin-top:.5rem;font-size:.93rem;line-height:1.5;max-width:44rem}
.how{display:block;color:var(--quiet);margin-top:.25rem}
.plot image{image-rendering:pixelated}
h2+figure,h2+.table,h2+.figures figure{margin-top:.4rem}
.missing{border:1px dashed var(--quiet);padding:1rem;color:var(--quiet);margin:0;max-width:44rem}
pre{font:.88rem/1.55 var(--mono);background:var(--ground);border:1px solid var(--line);border-radius:4px;
padding:.8rem 1rem;margin:0 0 1rem;white-space:pre-wrap}
.label{margin:0 0 .3rem;color:var(--quiet);font-size:.93rem}
.callout{border-left:4px solid var(--quiet);background:var(--ground);padding:.75rem 1rem;margin:1.3rem 0;
max-width:46rem}
.callout p{margin:0}
.callout p+p{margin-top:.3rem}
.callout .kind{font-weight:600}
.callout.warning{border-left-color:var(--warn);background:#fdf5ef}
.callout.warning .kind{color:var(--warn)}
.callout.limit{border-left-color:var(--accent)}
.callout.limit .kind{color:var(--accent)}
details{margin:1.2rem 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
summary{cursor:pointer;padding:.6rem 0;font-weight:600;color:var(--accent)}
details[open]>summary{margin-bottom:.4rem}
footer{margin-top:3.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.88rem}
@media (min-width:68rem){
.body{display:grid;grid-template-columns:12rem minmax(0,1fr);gap:0 3rem}
nav{position:sticky;top:1.5rem;align-self:start;max-height:calc(100vh - 3rem);overflow-y:auto;margin-top:3.2rem}
nav ol{columns:auto}
.figures .plot svg{min-width:0!important}
}
@media print{
@page{margin:17mm 15mm}
html{font-size:10pt}
body{max-width:none;padding:0;color:#000}
nav{display:none}
.body{display:block}
a{color:inherit;text-decoration:none}
.answer,.subtitle,.card .sentence,figcaption,.how,caption,.unit,.label,footer{color:#000}
section{margin-top:1.6rem}
h2,h3,caption,summary,.label{break-after:avoid}
figure,tr,.card,.callout,pre,.facts>div{break-inside:avoid}
p{orphans:3;widows:3}
thead{display:table-header-group}
.scroll{overflow:visible}
table{font-size:8.5pt}
th,td{min-width:0;padding-right:.5rem}
tbody th{position:static}
.plot svg{min-width:0!important;max-width:130mm!important;max-height:210mm}
.cards{grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem 1.2rem}
.figures{grid-template-columns:1fr 1fr}
pre,.callout,.callout.warning{background:none}
details{border:0}
details::details-content{content-visibility:visible;block-size:auto}
summary{list-style:none;color:#000}
summary::-webkit-details-marker{display:none}
}
)css";

}  // namespace crosstalk::report
