"""Guards for handlers and pages: who may, asked on the server in every event.

A guard is a decorator. Around a handler it runs first and lets the handler run or not; around a
page function it marks the page, whose loading is then judged by the server.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

import reflex as rx
from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import resolve_url
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission, OperandHolder, SingleOperandHolder
from rest_framework.request import Request, clone_request
from rest_framework.views import APIView

from reflex_drf.auth.page_guards import MARK
from reflex_drf.bridge import current_request
from reflex_drf.errors import ConfigurationError
from reflex_drf.state.answers import leave_page

__all__ = [
    "Guard",
    "group_required",
    "login_required",
    "next_url",
    "permission_classes",
    "permission_required",
    "sign_in_url",
    "staff_required",
    "superuser_required",
]

F = TypeVar("F", bound=Callable[..., Any])
PermissionClass = type[BasePermission] | OperandHolder | SingleOperandHolder


class Test(Protocol):
    """Decides about the user of a request."""

    async def __call__(self, request: HttpRequest, *, page: bool) -> bool: ...


class Guard:
    """A test, and what a browser is told when it fails."""

    def __init__(self, test: Test, login_url: str | None = None) -> None:
        self.test = test
        self.login_url = login_url

    def __call__(self, function: F) -> F:
        """Guard a handler, or a page function, which is one without parameters."""
        if not callable(function) or not hasattr(function, "__code__"):
            raise ConfigurationError(
                f"A guard stands above a handler or a page function, not above {function!r}. Write "
                "it between @rx.event or @rx.page and the function."
            )
        guarded: Any = (
            wrap_handler(self, function) if takes_state(function) else wrap_page(function)
        )
        setattr(guarded, MARK, (self, *getattr(function, MARK, ())))
        return guarded  # type: ignore[no-any-return]

    async def refusal(self, *, page: bool = False) -> Any:
        """Give the browser event that says no, or None for who may."""
        request = current_request()
        user = getattr(request, "user", None)
        if user is None:
            raise ConfigurationError(
                "A guard needs to know the user: put AuthenticationMiddleware into MIDDLEWARE."
            )
        if await self.test(request, page=page):
            return None
        if not user.is_authenticated:
            return leave_page(sign_in_url(request, self.login_url))
        said = gettext("You may not see this page.") if page else gettext("You may not do this.")
        return rx.toast.error(said)


def sign_in_url(request: HttpRequest, login_url: str | None = None) -> str:
    """Give the address of the sign-in page, with the way back to where the viewer is."""
    # It needs the user model, which need not be there yet when this module is imported.
    from django.contrib.auth.views import redirect_to_login

    here = request.get_full_path()
    # The client says where it is; nothing that leads to another site is taken for a page.
    if not url_has_allowed_host_and_scheme(here, allowed_hosts=None):
        here = "/"
    return redirect_to_login(here, login_url and resolve_url(login_url)).url


def next_url(default: str = "/") -> str:
    """Give where a sign-in page leads to afterwards: its `next`, if that is on this site."""
    request = current_request()
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # As Django's redirects write it: a browser's script leaves tabs and line ends out of an
    # address, and of "/\t//evil" that makes the address of another site.
    return iri_to_uri(wanted) if safe else default


def takes_state(function: Callable[..., Any]) -> bool:
    """Tell a handler, which has at least its state as an argument, from a page function."""
    return bool(inspect.signature(function).parameters)


def wrap_page(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show a page only once it is hydrated, which it is not for who may not see it."""

    @functools.wraps(function)
    def page() -> Any:
        return rx.cond(rx.State.is_hydrated, function(), rx.fragment())

    return page


def wrap_handler(guard: Guard, function: Callable[..., Any]) -> Callable[..., Any]:
    """Ask the guard before the handler; what it is to Reflex stays the same."""
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        async def steps(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            if (refusal := await guard.refusal()) is not None:
                yield refusal
                return
            async for step in iterate(function(self, *args, **kwargs)):
                yield step

        return steps

    @functools.wraps(function)
    async def handler(self: Any, *args: Any, **kwargs: Any) -> Any:
        if (refusal := await guard.refusal()) is not None:
            return refusal
        result = function(self, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return handler


async def iterate(steps: Any) -> AsyncIterator[Any]:
    """Go through a generator of either kind; what a plain one returns is its last step."""
    if inspect.isasyncgen(steps):
        async for step in steps:
            yield step
        return
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            if stop.value is not None:
                yield stop.value
            return
        yield step


def user_guard(decide: Callable[[Any], Awaitable[bool]], login_url: str | None) -> Guard:
    """Make a guard that asks a signed-in, active user."""

    async def test(request: HttpRequest, *, page: bool) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and user.is_active and await decide(user))

    return Guard(test, login_url)


async def anybody(user: Any) -> bool:
    """Let every signed-in user pass."""
    return True


async def is_staff(user: Any) -> bool:
    """Let pass who may use the admin."""
    return bool(getattr(user, "is_staff", False))


async def is_superuser(user: Any) -> bool:
    """Let pass who may do everything."""
    return bool(getattr(user, "is_superuser", False))


def login_required(function: Any = None, *, login_url: str | None = None) -> Any:
    """Let signed-in users pass. With or without parentheses."""
    return direct(user_guard(anybody, login_url), function)


def staff_required(function: Any = None, *, login_url: str | None = None) -> Any:
    """Let staff pass. With or without parentheses."""
    return direct(user_guard(is_staff, login_url), function)


def superuser_required(function: Any = None, *, login_url: str | None = None) -> Any:
    """Let superusers pass. With or without parentheses."""
    return direct(user_guard(is_superuser, login_url), function)


def direct(guard: Guard, function: Any) -> Any:
    """Guard the function of `@guard`, or give the guard of `@guard()`."""
    return guard if function is None else guard(function)


def permission_required(*permissions: str, login_url: str | None = None) -> Guard:
    """Let users pass who have all of the permissions, such as "shop.change_product"."""
    check_names(permissions, "permission_required", "shop.change_product")

    async def decide(user: Any) -> bool:
        return bool(await sync_to_async(user.has_perms)(permissions))

    return user_guard(decide, login_url)


def group_required(*groups: str, login_url: str | None = None) -> Guard:
    """Let members of one of the groups pass; superusers as well."""
    check_names(groups, "group_required", "editors")

    async def decide(user: Any) -> bool:
        if getattr(user, "is_superuser", False):
            return True
        return hasattr(user, "groups") and await user.groups.filter(name__in=groups).aexists()

    return user_guard(decide, login_url)


def check_names(names: tuple[Any, ...], guard: str, example: str) -> None:
    """Refuse a guard that names nothing, such as one without its parentheses."""
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(f'{guard} needs names, such as @{guard}("{example}").')


def permission_classes(*classes: PermissionClass, login_url: str | None = None) -> Guard:
    """Let pass whom all of the DRF permission classes let pass.

    A handler is to them a POST, for which `IsAuthenticatedOrReadOnly` asks for a user; a page is a
    GET.
    """
    kinds = (type, OperandHolder, SingleOperandHolder)
    if not classes or not all(isinstance(entry, kinds) for entry in classes):
        raise ConfigurationError(
            "permission_classes needs DRF permission classes: @permission_classes(IsAdminUser)."
        )

    async def test(request: HttpRequest, *, page: bool) -> bool:
        return await sync_to_async(ask_classes)(classes, request, "GET" if page else "POST")

    return Guard(test, login_url)


def ask_classes(classes: tuple[PermissionClass, ...], request: HttpRequest, method: str) -> bool:
    """Ask DRF's permission classes as a view would."""
    view = APIView()
    view.setup(request)
    asked = Request(request)
    asked.user = request.user
    view.request = clone_request(asked, method)
    try:
        return all(cls().has_permission(view.request, view) for cls in classes)
    except (APIException, PermissionDenied, Http404):
        return False
