// Measures the slide that reveal.js shows now: what leaves the page, what is hard to read, what has no text alternative.
(() => {
  const found = [];
  const section = document.querySelector(".reveal .slides section.present");
  const scale = Reveal.getScale();
  const page = section.getBoundingClientRect();
  const number = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const part = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = number(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const source = section.querySelector("p.source");
  const floor = source ? source.getBoundingClientRect().top : page.bottom - 14 * scale;
  const walker = document.createTreeWalker(section, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 50);
  while (walker.nextNode()) {
    const text = walker.currentNode, element = text.parentElement;
    if (!text.textContent.trim() || element.closest("aside.notes, script, style")) continue;
    if (element.closest("details:not([open])") && !element.closest("summary")) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    const bottom = element.closest("p.source") ? page.bottom : floor;
    if (box.bottom > bottom + 1 || box.right > page.right + 1 || box.left < page.left - 1 || box.top < page.top - 1)
      found.push({ what: "overflow", text: short(text.textContent), by: Math.round(Math.max(box.bottom - bottom, box.right - page.right) / scale) });
    if (seen.has(element)) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const [a, b] = [luminance(number(style.color)), luminance(background(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push({ what: "contrast", text: short(text.textContent), by: Math.round(ratio * 100) / 100 });
    const size = parseFloat(style.fontSize), least = element.closest("p.source, sup, sub") ? 14 : 18;
    if (size < least) found.push({ what: "small text", text: short(text.textContent), by: size });
  }
  for (const box of section.querySelectorAll("table, pre, .code, p.Predict, p.says, p.Today")) {
    const by = Math.round((box.getBoundingClientRect().bottom - floor) / scale) + 4; // a frame keeps clear of the line of sources
    if (by > 0 && box.offsetParent) found.push({ what: "overflow", text: `the frame of ${short(box.textContent)}`, by });
  }
  for (const picture of section.querySelectorAll("img, svg")) {
    const box = picture.getBoundingClientRect();
    if (box.bottom > floor + 1 || box.right > page.right + 1)
      found.push({ what: "overflow", text: "picture", by: Math.round(Math.max(box.bottom - floor, box.right - page.right) / scale) });
    if (picture.tagName === "IMG" && !picture.alt) found.push({ what: "no alt text", text: "picture", by: 0 });
    if (box.width / scale < 300) found.push({ what: "small picture", text: picture.alt || "", by: Math.round(box.width / scale) });
  }
  return found;
})()
