"""What only the browser knows or does: its locale and zone, and values that no server needs."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.experimental.client_state import ClientStateVar
from reflex_base.constants import Hooks, Imports
from reflex_base.event import no_args_event_spec
from reflex_base.vars import VarData

__all__ = [
    "RETURN_FOCUS",
    "address_watch",
    "client_value",
    "countdown",
    "expression",
    "filled",
    "here",
    "lookup",
    "moment",
    "number",
    "offline",
    "reconnecting",
    "words",
]

_FORMATS = {
    # A date has no zone, so it is read and written in the same one.
    "date": ("$0", "{dateStyle: 'medium', timeZone: 'UTC'}"),
    "datetime": ("$0", "{dateStyle: 'medium', timeStyle: 'short'}"),
    "time": ("'1970-01-01T' + $0 + 'Z'", "{timeStyle: 'short', timeZone: 'UTC'}"),
}


# A dialog that no trigger opens does not know by itself what had the focus before.
RETURN_FOCUS: dict[str, Any] = {
    "onOpenAutoFocus": rx.Var("(() => { globalThis.dialogOpener = document.activeElement; })"),
    "onCloseAutoFocus": rx.Var(
        "((event) => { event.preventDefault(); globalThis.dialogOpener?.focus(); })"
    ),
}


def expression(code: str, *values: rx.Var[Any], kind: Any = str) -> rx.Var[Any]:
    """JavaScript over vars, which stand in it as `$0`, `$1` and so on."""
    for index, value in reversed(list(enumerate(values))):
        code = code.replace(f"${index}", f"({value!s})")
    data = VarData.merge(*(value._get_all_var_data() for value in values))
    return rx.Var(_js_expr=f"({code})", _var_type=kind, _var_data=data)


def moment(value: rx.Var[Any], kind: str) -> rx.Var[str]:
    """A date, a time or both as the browser's user writes them; what is none stays as it is."""
    read, options = _FORMATS[kind]
    return expression(
        f"((text) => {{ const at = new Date({read.replace('$0', 'text')}); "
        f"return Number.isNaN(at.getTime()) ? text : "
        f"new Intl.DateTimeFormat(undefined, {options}).format(at); }})($0)",
        value,
    )


def number(value: rx.Var[Any]) -> rx.Var[str]:
    """A number as the browser's user writes it, with the digits that the API sent."""
    return expression(
        "((sent) => { const digits = (String(sent).split('.')[1] ?? '').length; "
        "return /^-?[0-9]+([.][0-9]{1,20})?$/.test(String(sent)) "
        "? new Intl.NumberFormat(undefined, {minimumFractionDigits: digits, "
        "maximumFractionDigits: digits}).format(sent) : String(sent); })($0)",
        value,
    )


def words(value: rx.Var[Any]) -> rx.Var[str]:
    """Any value as text, a list with commas between."""
    return expression(
        "((sent) => Array.isArray(sent) ? sent.map((item) => typeof item === 'object' "
        "? JSON.stringify(item) : String(item)).join(', ') "
        ": typeof sent === 'object' ? JSON.stringify(sent) : String(sent))($0)",
        value,
    )


def filled(value: rx.Var[Any]) -> rx.Var[bool]:
    """Whether a record has anything in it."""
    return expression("Object.keys($0 ?? {}).length > 0", value, kind=bool)


def lookup(known: dict[str, Any], value: rx.Var[Any]) -> rx.Var[str]:
    """The text that stands for a value, or the value itself."""
    return expression("$0[String($1)] ?? String($1)", rx.Var.create(known), value)


def client_value(state: type[Any], name: str, default: Any) -> ClientStateVar:
    """A value of a state that lives in the browser alone, known to all that stands on a page."""
    full_name = f"{state.get_full_name()}_{name}".replace(".", "_")
    return ClientStateVar.create(full_name, default=default)


def setter(value: ClientStateVar) -> rx.Var[Any]:
    """The function that sets such a value, for a script to call."""
    return value.set_value().to(Any)


# -- What goes on in the browser ------------------------------------------------------------


def countdown(seconds: rx.Var[float], name: str) -> Any:
    """The seconds that are left, from the moment at which a var gets its value."""
    hook = f"""const [{name}, set_{name}] = useState(0);
useEffect(() => {{
  const end = Date.now() + 1000 * ({seconds!s} || 0);
  const tick = () => set_{name}(Math.max(0, Math.ceil((end - Date.now()) / 1000)));
  tick();
  if (end <= Date.now()) return;
  const timer = setInterval(tick, 250);
  return () => clearInterval(timer);
}}, [{seconds!s}]);"""
    return rx.Var(_js_expr=name, _var_data=_hooked(hook, seconds)).to(int)


class _AddressWatch(rx.Fragment):  # type: ignore[misc]
    """Reads a list anew when one goes back or forward to another address of the same page."""

    on_step: rx.EventHandler[no_args_event_spec]  # type: ignore[valid-type, type-arg]

    def _exclude_props(self) -> list[str]:
        return [*super()._exclude_props(), "on_step"]

    def add_imports(self) -> dict[str, Any]:
        return {"react": ["useEffect"]}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        step = rx.Var.create(self.event_triggers["on_step"])
        hook = f"""useEffect(() => {{
  const path = window.location.pathname;
  const step = {step!s};
  const note = () => {{ if (window.location.pathname === path) step(); }};
  window.addEventListener("popstate", note);
  return () => window.removeEventListener("popstate", note);
}}, []);"""
        return [rx.Var(hook, _var_data=step._get_all_var_data())]


def address_watch(event: Any) -> rx.Component:
    """What makes the way back work where the address followed without a new page.

    The router knows only pages that it has opened itself, and says nothing of such steps.
    """
    return _AddressWatch.create(on_step=event)


def offline() -> rx.Var[bool]:
    """Whether the browser itself has no network."""
    hook = """const [is_offline, set_is_offline] = useState(false);
useEffect(() => {
  const note = () => set_is_offline(!navigator.onLine);
  note();
  window.addEventListener("online", note);
  window.addEventListener("offline", note);
  return () => {
    window.removeEventListener("online", note);
    window.removeEventListener("offline", note);
  };
}, []);"""
    return rx.Var(_js_expr="is_offline", _var_data=_hooked(hook)).to(bool)


def reconnecting() -> rx.Var[bool]:
    """Whether the connection to the server is lost and being made again."""
    data = VarData(imports=Imports.CONNECT_ERRORS, hooks={Hooks.CONNECT_ERRORS: None})
    return rx.Var(_js_expr="(connectErrors.length > 0)", _var_data=data).to(bool)


def here() -> rx.Var[str]:
    """The address of the page as a value for a query, for links that lead back."""
    return rx.Var(
        "encodeURIComponent(globalThis.location ? location.pathname + location.search : '/')",
        _var_type=str,
    )


def _hooked(hook: str, *values: rx.Var[Any]) -> VarData | None:
    react = VarData(imports={"react": ["useEffect", "useState"]}, hooks={hook: None})
    return VarData.merge(*(value._get_all_var_data() for value in values), react)
