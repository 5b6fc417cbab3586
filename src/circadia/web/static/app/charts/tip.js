/** What the pointer and the arrow keys find at a day: a title and lines, shown and said. */

/**
 * A tooltip of nodes, as markup with styles in it would be refused by the page.
 *
 * @param tip  index -> `{title, lines: [{label, text, colour}]}`, `colour` a name of the palette
 */
export const tooltip = (p, trigger, indexOf, tip) => ({
  trigger,
  confine: true,
  transitionDuration: 0,
  padding: [8, 12],
  className: "chart-tip",
  backgroundColor: p["surface-2"],
  borderColor: p.line,
  borderWidth: 1,
  formatter: (params) => {
    const index = indexOf(Array.isArray(params) ? params[0] : params);
    return index === undefined ? "" : written(p, tip(index));
  },
});

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function written(p, { title, lines }) {
  const rows = lines.map(({ label, text, colour }) => {
    const dot = element("i", "chart-tip-dot");
    dot.style.backgroundColor = colour ? p[colour] : "transparent";
    return element("p", "chart-tip-line", dot, element("span", "", label), element("b", "", text ?? ""));
  });
  return element("div", "", element("p", "chart-tip-title", title), ...rows);
}

/** The same in one sentence, to be read aloud. */
export const spoken = ({ title, lines }) => `${title}. ${lines.map(({ label, text }) => `${label} ${text ?? ""}`.trim()).join(", ")}`;
