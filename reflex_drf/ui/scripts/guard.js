// What watches over a form: it is sent once, with its files, and not left by mistake.
const ReflexDrfBlocker = ({ dirty, ask }) => {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      dirty.current && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (blocker.state === "blocked") ask({ leave: blocker.proceed, stay: blocker.reset });
  }, [blocker.state]);
  return null;
};

const ReflexDrfGuard = ({
  answer,
  failed,
  guarded = true,
  patience,
  setBusy,
  onLeave,
  onDone,
  onUpload,
  texts,
}) => {
  const place = useRef(null);
  const dirty = useRef(false);
  const latest = useRef({});
  const timer = useRef(null);
  const began = useRef(answer);
  const [changed, setChanged] = useState(false);
  const [asked, setAsked] = useState(null);
  const [progress, setProgress] = useState(null);
  const [silent, setSilent] = useState(false);
  const h = createElement;
  latest.current = { answer, onLeave, onDone, onUpload, setBusy };
  const mark = (is) => {
    dirty.current = is;
    setChanged(is);
  };
  useEffect(() => {
    if (answer === began.current) return;
    began.current = answer;
    clearTimeout(timer.current);
    setProgress(null);
    setSilent(false);
    if (!failed) {
      latest.current.onDone?.();
      return;
    }
    // What was refused is still to be saved, and what is wrong may be out of sight.
    mark(true);
    const form = place.current.closest("form");
    const wrong = form.querySelector("[aria-invalid=true]");
    if (wrong) wrong.focus();
    else form.querySelector("[role=alert]")?.scrollIntoView({ block: "nearest" });
  }, [answer]);
  useEffect(() => {
    const form = place.current.closest("form");
    const wait = () => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        delete form.dataset.sent;
        latest.current.setBusy(-1);
        setProgress(null);
        setSilent(true);
        mark(true);
      }, patience);
    };
    const send = (event) => {
      if (event.target !== form) return;
      const count = String(latest.current.answer);
      // The element remembers it, as two clicks can come before React draws the button anew.
      if (form.dataset.sent === count) {
        event.preventDefault();
        event.stopPropagation();
        return;
      }
      form.dataset.sent = count;
      form.elements["form:next"].value = event.submitter?.dataset.next ?? "";
      latest.current.setBusy(latest.current.answer);
      setSilent(false);
      mark(false);
      wait();
      const inputs = [...form.querySelectorAll("input[type=file][data-field]")];
      const files = inputs
        .filter((input) => input.files.length)
        .map((input) => {
          const [file] = input.files;
          const copy = new File([file], file.name, { type: file.type });
          // The folder of a file is the field that it is for.
          Object.defineProperty(copy, "path", { value: `${input.dataset.field}/${file.name}` });
          return copy;
        });
      if (files.length && latest.current.onUpload) {
        event.preventDefault();
        event.stopPropagation();
        setProgress(0);
        latest.current.onUpload(files, Object.fromEntries(new FormData(form)), (sent) => {
          setProgress(sent.progress);
          wait();
        });
      }
    };
    const change = (event) => {
      // A text that searches for rows to choose from is nothing to save.
      if (event.target.getAttribute("role") !== "combobox") mark(true);
    };
    // The theme's checkboxes are buttons.
    const toggle = (event) => event.target.closest("[role=checkbox]") && mark(true);
    const unload = (event) => {
      if (!dirty.current) return;
      event.preventDefault();
      event.returnValue = "";
    };
    if (guarded) {
      form.addEventListener("input", change);
      form.addEventListener("change", change);
      form.addEventListener("click", toggle);
      window.addEventListener("beforeunload", unload);
    }
    form.addEventListener("submit", send, true);
    form.leave = () => {
      const leave = () => latest.current.onLeave?.();
      if (dirty.current) setAsked({ leave, stay: () => {} });
      else leave();
    };
    return () => {
      clearTimeout(timer.current);
      form.removeEventListener("input", change);
      form.removeEventListener("change", change);
      form.removeEventListener("click", toggle);
      form.removeEventListener("submit", send, true);
      window.removeEventListener("beforeunload", unload);
    };
  }, []);
  const close = (choice) => {
    setAsked(null);
    if (choice === "leave") mark(false);
    asked?.[choice]();
  };
  return h(
    "div",
    { ref: place, "data-guard": true },
    // Not of the type "hidden": of that, React puts the first value back when it draws anew.
    h("input", { type: "text", hidden: true, "aria-hidden": "true", name: "form:next", defaultValue: "" }),
    guarded && changed && h(ReflexDrfBlocker, { dirty, ask: setAsked }),
    progress !== null &&
      h(
        "div",
        { "data-progress": true },
        h("progress", { value: progress, max: 1, "aria-label": texts.progress }),
        h("span", {}, `${Math.round(progress * 100)} %`),
      ),
    silent && h("div", { role: "alert", "data-silent": true }, texts.silent),
    h(
      RadixThemesAlertDialog.Root,
      { open: asked !== null, onOpenChange: (open) => open || close("stay") },
      h(
        RadixThemesAlertDialog.Content,
        { maxWidth: "440px" },
        h(RadixThemesAlertDialog.Title, {}, texts.title),
        h(RadixThemesAlertDialog.Description, {}, texts.description),
        h(
          RadixThemesFlex,
          { gap: "3", mt: "5", justify: "end", wrap: "wrap" },
          h(
            RadixThemesButton,
            { type: "button", variant: "soft", color: "gray", onClick: () => close("stay") },
            texts.stay,
          ),
          h(
            RadixThemesButton,
            { type: "button", color: "red", highContrast: true, onClick: () => close("leave") },
            texts.leave,
          ),
        ),
      ),
    ),
  );
};
