// Parts of a table that only the browser needs to know about.

const reflexDrfNone = { keys: [], all: false, last: null };

// One row's checkbox; with Shift, all rows from the last one that was touched.
function ReflexDrfRowCheck({ rowKey, keys, held, hold, label }) {
  const onChange = (event) => {
    const from = event.nativeEvent.shiftKey ? keys.indexOf(held.last) : -1;
    const to = keys.indexOf(rowKey);
    const range =
      from < 0 ? [rowKey] : keys.slice(Math.min(from, to), Math.max(from, to) + 1);
    const rest = (held.all ? keys : held.keys).filter((key) => !range.includes(key));
    hold({
      keys: event.target.checked ? [...rest, ...range] : rest,
      all: false,
      last: rowKey,
    });
  };
  const checked = held.all || held.keys.includes(rowKey);
  return createElement("input", { type: "checkbox", checked, onChange, "aria-label": label });
}

// The checkbox for all rows of the page; half checked while some of them are.
function ReflexDrfPageCheck({ keys, held, hold, label }) {
  const chosen = held.all ? keys.length : keys.filter((key) => held.keys.includes(key)).length;
  const checked = keys.length > 0 && chosen === keys.length;
  const box = useRef(null);
  useEffect(() => {
    if (box.current) box.current.indeterminate = chosen > 0 && !checked;
  });
  const onChange = () => {
    const rest = (held.all ? keys : held.keys).filter((key) => !keys.includes(key));
    hold({ keys: checked ? rest : [...rest, ...keys], all: false, last: null });
  };
  return createElement("input", {
    type: "checkbox",
    ref: box,
    checked,
    onChange,
    "aria-label": label,
  });
}

// Takes the selection off once something was done with it.
function ReflexDrfRelease({ result, hold }) {
  const before = useRef(result);
  useEffect(() => {
    if (before.current !== result && result?.done > 0) hold(reflexDrfNone);
    before.current = result;
  }, [result]);
  return null;
}

// Gives the focus on when what had it is gone, with its row or with the choice of rows.
function ReflexDrfFocusKeeper() {
  const place = useRef(null);
  useEffect(() => {
    const root = place.current.parentElement;
    let last = null;
    const note = (event) => {
      last = event.target.closest("tbody tr") ?? event.target;
    };
    const look = (changes) => {
      if (!last || last.isConnected) return;
      const change = changes.find(({ removedNodes }) => [...removedNodes].includes(last));
      const rows = [change?.nextSibling, change?.previousSibling];
      last = null;
      // A dialog that was open before it hides the page until it has cleaned up.
      setTimeout(() => {
        if (document.activeElement !== document.body) return;
        const row = rows.find((other) => other?.isConnected && other.matches?.("tbody tr"));
        const next = row ?? root.querySelector("table") ?? root;
        next.tabIndex = -1;
        next.focus({ preventScroll: true });
      }, 50);
    };
    const observer = new MutationObserver(look);
    observer.observe(root, { childList: true, subtree: true });
    root.addEventListener("focusin", note);
    return () => {
      observer.disconnect();
      root.removeEventListener("focusin", note);
    };
  }, []);
  return createElement("span", { ref: place, hidden: true });
}

// What this browser remembers of the hidden columns, read once a page is there.
function ReflexDrfColumnMemory({ name, hide }) {
  useEffect(() => {
    try {
      const kept = JSON.parse(window.localStorage.getItem(name));
      if (Array.isArray(kept)) hide(kept.filter((column) => typeof column === "string"));
    } catch {
      // Nothing that could be read: the columns stay as they are.
    }
  }, [name]);
  return null;
}

// A checkbox for each column.
function ReflexDrfColumns({ name, hidden, hide, columns, label, fixed }) {
  const toggle = (column) => {
    const now = hidden.includes(column)
      ? hidden.filter((other) => other !== column)
      : [...hidden, column];
    try {
      window.localStorage.setItem(name, JSON.stringify(now));
    } catch {
      // A browser that keeps nothing: it holds for this page.
    }
    hide(now);
  };
  const boxes = columns.map(([column, text]) =>
    createElement(
      "label",
      { key: column },
      createElement("input", {
        type: "checkbox",
        checked: column === fixed || !hidden.includes(column),
        disabled: column === fixed,
        onChange: () => toggle(column),
      }),
      text,
    ),
  );
  return createElement("fieldset", null, createElement("legend", null, label), ...boxes);
}

// One cell as a control. Enter saves and Escape leaves it as it was.
function ReflexDrfCell({
  cellId, kind, choices, value, message, label, texts, close, onSave, onCancel,
}) {
  const control = useRef(null);
  useEffect(() => {
    control.current?.focus();
    control.current?.select?.();
    return () =>
      setTimeout(() => {
        // Only if nothing else has it by now.
        if (document.activeElement === document.body)
          document.querySelector(`[data-cell="${CSS.escape(cellId)}"]`)?.focus();
      }, 50);
  }, []);
  const read = () =>
    kind === "boolean" ? control.current.checked : control.current.value;
  const save = (event) => {
    event.preventDefault();
    close("");
    onSave(read());
  };
  const cancel = () => {
    close("");
    onCancel();
  };
  const common = {
    ref: control,
    "aria-label": label,
    "aria-invalid": message ? "true" : "false",
    "aria-describedby": `${cellId}-error`,
  };
  let field;
  if (choices.length > 0) {
    const options = choices.map(([choice, text]) =>
      createElement("option", { key: choice, value: choice }, text),
    );
    field = createElement("select", { ...common, defaultValue: String(value ?? "") }, ...options);
  } else if (kind === "boolean") {
    field = createElement("input", {
      ...common, type: "checkbox", defaultChecked: value === true || value === "true",
    });
  } else {
    const types = { date: "date", time: "time" };
    field = createElement("input", {
      ...common,
      type: types[kind] ?? "text",
      inputMode: kind === "number" || kind === "decimal" ? "decimal" : undefined,
      defaultValue: String(value ?? ""),
    });
  }
  return createElement(
    "form",
    {
      noValidate: true,
      onSubmit: save,
      onKeyDown: (event) => {
        if (event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          cancel();
        } else if (event.key === "Enter" && event.target === control.current) {
          save(event);
        }
      },
    },
    field,
    createElement("button", { type: "submit", "aria-label": texts.save }, "✓"),
    createElement("button", { type: "button", onClick: cancel, "aria-label": texts.cancel }, "✕"),
    createElement("span", { id: `${cellId}-error`, role: "alert" }, message),
  );
}
