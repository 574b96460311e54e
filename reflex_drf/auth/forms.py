"""Django's forms of signing in, filled with what an event brings and run in a database thread.

Importing this needs a configured Django: it names the user model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import (
    AuthenticationForm,
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
    UserCreationForm,
)
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from rest_framework.views import APIView

from reflex_drf.auth.options import PagesOptions
from reflex_drf.bridge.session import is_plain

__all__ = ["Problems", "blank_form", "find_wait", "form_class", "make_form", "validate"]

# More than any form has; what a client adds to it is not read.
MOST_FIELDS = 100


class Problems(dict[str, str]):
    """What is wrong with a form: by field, and under "" with the whole."""


def registration_form() -> type[forms.ModelForm[Any]]:
    """Make Django's form for new users fit the project's user model."""
    model: Any = get_user_model()
    name, mail = model.USERNAME_FIELD, model.get_email_field_name()
    known = {field.name for field in model._meta.get_fields() if getattr(field, "editable", False)}
    names = dict.fromkeys((name, mail, *model.REQUIRED_FIELDS))
    fields = [each for each in names if each in known]
    own = getattr(UserCreationForm, "Meta", object)
    meta = type("Meta", (own,), {"model": model, "fields": fields})

    class RegistrationForm(UserCreationForm):  # type: ignore[type-arg]
        Meta = meta  # type: ignore[assignment]

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for required in model.REQUIRED_FIELDS:
                # The default user model lets an address be left out, and then no mail can help
                # with a lost password; `createsuperuser` asks for the same fields.
                if required in self.fields:
                    self.fields[required].required = True
            if mail in self.fields:
                self.fields[mail].widget.attrs.setdefault("autocomplete", "email")

        def clean(self) -> Any:
            cleaned = super().clean()
            value = self.cleaned_data.get(name)
            # As `UserCreationForm` does for a field that is called "username".
            taken = name != "username" and isinstance(value, str)
            if taken and model._default_manager.filter(**{f"{name}__iexact": value}).exists():
                self.add_error(name, self.instance.unique_error_message(model, [name]))
            return cleaned

    return RegistrationForm


DEFAULTS: Mapping[str, Callable[[], type[Any]]] = {
    "login": lambda: AuthenticationForm,
    "registration": registration_form,
    "password_reset": lambda: PasswordResetForm,
    "password_reset_confirm": lambda: SetPasswordForm,
    "password_change": lambda: PasswordChangeForm,
}
# Whose constructors take the user first.
OF_USER = ("password_reset_confirm", "password_change")


def form_class(page: str, chosen: PagesOptions) -> type[Any]:
    """Give the form of a page."""
    return chosen.forms.get(page) or DEFAULTS[page]()


def blank_form(page: str, chosen: PagesOptions) -> Any:
    """Give the form of a page to look at, with nothing in it."""
    made = form_class(page, chosen)
    if page == "login":
        return made(None)
    return made(None) if page in OF_USER else made()


def make_form(
    page: str, chosen: PagesOptions, data: Any, *, request: HttpRequest, user: Any = None
) -> Any:
    """Give the form of a page with what a client has sent; it is text or nothing."""
    made, read = form_class(page, chosen), read_data(data)
    if page == "login":
        return made(request, data=read)
    return made(user, data=read) if page in OF_USER else made(data=read)


def read_data(data: Any) -> dict[str, Any]:
    """Take from what a client has sent that which a browser's form can hold."""
    items = list(data.items())[:MOST_FIELDS] if isinstance(data, Mapping) else []
    # A box is true or false here, and a text in all that Django's fields are made for.
    return {
        str(name): str(value)
        for name, value in items
        if isinstance(value, bool) or (isinstance(value, str) and is_plain(value))
    }


@sensitive_variables("form")
async def validate(form: Any, act: Callable[[Any], Any] | None = None) -> Problems:
    """Validate a form and then, if it is good, do something with it; in one database thread."""

    @sensitive_variables()
    def run() -> Problems:
        if form.is_valid() and act is not None:
            try:
                act(form)
            except ValidationError as error:
                form.add_error(None, error)
        return problems(form)

    return await sync_to_async(run)()


def problems(form: Any) -> Problems:
    """Give what a form says is wrong, in the language of the event."""
    found = Problems()
    whole = [str(text) for text in form.non_field_errors()]
    for name, texts in form.errors.items():
        if name not in form.fields or name == "__all__":
            continue
        text = " ".join(map(str, texts))
        if form.fields[name].widget.is_hidden:
            whole.append(text)
        else:
            found[name] = text
    if whole:
        found[""] = " ".join(whole)
    return found


def find_wait(chosen: PagesOptions, request: HttpRequest) -> float | None:
    """Ask the throttles of the pages, and give the seconds to wait; None lets pass."""
    view = APIView()
    view.setup(request)
    view.request = view.initialize_request(request)
    for throttle in (made() for made in chosen.throttle_classes):
        if not throttle.allow_request(view.request, view):
            return float(throttle.wait() or 1)
    return None
