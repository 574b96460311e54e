// A file of a form: the stored one, the chosen one, and the way to take either off.
const ReflexDrfFile = ({ field, stored, image, clearable, attributes, accept, texts }) => {
  const input = useRef(null);
  const [chosen, setChosen] = useState(null);
  const [cleared, setCleared] = useState(false);
  const [shown, setShown] = useState(null);
  const h = createElement;
  useEffect(() => {
    if (!chosen || !/^image\/(?!svg)/.test(chosen.type)) return setShown(null);
    const url = URL.createObjectURL(chosen);
    setShown(url);
    return () => URL.revokeObjectURL(url);
  }, [chosen]);
  const changed = () => input.current.dispatchEvent(new Event("change", { bubbles: true }));
  const forget = () => {
    input.current.value = "";
    setChosen(null);
    input.current.focus();
  };
  const clear = (off) => {
    setCleared(off);
    changed();
    input.current.focus();
  };
  const url = stored && /^(https?:\/\/|\/(?!\/))/i.test(stored) ? stored : null;
  const storedName = stored ? decodeURI(String(stored).split("?")[0].split("/").pop()) : "";
  const size = (bytes) =>
    new Intl.NumberFormat(undefined, {
      style: "unit",
      unit: bytes < 1e6 ? "kilobyte" : "megabyte",
      maximumFractionDigits: 1,
    }).format(bytes / (bytes < 1e6 ? 1e3 : 1e6));
  const button = (label, onClick) => h("button", { type: "button", onClick }, label);
  return h(
    "div",
    { "data-file": true },
    stored &&
      !chosen &&
      !cleared &&
      h(
        "div",
        { "data-stored": true },
        image && url && h("img", { src: url, alt: texts.stored }),
        url
          ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, storedName)
          : h("span", {}, storedName),
        clearable && button(texts.clear, () => clear(true)),
      ),
    cleared &&
      !chosen &&
      h(
        "div",
        { "data-cleared": true, role: "status" },
        h("span", {}, texts.cleared),
        button(texts.keep, () => clear(false)),
        h("input", { type: "hidden", name: `form:clear:${field}`, value: "1" }),
      ),
    chosen &&
      h(
        "div",
        { "data-chosen": true },
        shown && h("img", { src: shown, alt: texts.chosen }),
        h("span", {}, `${chosen.name} (${size(chosen.size)})`),
        button(texts.forget, forget),
      ),
    h("input", {
      ...attributes,
      ref: input,
      type: "file",
      accept,
      "data-field": field,
      onChange: (event) => setChosen(event.target.files[0] ?? null),
    }),
  );
};
