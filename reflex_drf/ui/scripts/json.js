// A text area for JSON that says what is wrong as soon as one leaves it.
const ReflexDrfJson = ({ name, value, attributes, texts }) => {
  const [wrong, setWrong] = useState("");
  const h = createElement;
  const check = (event) => {
    const text = event.target.value.trim();
    try {
      if (text) JSON.parse(text);
      setWrong("");
    } catch (error) {
      setWrong(`${texts.invalid} ${error.message}`);
    }
  };
  return h(
    "div",
    { "data-json": true },
    h("textarea", {
      ...attributes,
      name,
      defaultValue: value,
      rows: 5,
      spellCheck: false,
      "aria-invalid": wrong ? "true" : attributes["aria-invalid"],
      "aria-describedby": `${attributes["aria-describedby"]} ${attributes.id}-json`,
      onBlur: check,
      onInput: (event) => wrong && check(event),
    }),
    h("div", { id: `${attributes.id}-json`, role: "status", "data-wrong": true }, wrong),
  );
};
