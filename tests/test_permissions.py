"""What a user may do is asked of the view's own permissions, as if the request had asked for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import permissions as drf
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from reflex_drf import permissions
from reflex_drf.errors import UnknownAction
from reflex_drf.permissions import allowed_actions, may, may_object
from tests.shop.models import Product, Task
from tests.shop.views import ProductViewSet, TagViewSet, TaskViewSet


class OwnerOnly(drf.BasePermission):
    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        return request.method in drf.SAFE_METHODS or obj.owner_id == request.user.pk


class Recorder(drf.BasePermission):
    """Notes what it was shown, and refuses in the way the test asks for."""

    seen: list[tuple[str | None, str | None]] = []
    refusal: type[Exception] | None = None

    def has_permission(self, request: Request, view: Any) -> bool:
        Recorder.seen.append((request.method, getattr(view, "action", None)))
        if Recorder.refusal:
            raise Recorder.refusal
        return True


class OwnedViewSet(TaskViewSet):
    permission_classes = [drf.IsAuthenticated, OwnerOnly]

    @action(detail=True, methods=["post", "delete"], permission_classes=[drf.IsAdminUser])
    def archive(self, request: Request, pk: str | None = None) -> Response:
        return Response()

    @archive.mapping.put
    def rearchive(self, request: Request, pk: str | None = None) -> Response:
        return Response()


class RecordedViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()
    permission_classes = [Recorder]


class ByActionViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()

    def get_permissions(self) -> Any:
        return [drf.AllowAny() if self.action == "list" else drf.IsAdminUser()]


class PlainView(APIView):
    permission_classes = [drf.IsAuthenticatedOrReadOnly]

    def get(self, request: Request) -> Response:
        return Response()

    def post(self, request: Request) -> Response:
        return Response()


# The tests have more than one model called Product.
PERMISSIONS = Permission.objects.filter(content_type__app_label="shop")


@pytest.fixture(autouse=True)
def _fresh_recorder() -> None:
    Recorder.seen = []
    Recorder.refusal = None


@pytest.fixture
def plain(db: None) -> User:
    return User.objects.create_user("plain")


@pytest.fixture
def editor(db: None) -> User:
    user = User.objects.create_user("editor")
    user.user_permissions.add(PERMISSIONS.get(codename="change_product"))
    return user


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin")


def set_up(view_class: type[APIView], name: str = "list", user: Any = None) -> Any:
    """The view as it stands while it answers a GET for the named action."""
    request = APIRequestFactory().get("/")
    force_authenticate(request, user or AnonymousUser())
    handler = getattr(view_class, name, None)
    view: Any = view_class(**getattr(handler, "kwargs", {}))
    view.setup(request)
    if issubclass(view_class, viewsets.ViewSetMixin):
        view.action_map = {"get": name}
    view.request = view.initialize_request(request)
    return view


def test_the_guides_permission_classes_are_drfs() -> None:
    for name in permissions.__all__:
        if hasattr(drf, name):
            assert getattr(permissions, name) is getattr(drf, name)
    assert {"AllowAny", "IsAuthenticated", "IsAdminUser", "BasePermission"} <= set(
        permissions.__all__
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("list", True),
        ("retrieve", True),
        ("create", False),
        ("update", False),
        ("partial_update", False),
        ("destroy", False),
        ("restock", False),
        ("summary", True),
    ],
)
def test_anonymous_reads_only(name: str, expected: bool) -> None:
    assert may(set_up(ProductViewSet), name) is expected


def test_model_permissions_follow_the_verb_of_the_action(editor: User) -> None:
    view = set_up(ProductViewSet, user=editor)

    assert may(view, "update")
    assert may(view, "partial_update")
    assert not may(view, "create")
    assert not may(view, "destroy")


def test_an_action_is_judged_by_its_own_permissions(editor: User, admin: User) -> None:
    assert not may(set_up(ProductViewSet, user=editor), "discontinue")
    assert may(set_up(ProductViewSet, user=editor), "restock")
    assert may(set_up(ProductViewSet, user=admin), "discontinue")


def test_the_permissions_of_the_running_action_do_not_stick(editor: User) -> None:
    view = set_up(ProductViewSet, "discontinue", user=editor)

    assert not may(view, "discontinue")
    assert may(view, "list")
    assert may(view, "update")


def test_the_view_stays_as_it_was(editor: User) -> None:
    view = set_up(ProductViewSet, user=editor)
    before = (view.request, view.action, view.action_map, dict(vars(view)))

    may(view, "discontinue")
    may_object(view, "restock", Product())

    assert before == (view.request, view.action, view.action_map, dict(vars(view)))
    assert view.request.method == "GET"


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("list", "GET"),
        ("create", "POST"),
        ("update", "PUT"),
        ("partial_update", "PATCH"),
        ("destroy", "DELETE"),
        ("metadata", "OPTIONS"),
    ],
)
def test_permissions_see_the_verb_and_the_action(name: str, method: str) -> None:
    assert may(set_up(RecordedViewSet), name)
    assert Recorder.seen == [(method, name)]


def test_a_method_can_be_named(admin: User) -> None:
    view = set_up(RecordedViewSet, user=admin)

    may(view, "list", method="head")

    assert Recorder.seen == [("HEAD", "list")]


@pytest.mark.parametrize("refusal", [PermissionDenied, Http404])
def test_every_way_to_refuse_is_a_no(refusal: type[Exception]) -> None:
    Recorder.refusal = refusal

    assert not may(set_up(RecordedViewSet), "list")
    assert not may_object(set_up(RecordedViewSet), "list", Product())


def test_a_broken_permission_is_an_error_and_not_a_no() -> None:
    Recorder.refusal = ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        may(set_up(RecordedViewSet), "list")


def test_get_permissions_that_looks_at_the_action_holds(plain: User, admin: User) -> None:
    assert may(set_up(ByActionViewSet, user=plain), "list")
    assert not may(set_up(ByActionViewSet, user=plain), "destroy")
    assert may(set_up(ByActionViewSet, user=admin), "destroy")


def test_a_row_of_another_may_be_read_and_not_changed(plain: User, editor: User) -> None:
    view = set_up(OwnedViewSet, user=plain)

    assert may_object(view, "retrieve", Task(owner=editor))
    assert not may_object(view, "destroy", Task(owner=editor))
    assert may_object(view, "destroy", Task(owner=plain))


def test_a_row_needs_the_permission_for_the_view_as_well(plain: User) -> None:
    task = Task(owner=plain)

    assert not may_object(set_up(OwnedViewSet), "retrieve", task)
    assert not may_object(set_up(OwnedViewSet, user=plain), "archive", task)


def test_an_action_with_several_methods_has_the_one_asked_for(admin: User) -> None:
    view = set_up(OwnedViewSet, user=admin)

    assert may(view, "archive")
    assert may(view, "archive", method="DELETE")


def test_an_unknown_action_is_an_error_that_names_the_view() -> None:
    with pytest.raises(UnknownAction, match=r"TagViewSet has no action 'create'"):
        may(set_up(TagViewSet), "create")


def test_a_plain_view_is_asked_by_the_verb(plain: User) -> None:
    assert may(set_up(PlainView), "get")
    assert not may(set_up(PlainView), "post")
    assert may(set_up(PlainView, user=plain), "post")


def test_allowed_actions_of_each_kind_of_user(plain: User, editor: User, admin: User) -> None:
    reading = {"list", "retrieve", "summary"}
    writing = {"create", "update", "partial_update", "destroy"}

    assert allowed_actions(set_up(ProductViewSet)) == reading
    assert allowed_actions(set_up(ProductViewSet, user=plain)) == reading | {"restock"}
    assert allowed_actions(set_up(ProductViewSet, user=editor)) == reading | {
        "restock",
        "update",
        "partial_update",
    }
    assert allowed_actions(set_up(ProductViewSet, user=admin)) == reading | writing | {
        "restock",
        "discontinue",
    }


def test_allowed_actions_on_a_row(plain: User, editor: User) -> None:
    view = set_up(OwnedViewSet, user=plain)

    assert "destroy" in allowed_actions(view, Task(owner=plain))
    assert allowed_actions(view, Task(owner=editor)) == {"list", "retrieve"}


def test_a_read_only_viewset_has_no_writing_actions(admin: User) -> None:
    assert allowed_actions(set_up(TagViewSet, user=admin)) == {"list", "retrieve"}


class FewMethodsViewSet(TaskViewSet):
    http_method_names = ["get", "delete"]

    @action(detail=False, methods=["post"])
    def archive(self, request: Request) -> Response:
        return Response()

    @archive.mapping.delete
    def clear(self, request: Request) -> Response:
        return Response()


def test_what_is_left_out_of_the_methods_is_no_action(admin: User) -> None:
    allowed = {"list", "retrieve", "destroy", "clear"}
    assert allowed_actions(set_up(FewMethodsViewSet, user=admin)) == allowed


def test_the_extra_actions_of_a_viewset_are_looked_for_once(admin: User) -> None:
    class CountingViewSet(TaskViewSet):
        looks = 0

        @classmethod
        def get_extra_actions(cls) -> list[Any]:
            CountingViewSet.looks += 1
            return super().get_extra_actions()

    for _ in range(3):
        view = set_up(CountingViewSet, user=admin)
        assert may(view, "create")
        assert may(view, "list")
    assert CountingViewSet.looks == 1
