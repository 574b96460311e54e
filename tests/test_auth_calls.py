"""Views that sign in, sign out or set cookies, called by the handlers of a state."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib import auth
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from rest_framework import permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from reflex_drf import bridge
from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import InProcessBackend
from reflex_drf.state import AppState, ModelState
from reflex_drf.state.user import DjangoUserState
from reflex_drf.testing import Tab
from tests.shop.models import Task
from tests.signing import fetch_cookies, scripts

import reflex as rx  # isort: skip

pytestmark = pytest.mark.django_db(transaction=True)
User: Any = get_user_model()


class AccountSerializer(serializers.ModelSerializer[Task]):
    class Meta:
        model = Task
        fields = ["id", "title"]


class AccountViewSet(viewsets.ModelViewSet[Task]):
    queryset = Task.objects.order_by("id")
    serializer_class = AccountSerializer
    permission_classes = [permissions.AllowAny]

    @action(detail=False, methods=["post"])
    def enter(self, request: Request) -> Response:
        user = auth.authenticate(request, username="ann", password=request.data.get("password"))
        if user is None:
            return Response({"detail": "No."}, status=400)
        auth.login(request, user)  # type: ignore[arg-type]
        return Response({"welcome": str(user)})

    @action(detail=False, methods=["post"])
    def leave(self, request: Request) -> Response:
        auth.logout(request)  # type: ignore[arg-type]
        return Response({})

    @action(detail=False, methods=["post"])
    def change_password(self, request: Request) -> Response:
        user: Any = request.user
        user.set_password("new")
        user.save()
        auth.update_session_auth_hash(request, user)  # type: ignore[arg-type]
        return Response({})

    @action(detail=False, methods=["post"])
    def speak(self, request: Request) -> Response:
        response = Response({}, status=200 if request.data.get("code") else 400)
        response.set_cookie("django_language", request.data.get("code") or "en")
        return response

    @action(detail=False, methods=["post"])
    def heard(self, request: Request) -> Response:
        return Response({"heard": request.COOKIES.get("django_language", "")})


class AccountState(ModelState):
    viewset = AccountViewSet


class AccountCallState(AppState):
    heard: str = ""

    @rx.event
    async def speak_and_hear(self) -> None:
        calls = (
            Call(view=AccountViewSet, action="speak", data={"code": "de"}),
            Call(view=AccountViewSet, action="heard", data={}),
        )
        *_, reply = await InProcessBackend().run(bridge.current_request(), *calls)
        self.heard = reply.data["heard"]


@pytest.fixture
def ann() -> Any:
    return User.objects.create_user("ann", password="pw")


async def user_of(tab: Tab) -> str:
    await tab.reconnect()
    return str(tab.get(DjangoUserState, "username"))


async def test_an_action_that_signs_in_signs_the_browser_in(ann: Any) -> None:
    async with Tab(session={"cart": ["tea"]}) as tab:
        before = tab.cookies["sessionid"]
        await tab.send(AccountState.enter({"password": "pw"}))
        assert tab.seen(AccountState, "action_data")["enter"] == {"welcome": "ann"}
        ((_, _, changed, _),) = scripts(tab)
        assert changed
        assert "removeItem('token')" not in str(tab.events)
        (answer,) = await fetch_cookies(tab)
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert tab.get(DjangoUserState, "username") == "ann"
        # Django gave the session another key and kept what was in it.
        assert tab.cookies["sessionid"] != before
        row = await Session.objects.aget(pk=tab.cookies["sessionid"])
        assert row.get_decoded()["cart"] == ["tea"]
        assert not await Session.objects.filter(pk=before).aexists()


async def test_a_wrong_password_changes_nothing(ann: Any) -> None:
    async with Tab(session={"cart": ["tea"]}) as tab:
        await tab.send(AccountState.enter({"password": "no"}))
        assert not scripts(tab)
        assert tab.seen(AccountState, "error") == "No."


async def test_an_action_that_signs_out_signs_the_browser_out(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        key = tab.cookies["sessionid"]
        await tab.send(AccountState.leave({}))
        await fetch_cookies(tab)
        assert "sessionid" not in tab.cookies
        assert not await Session.objects.filter(pk=key).aexists()
        assert tab.get(DjangoUserState, "username") == ""


async def test_an_action_that_changes_the_password_keeps_the_session(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        await tab.send(AccountState.change_password({}))
        code = tab.events[-1][1]["javascript_code"]
        # The page stays, and the browser's other tabs are told of the new key.
        ((_, _, changed, _),) = scripts(tab)
        assert (changed, code.rstrip().split(", ")[-2]) == (False, "true")
        await tab.send(AccountState.load)
        assert "removeItem('token')" not in str(tab.events)
        await fetch_cookies(tab)
        assert await user_of(tab) == "ann"


@pytest.mark.parametrize("code", ["de", ""])
async def test_a_cookie_of_an_action_reaches_the_browser(code: str) -> None:
    async with Tab() as tab:
        await tab.send(AccountState.speak({"code": code}))
        await fetch_cookies(tab)
        assert tab.cookies["django_language"] == (code or "en")
        await tab.send(AccountState.heard({}))
        assert tab.seen(AccountState, "action_data")["heard"] == {"heard": code or "en"}


async def test_a_call_by_hand_is_followed_by_one_that_has_its_cookies() -> None:
    async with Tab() as tab:
        await tab.send(AccountCallState.speak_and_hear)
        assert tab.seen(AccountCallState, "heard") == "de"
        await fetch_cookies(tab)
        assert tab.cookies["django_language"] == "de"


async def test_who_signs_in_elsewhere_during_an_event_changes_nothing_here(ann: Any) -> None:
    class Elsewhere(AppState):
        @rx.event
        async def enter(self) -> None:
            from django.test import Client

            await sync_to_async(Client().login)(username="ann", password="pw")

    async with Tab() as tab:
        await tab.send(Elsewhere.enter)
        assert not scripts(tab)
