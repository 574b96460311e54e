"""Middleware of every kind, for the tests of the bridge."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import MiddlewareNotUsed, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseRedirect
from django.utils import timezone
from django.utils.decorators import async_only_middleware, sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject

# What the middleware of a test saw, in order. Each test begins with an empty list.
log: list[str] = []
tenant: ContextVar[str] = ContextVar("tenant", default="none")


class Hooks(MiddlewareMixin):
    """A middleware of the project's own that can be taken apart."""

    def process_request(self, request: HttpRequest) -> None:
        log.append(f"hooks in {threading.current_thread().name}")
        request.organisation = "acme"  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        log.append(f"hooks out {response.status_code}")
        return response


class Outer(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        log.append("outer in")

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        log.append(f"outer out {response.status_code}")
        return response


class Redirecting(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect("/terms/")

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        log.append("redirecting out")
        return response


class Refusing(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        raise PermissionDenied("not from here")

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        log.append("refusing out")
        return response


class Replacing(MiddlewareMixin):
    """Puts another response in the place of the one it got."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if target := request.COOKIES.get("target"):
            return HttpResponseRedirect(target)
        return HttpResponse("another")


class FailingOnTheWayOut(MiddlewareMixin):
    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        raise ValueError("out")


class Rescuing(MiddlewareMixin):
    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        log.append(f"rescuing {exception}")
        return HttpResponse(status=409) if isinstance(exception, LookupError) else None


class Zone(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        if zone := request.COOKIES.get("zone"):
            timezone.activate(zone)


class CookieSetting(MiddlewareMixin):
    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.set_cookie("banner", "1")
        return response


class NotUsed(MiddlewareMixin):
    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        raise MiddlewareNotUsed


class Forgetful(MiddlewareMixin):
    def process_response(self, request: HttpRequest, response: HttpResponse) -> None:
        return None


class Numbering(MiddlewareMixin):
    """Counts in the session, which makes every event save it."""

    def process_request(self, request: HttpRequest) -> None:
        request.session["events"] = request.session.get("events", 0) + 1


def sync_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """The kind most projects write."""

    def middleware(request: HttpRequest) -> HttpResponse:
        log.append(f"sync in {threading.current_thread().name}")
        tenant.set(request.COOKIES.get("tenant", "none"))
        response = get_response(request)
        log.append(f"sync out {response.status_code}")
        return response

    return middleware


def sync_only_inner(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponse:
        log.append("inner in")
        response = get_response(request)
        log.append("inner out")
        return response

    return middleware


def refusing_function(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponse:
        return HttpResponseForbidden("closed")

    return middleware


@async_only_middleware
def async_only(get_response: Callable[[HttpRequest], Any]) -> Any:
    async def middleware(request: HttpRequest) -> HttpResponse:
        log.append(f"async in {threading.current_thread().name}")
        token = tenant.set(request.COOKIES.get("tenant", "none"))
        try:
            response = await get_response(request)
        finally:
            tenant.reset(token)
        log.append(f"async out {response.status_code}")
        return response  # type: ignore[no-any-return]

    return middleware


@sync_and_async_middleware
def either(get_response: Callable[[HttpRequest], Any]) -> Any:
    from asgiref.sync import iscoroutinefunction

    assert iscoroutinefunction(get_response), "an event is asynchronous, so this must be too"

    async def middleware(request: HttpRequest) -> HttpResponse:
        log.append("either in")
        return await get_response(request)  # type: ignore[no-any-return]

    return middleware


@async_only_middleware
def lazy_user(get_response: Callable[[HttpRequest], Any]) -> Any:
    """Finds the user by a header of its own, when somebody asks."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        name = request.COOKIES["name"]
        users = get_user_model().objects
        request.user = SimpleLazyObject(lambda: users.get(username=name))  # type: ignore[assignment]
        return await get_response(request)  # type: ignore[no-any-return]

    return middleware


@sync_and_async_middleware
def flexible(get_response: Callable[[HttpRequest], Any]) -> Any:
    """Written for both worlds, as Django's documentation shows it."""
    from asgiref.sync import iscoroutinefunction

    async def on_the_loop(request: HttpRequest) -> HttpResponse:
        log.append("flexible async")
        return await get_response(request)  # type: ignore[no-any-return]

    def in_a_thread(request: HttpRequest) -> HttpResponse:
        log.append("flexible sync")
        return get_response(request)  # type: ignore[no-any-return]

    return on_the_loop if iscoroutinefunction(get_response) else in_a_thread


def returning_nothing(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    def middleware(request: HttpRequest) -> None:
        get_response(request)

    return middleware
