// A combobox as the ARIA practices describe it, over rows that the server finds.
const ReflexDrfCombobox = ({
  inputId,
  name,
  value,
  many = false,
  found,
  labels,
  texts,
  attributes,
  removable = true,
  onSearch,
  onChoose,
  onName,
}) => {
  const given = [value ?? []].flat().filter((item) => item !== "" && item !== null).map(String);
  const root = useRef(null);
  const input = useRef(null);
  const timer = useRef(null);
  const known = useRef({});
  const [held, setHeld] = useState(given);
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [active, setActive] = useState(-1);
  // What the server holds counts, as soon as it says so.
  useEffect(() => setHeld(given), [JSON.stringify(given)]);
  useEffect(() => () => clearTimeout(timer.current), []);
  // Keys that came from elsewhere, such as the page's address, have no names yet.
  const unnamed = held.filter((item) => !(known.current[item] ?? labels?.[item])).join();
  useEffect(() => {
    if (unnamed && onName) onName();
  }, [unnamed]);
  const current = found && found.text === text ? found : null;
  const choices = open && current ? current.choices : [];
  useEffect(() => setActive(-1), [text, open]);
  useEffect(() => {
    document.getElementById(`${inputId}-option-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const labelOf = (item) => known.current[item] ?? labels?.[item] ?? `${texts.unnamed} ${item}`;
  const search = (typed, wait) => {
    clearTimeout(timer.current);
    setText(typed);
    setOpen(true);
    timer.current = setTimeout(() => onSearch(typed), wait);
  };
  const close = () => {
    clearTimeout(timer.current);
    setOpen(false);
    setText("");
  };
  const hold = (items) => {
    setHeld(items);
    onChoose?.(many ? items : (items[0] ?? ""));
    // Tells the form around it, as any control would.
    root.current.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const choose = (choice) => {
    known.current[choice.value] = choice.label;
    if (!many) {
      hold([choice.value]);
      close();
    } else {
      const others = held.filter((item) => item !== choice.value);
      hold(others.length < held.length ? others : [...held, choice.value]);
    }
    input.current.focus();
  };
  const remove = (item) => {
    hold(held.filter((other) => other !== item));
    input.current.focus();
  };
  const move = (step) => {
    if (!open) search("", 0);
    else if (choices.length) {
      const from = active < 0 && step < 0 ? choices.length : active;
      setActive((from + step + choices.length) % choices.length);
    }
  };
  const onKeyDown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Home" && open && choices.length) {
      event.preventDefault();
      setActive(0);
    } else if (event.key === "End" && open && choices.length) {
      event.preventDefault();
      setActive(choices.length - 1);
    } else if (event.key === "Enter" && open) {
      // The form is sent by an Enter that chooses nothing.
      event.preventDefault();
      if (choices[active]) choose(choices[active]);
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      close();
    } else if (event.key === "Backspace" && many && !text && held.length) {
      remove(held[held.length - 1]);
    }
  };
  let status = "";
  if (open && !current) status = texts.searching;
  else if (open && current.error) status = current.error;
  else if (open && !choices.length) status = texts.none;
  else if (open && current.more) status = texts.more;
  const said = open && current && choices.length ? `${choices.length} ${texts.count}` : "";
  const shown = open ? text : many ? "" : held.length ? labelOf(held[0]) : "";
  const h = createElement;
  return h(
    "div",
    { ref: root, "data-combobox": true },
    many &&
      held.length > 0 &&
      h(
        "ul",
        { "data-chips": true, "aria-label": texts.chosen },
        held.map((item) =>
          h(
            "li",
            { key: item },
            h("span", {}, labelOf(item)),
            h(
              "button",
              {
                type: "button",
                "aria-label": `${texts.remove} ${labelOf(item)}`,
                onClick: () => remove(item),
              },
              h("span", { "aria-hidden": "true" }, "\u00d7"),
            ),
          ),
        ),
      ),
    h("input", {
      ...attributes,
      ref: input,
      id: inputId,
      type: "text",
      role: "combobox",
      autoComplete: "off",
      "aria-autocomplete": "list",
      "aria-expanded": open ? "true" : "false",
      "aria-controls": `${inputId}-list`,
      "aria-activedescendant": open && active >= 0 ? `${inputId}-option-${active}` : undefined,
      placeholder: open && !many && held.length ? labelOf(held[0]) : texts.placeholder,
      value: shown,
      onChange: (event) => search(event.target.value.slice(0, 100), 250),
      onClick: () => open || search("", 0),
      onKeyDown,
      onBlur: close,
    }),
    !many &&
      removable &&
      held.length > 0 &&
      h(
        "button",
        {
          type: "button",
          "data-clear": true,
          "aria-label": `${texts.clear} ${labelOf(held[0])}`,
          onClick: () => hold([]) ?? input.current.focus(),
        },
        h("span", { "aria-hidden": "true" }, "\u00d7"),
      ),
    h(
      "div",
      { "data-popup": open },
    h(
      "ul",
      {
        id: `${inputId}-list`,
        role: "listbox",
        "aria-label": texts.list,
        "aria-multiselectable": many ? "true" : undefined,
        hidden: !open || !choices.length,
      },
      choices.map((choice, index) =>
        h(
          "li",
          {
            key: choice.value,
            id: `${inputId}-option-${index}`,
            role: "option",
            "aria-selected": held.includes(choice.value) ? "true" : "false",
            "data-active": index === active,
            // The focus stays in the field, which would be closed without it.
            onMouseDown: (event) => event.preventDefault(),
            onClick: () => choose(choice),
          },
          choice.label,
        ),
      ),
    ),
    h("div", { role: "status", "data-status": true }, status || (said && h("span", {}, said))),
    ),
    name && h("input", { type: "hidden", name, value: many ? JSON.stringify(held) : (held[0] ?? "") }),
  );
};
