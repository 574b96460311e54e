"""The pages of signing in, which an app has once it asks for them: `add_pages`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import reflex as rx
from django.conf import settings as django_settings
from django.forms import BaseForm
from django.shortcuts import resolve_url
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from reflex_drf.auth.components import AuthPage, Frame, card, django_form, link
from reflex_drf.auth.guards import login_required
from reflex_drf.auth.options import PAGES, PagesOptions, offer_pages
from reflex_drf.errors import ConfigurationError
from reflex_drf.ui.texts import page_language, text

__all__ = ["add_pages"]

logger = logging.getLogger(__name__)

STATES = {
    "login": ("login", "LoginState"),
    "logout": ("logout", "LogoutState"),
    "registration": ("registration", "RegistrationState"),
    "password_reset": ("password_reset", "PasswordResetState"),
    "password_reset_confirm": ("password_reset", "PasswordResetConfirmState"),
    "password_change": ("password_change", "PasswordChangeState"),
}
TITLES = {
    "login": _("Sign in"),
    "logout": _("Sign out"),
    "registration": _("Create an account"),
    "password_reset": _("Reset your password"),
    "password_reset_confirm": _("Choose a new password"),
    "password_change": _("Change your password"),
}


def add_pages(
    app: rx.App,
    *,
    registration: bool = False,
    password_reset: bool = False,
    password_change: bool = True,
    routes: Mapping[str, str] | None = None,
    forms: Mapping[str, type[Any] | str] | None = None,
    controls: Mapping[str, Mapping[str, rx.Component]] | None = None,
    frame: Frame = card,
    throttle_classes: Sequence[type[Any]] = (),
    login_after_registration: bool = True,
    reset_mail: Mapping[str, Any] | None = None,
    **page: Any,
) -> None:
    """Add pages to sign in and out to an app, and on request to register and reset a password.

    `routes`, `forms` and `controls` go by the names in `PAGES`; `frame` draws the page around
    a form. What is not asked for here does not exist in the app, for nobody.
    """
    wanted = ["login", "logout"]
    wanted += ["password_change"] if password_change else []
    wanted += ["registration"] if registration else []
    wanted += ["password_reset", "password_reset_confirm"] if password_reset else []
    chosen = PagesOptions(
        routes=choose_routes(wanted, routes or {}),
        forms=choose_forms(forms or {}),
        throttle_classes=choose_throttles(throttle_classes),
        login_after_registration=login_after_registration,
        reset_mail=dict(reset_mail or {}),
    )
    check_names(controls or {}, "controls")
    check_project(chosen)
    offer_pages(chosen)
    for name in wanted:
        add_page(app, name, chosen, frame, dict((controls or {}).get(name, {})), page)


def choose_routes(wanted: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Give the routes of the pages that are wanted."""
    check_names(given, "routes")
    routes = {name: given.get(name, PAGES[name]) for name in wanted}
    for name, route in routes.items():
        if not route.startswith("/") or "[" in route:
            raise ConfigurationError(
                f"The route of the {name} page is {route!r}; it has to begin with a slash and to "
                "have no parameters."
            )
    return routes


def choose_forms(given: Mapping[str, type[Any] | str]) -> dict[str, type[Any]]:
    """Give the project's own forms, of which some may be named by their dotted path."""
    check_names(given, "forms")
    return {name: choose_form(name, form) for name, form in given.items()}


def choose_form(page: str, given: type[Any] | str) -> type[Any]:
    """Give the form of a page, imported if it was named."""
    try:
        form = import_string(given) if isinstance(given, str) else given
    except ImportError as error:
        raise ConfigurationError(
            f"add_pages(forms=...) has {given!r} for the {page} page: {error}."
        ) from error
    if not (isinstance(form, type) and issubclass(form, BaseForm)):
        raise ConfigurationError(
            f"add_pages(forms=...) has {given!r} for the {page} page, which is no form class."
        )
    return form


def choose_throttles(given: Any) -> tuple[type[Any], ...]:
    """Give DRF's throttle classes that are asked before a form is looked at."""
    classes: tuple[Any, ...] = tuple(given) if isinstance(given, Iterable) else (None,)
    if not all(isinstance(one, type) and hasattr(one, "allow_request") for one in classes):
        raise ConfigurationError(
            f"add_pages(throttle_classes=...) is {given!r}; it has to be a list of throttle "
            "classes of DRF's."
        )
    return classes


def check_controls(page: str, form: Any, controls: Mapping[str, Any]) -> None:
    """Refuse a control for a field that a form does not have."""
    known = [] if form is None else list(form.fields)
    for name in controls:
        if name not in known:
            raise ConfigurationError(
                f"add_pages(controls=...) names {name!r}, which is no field of the {page} page. "
                f"Its fields are: {', '.join(known) or 'none'}."
            )


def check_names(given: Mapping[str, Any], argument: str) -> None:
    """Refuse the name of a page that does not exist."""
    for name in given:
        if name not in PAGES:
            raise ConfigurationError(
                f"add_pages({argument}=...) names {name!r}. Its keys are: {', '.join(PAGES)}."
            )


def check_project(chosen: PagesOptions) -> None:
    """Say at start what a visitor would run into."""
    if "password_reset" in chosen.routes and "email_template_name" not in chosen.reset_mail:
        try:
            get_template("reflex_drf/password_reset_email.txt").render({"uid": "", "token": ""})
        except TemplateDoesNotExist as error:
            raise ConfigurationError(
                f"The mail for a lost password needs the template {error}: put "
                "'django.contrib.admin', which has it in all of Django's languages, and "
                "'reflex_drf' into INSTALLED_APPS with APP_DIRS on, or name a template of your "
                "own with add_pages(reset_mail={'email_template_name': ...})."
            ) from error
    if resolve_url(django_settings.LOGIN_URL) != chosen.routes["login"]:
        logger.warning(
            "Guards lead to LOGIN_URL = %r, which is not the sign-in page of this app: set "
            "LOGIN_URL = %r.",
            str(django_settings.LOGIN_URL),
            chosen.routes["login"],
        )


def add_page(
    app: rx.App,
    name: str,
    chosen: PagesOptions,
    frame: Frame,
    controls: Mapping[str, rx.Component],
    arguments: Mapping[str, Any],
) -> None:
    """Add one page, and with its state what a client can call."""
    # Later than this module, so that an app has only the states it asked for.
    from reflex_drf.auth.forms import blank_form

    module, state_name = STATES[name]
    state = getattr(import_module(f"reflex_drf.auth.states.{module}"), state_name)
    form = None if name == "logout" else blank_form(name, chosen)
    check_controls(name, form, controls)

    def content() -> rx.Component:
        drawn = BODIES[name](state, form, chosen, controls)
        page = frame(replace(drawn, title=text(drawn.title), lead=text(drawn.lead)))
        return rx.fragment(page_language(), page)

    page: Callable[[], rx.Component] = content
    if name == "password_change":
        page = login_required(content)
    begin = getattr(state, "begin", None)
    app.add_page(
        page,
        route=chosen.routes[name],
        **{"title": text(TITLES[name]), "on_load": begin, **arguments},
    )


# -- What stands on each ----------------------------------------------------------------------

Controls = Mapping[str, rx.Component]


def links_to(chosen: PagesOptions, labels: Mapping[str, Any]) -> tuple[rx.Component, ...]:
    """Links to those of the pages that the app has."""
    return tuple(
        link(label, chosen.routes[name], keep_next=name in ("login", "registration"))
        for name, label in labels.items()
        if name in chosen.routes
    )


def login_page(state: Any, form: Any, chosen: PagesOptions, controls: Controls) -> AuthPage:
    """Sign in."""
    return AuthPage(
        name="login",
        title=TITLES["login"],
        lead="",
        body=django_form(state, form, _("Sign in"), controls=controls),
        links=links_to(
            chosen,
            {
                "registration": _("Create an account"),
                "password_reset": _("Forgotten your password?"),
            },
        ),
    )


def logout_page(state: Any, form: Any, chosen: PagesOptions, controls: Controls) -> AuthPage:
    """Sign out: a button, because a link to this page may be anybody's."""
    leave = rx.button(text(_("Sign out")), on_click=state.sign_out, size="3", width="100%")
    signed_out = rx.text(text(_("You are signed out.")), role="status")
    return AuthPage(
        name="logout",
        title=TITLES["logout"],
        lead="",
        body=rx.cond(state.is_authenticated, leave, signed_out),
        links=links_to(chosen, {"login": _("Sign in")}),
    )


def registration_page(state: Any, form: Any, chosen: PagesOptions, controls: Controls) -> AuthPage:
    """Register."""
    return AuthPage(
        name="registration",
        title=TITLES["registration"],
        lead="",
        body=rx.cond(
            state.done,
            said(_("Your account was created.")),
            django_form(state, form, _("Create an account"), controls=controls),
        ),
        links=links_to(chosen, {"login": _("Sign in")}),
    )


def password_reset_page(
    state: Any, form: Any, chosen: PagesOptions, controls: Controls
) -> AuthPage:
    """Ask for a mail."""
    return AuthPage(
        name="password_reset",
        title=TITLES["password_reset"],
        lead=_("You get a mail with a link to choose a new password."),
        body=rx.cond(
            state.done,
            said(
                _(
                    "If there is an account with this address, a mail is on its way to it. Look "
                    "into the spam folder if it does not arrive."
                )
            ),
            django_form(state, form, _("Send the mail"), controls=controls),
        ),
        links=links_to(chosen, {"login": _("Sign in")}),
    )


def password_reset_confirm_page(
    state: Any, form: Any, chosen: PagesOptions, controls: Controls
) -> AuthPage:
    """Set the new password."""
    bad = said(
        _(
            "This link is not good any more, maybe because it was used already. Ask for "
            "another one."
        ),
        problem=True,
    )
    shown = rx.match(
        state.link,
        ("good", django_form(state, form, _("Set the password"), controls=controls)),
        ("bad", bad),
        rx.fragment(),
    )
    return AuthPage(
        name="password_reset_confirm",
        title=TITLES["password_reset_confirm"],
        lead="",
        body=rx.cond(state.done, said(_("Your new password is set. You can sign in now.")), shown),
        links=links_to(
            chosen, {"login": _("Sign in"), "password_reset": _("Ask for another mail")}
        ),
    )


def password_change_page(
    state: Any, form: Any, chosen: PagesOptions, controls: Controls
) -> AuthPage:
    """Change the password."""
    return AuthPage(
        name="password_change",
        title=TITLES["password_change"],
        lead=_("Your sessions in other browsers end with it."),
        body=rx.cond(
            state.done,
            said(_("Your password was changed.")),
            django_form(state, form, _("Change the password"), controls=controls),
        ),
    )


def said(message: Any, *, problem: bool = False) -> rx.Component:
    """What is said in the place of a form that has been dealt with."""
    icon, color = ("triangle-alert", "red") if problem else ("check", "green")
    return rx.callout(
        text(message), icon=icon, color_scheme=color, role="alert" if problem else "status"
    )


BODIES: Mapping[str, Callable[[Any, Any, PagesOptions, Controls], AuthPage]] = {
    "login": login_page,
    "logout": logout_page,
    "registration": registration_page,
    "password_reset": password_reset_page,
    "password_reset_confirm": password_reset_confirm_page,
    "password_change": password_change_page,
}
