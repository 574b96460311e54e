"""The requests, each written twice: as a URL for HTTP, and as a call of a viewset's action."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.views import APIView

from reflex_drf.backends import Call
from tests.parity import views
from tests.shop.views import CategoryViewSet, OrderViewSet, ProductViewSet, TagViewSet, TaskViewSet

USERS = ("anonymous", "plain", "permitted", "superuser")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request by one user, and the call that must come to the same."""

    name: str
    method: str
    path: str
    view: type[APIView]
    action: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    data: Any = None
    files: Callable[[], dict[str, Any]] = dict
    user: str = "anonymous"
    meta: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    # Over HTTP only the body can be read: of an envelope of the project's own, less is known.
    own_envelope: bool = False

    def __str__(self) -> str:
        return f"{self.name}-{self.user}".replace(" ", "_")

    def call(self) -> Call:
        """Give the call, with files of its own."""
        return Call(
            view=self.view,
            action=self.action,
            kwargs=self.kwargs,
            query=self.query,
            data=self.data,
            files=self.files(),
            method=self.method if self.action == "shelf" or self.names_method else None,
        )

    @property
    def names_method(self) -> bool:
        """Whether only the verb tells what the case is about."""
        return self.name.startswith("method ")


METHODS = {
    "list": "GET",
    "retrieve": "GET",
    "create": "POST",
    "update": "PUT",
    "partial_update": "PATCH",
    "destroy": "DELETE",
}


def case(
    name: str, view: type[APIView], action: str, path: str, /, pk: Any = None, **options: Any
) -> Case:
    """Write a case short: the verb is the action's, `pk` stands in the path too."""
    method = options.pop("method", None) or METHODS[action]
    kwargs = options.pop("kwargs", {})
    if pk is not None:
        kwargs, path = {**kwargs, "pk": pk}, path.format(pk=pk)
    return Case(
        name=name, view=view, action=action, path=path, method=method, kwargs=kwargs, **options
    )


def by(users: tuple[str, ...], *cases: Case) -> Iterator[Case]:
    """Repeat cases for each of these users."""
    for user in users:
        for one in cases:
            yield replace(one, user=user)


NEW = {"name": "Kettle", "sku": "K-1", "price": "19.90", "stock": 3, "tags": [1, 2]}
LATE = {"name": "late failure", "sku": "L-1", "price": "1.00"}


def product(name: str, action: str, path: str = "/api/products/", **options: Any) -> Case:
    return case(name, ProductViewSet, action, path, **options)


ROW = "/api/products/{pk}/"
PRODUCTS = [
    product("list", "list"),
    product("page 2", "list", query={"page": 2}),
    product("last page", "list", query={"page": "last"}),
    product("page past the end", "list", query={"page": 99}),
    product("search", "list", query={"search": "Tea 1"}),
    product("ordering", "list", query={"ordering": "-price"}),
    product("ordering and page", "list", query={"ordering": "name", "page": 2}),
    product("unknown ordering", "list", query={"ordering": "owner"}),
    product("filter", "list", query={"category": 2}),
    product("filter by boolean", "list", query={"active": False}),
    product("invalid filter", "list", query={"category": 77}),
    product("retrieve", "retrieve", ROW, pk=3),
    product("missing row", "retrieve", ROW, pk=4711),
    product("create", "create", data=NEW),
    product("invalid create", "create", data={"name": "", "price": "much", "tags": [99]}),
    product("late failure", "create", data=LATE),
    product("unique clash", "create", data={**NEW, "sku": "S-1"}),
    product("update", "update", ROW, pk=3, data={**NEW, "attrs": {"a": [1, None]}}),
    product("partial update", "partial_update", ROW, pk=3, data={"price": "7.70"}),
    product("invalid partial update", "partial_update", ROW, pk=3, data={"price": None}),
    product("delete", "destroy", ROW, pk=25),
    product("delete missing row", "destroy", ROW, pk=4711),
    product("discontinue", "discontinue", ROW + "discontinue/", pk=2, method="POST"),
    product("restock", "restock", ROW + "restock/", pk=2, method="POST", data={"amount": 5}),
    product("invalid restock", "restock", ROW + "restock/", pk=2, method="POST", data={}),
    product("summary", "summary", "/api/products/summary/", method="GET"),
    product("method not allowed", "summary", "/api/products/summary/", method="POST", data={}),
]

ITEM = {"name": "Kettle", "sku": "K-1", "price": "19.90"}


def more(prefix: str, view: Any, action: str, /, name: str = "", **options: Any) -> Case:
    """A case of a view under `/more/`."""
    row = "{pk}/" if "pk" in options else ""
    path = options.pop("path", f"/more/{prefix}/{row}")
    return case(f"{prefix} {name or action}", view, action, path, **options)


def reads_and_writes(prefix: str, view: Any, **options: Any) -> list[Case]:
    return [
        more(prefix, view, "list", **options),
        more(prefix, view, "create", data=ITEM, **options),
        more(prefix, view, "partial_update", pk=2, data={"name": "Renamed"}, **options),
        more(prefix, view, "destroy", pk=25, **options),
    ]


def token(key: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Token {key}"}


AUTHENTICATION = [
    *by(("anonymous", "plain"), *reads_and_writes("session", views.SessionViewSet)),
    *by(("anonymous", "plain"), *reads_and_writes("token", views.TokenViewSet)),
    *reads_and_writes("token", views.TokenViewSet, user="token", meta=token("plain-key")),
    *reads_and_writes("token", views.TokenViewSet, user="wrong token", meta=token("wrong")),
    *by(("anonymous", "superuser"), *reads_and_writes("either", views.EitherViewSet)),
    *by(("plain", "superuser"), *reads_and_writes("nobody", views.NobodyViewSet)),
    *by(USERS, *reads_and_writes("objects", views.ObjectsViewSet)),
    *by(
        USERS,
        more("handled", views.OwnHandlerViewSet, "create", data={"name": "x"}, own_envelope=True),
    ),
    *by(USERS, more("by-action", views.ByActionViewSet, "list")),
    *by(USERS, more("by-action", views.ByActionViewSet, "create", data=ITEM)),
    more("by-action", views.ByActionViewSet, "retrieve", pk=4),
]


def shelf(method: str, side: str = "left", **options: Any) -> Case:
    return more(
        "by-action",
        views.ByActionViewSet,
        "fill_shelf" if method == "PUT" else "shelf",
        name=f"shelf {method} {side}",
        path=f"/more/by-action/3/shelf/{side}/",
        method=method,
        kwargs={"pk": 3, "side": side},
        **options,
    )


ACTIONS = [
    *by(("anonymous", "plain"), shelf("GET"), shelf("DELETE")),
    *by(("anonymous", "plain", "superuser"), shelf("PUT", data={"stock": 8})),
    more(
        "by-action",
        views.ByActionViewSet,
        "cheap",
        path="/more/by-action/cheap/",
        method="GET",
        query={"offset": 6},
        user="superuser",
    ),
]

PAGES = [
    more("countless", views.CountlessViewSet, "list"),
    more("countless", views.CountlessViewSet, "list", name="page 2", query={"page": 2}),
    more("countless", views.CountlessViewSet, "list", name="end", query={"page": 4}),
    more("countless", views.CountlessViewSet, "list", name="all", query={"size": 20, "page": 2}),
    more("countless", views.CountlessViewSet, "list", name="past the end", query={"page": 9}),
    more("countless", views.CountlessViewSet, "list", name="no number", query={"page": "last"}),
    more("countless", views.CountlessViewSet, "list", name="far", query={"page": 10**30}),
    more("cursor", views.CursorViewSet, "list"),
    more("cursor", views.CursorViewSet, "list", name="page 2", query={"cursor": "cD03"}),
    more("cursor", views.CursorViewSet, "list", name="back", query={"cursor": "cj0xJnA9MTU="}),
    more("cursor", views.CursorViewSet, "list", name="broken", query={"cursor": "nonsense!"}),
    more("sized", views.SizedViewSet, "list"),
    more("sized", views.SizedViewSet, "list", name="size", query={"size": 9, "p": 2}),
    more("sized", views.SizedViewSet, "list", name="too big", query={"size": 500}),
    more("sized", views.SizedViewSet, "list", name="bad size", query={"size": "x", "p": "2"}),
    more("sized", views.SizedViewSet, "list", name="last", query={"p": "last"}),
    more("sized", views.SizedViewSet, "list", name="page 0", query={"p": 0}),
    more("sized", views.SizedViewSet, "list", name="found none", query={"search": "zzz"}),
    more("sized", views.SizedViewSet, "list", name="links keep the query",
         query={"search": "Tea", "ordering": "-price", "p": 2}),
    more("offset", views.OffsetViewSet, "list"),
    more("offset", views.OffsetViewSet, "list", name="next", query={"offset": 6}),
    more("offset", views.OffsetViewSet, "list", name="limit", query={"limit": 4, "offset": 8}),
    more("offset", views.OffsetViewSet, "list", name="past the end", query={"offset": 300}),
    more("offset", views.OffsetViewSet, "list", name="bad limit", query={"limit": "many"}),
    more("envelope", views.EnvelopeViewSet, "list", own_envelope=True),
    more("envelope", views.EnvelopeViewSet, "list", name="page 3", query={"page": 3},
         own_envelope=True),
    more("whole", views.WholeViewSet, "list"),
    more("sized", views.SizedViewSet, "list", name="repeated parameter", query={"p": ["1", "3"]}),
]  # fmt: skip

ORDER = {"customer": "Ada", "lines": [{"product": 1, "quantity": 2}, {"product": 2}]}
BAD_ORDER = {"customer": "", "lines": [{"product": 1}, {"quantity": -1}, {"product": 4711}]}


def line(name: str, action: str, path: str, **options: Any) -> Case:
    kwargs = {"order_pk": 1, **options.pop("kwargs", {})}
    return case(f"line {name}", views.LineViewSet, action, path, kwargs=kwargs, **options)


LINES = "/nested/orders/1/lines/"
NESTED = [
    *by(
        ("anonymous", "plain"),
        case("order list", OrderViewSet, "list", "/api/orders/"),
        case("order retrieve", OrderViewSet, "retrieve", "/api/orders/{pk}/", pk=1),
        case("order create", OrderViewSet, "create", "/api/orders/", data=ORDER),
        case("order invalid", OrderViewSet, "create", "/api/orders/", data=BAD_ORDER),
        line("list", "list", LINES),
        line("retrieve", "retrieve", LINES + "{pk}/", pk=2),
        line("create", "create", LINES, data={"product": 5, "quantity": 4}),
        line("double", "double", LINES + "{pk}/double/", pk=1, method="POST"),
        line("delete", "destroy", LINES + "{pk}/", pk=1),
    ),
    line("of another order", "retrieve", LINES + "{pk}/", pk=3, user="plain"),
    line("list of another order", "list", "/nested/orders/2/lines/", kwargs={"order_pk": 2},
         user="plain"),
    case("order no lines", OrderViewSet, "create", "/api/orders/", data={"customer": "Bo"},
         user="plain"),
    case("order lines are text", OrderViewSet, "create", "/api/orders/",
         data={"customer": "Bo", "lines": "none"}, user="plain"),
]  # fmt: skip


def tenant(slug: str, action: str, **options: Any) -> Case:
    row = "{pk}/" if "pk" in options else ""
    return case(
        f"tenant {slug} {action}",
        views.TenantViewSet,
        action,
        f"/t/{slug}/products/{row}",
        kwargs={"tenant": slug},
        **options,
    )


TENANTS = [
    *by(
        USERS,
        tenant("tea", "list"),
        tenant("vault", "list"),
        tenant("tea", "create", data=ITEM),
    ),
    tenant("tea", "retrieve", pk=1),
    tenant("tea", "retrieve", pk=24),
    tenant("nowhere", "list", user="plain"),
    tenant("nowhere", "create", data=ITEM, user="superuser"),
    tenant("vault", "destroy", pk=25, user="superuser"),
    tenant("closed", "list"),
    tenant("locked", "list"),
    tenant("moved", "list"),
]

ROWS = [
    more("linked", views.LinkedViewSet, "list"),
    more("linked", views.LinkedViewSet, "retrieve", pk=1),
    more("linked", views.LinkedViewSet, "create",
         data={**ITEM, "category": "http://testserver/api/categories/2/"}),
    more("linked", views.LinkedViewSet, "create", name="bad link",
         data={**ITEM, "category": "http://testserver/api/tags/2/"}),
    *[
        case(f"sku {sku}", views.SkuViewSet, "retrieve", f"/more/sku/{quoted}/",
             kwargs={"sku": sku})
        for sku, quoted in [("S-7", "S-7"), ("Odd sku ä", "Odd%20sku%20%C3%A4"), ("no", "no")]
    ],
    *[
        case(f"version {version} {action}", views.VersionViewSet, action,
             f"/versions/{version}/items/", kwargs={"version": version}, data=data)
        for version in ("v1", "v2")
        for action, data in (("list", None), ("create", ITEM))
    ],
    case("namespace list", views.NamespaceViewSet, "list", "/spaces/one/items/"),
    case("namespace retrieve", views.NamespaceViewSet, "retrieve", "/spaces/one/items/{pk}/", pk=2),
    *[
        more("query-version", views.QueryVersionViewSet, "list", name=version,
             query={"version": version})
        for version in ("1", "2", "3")
    ],
]  # fmt: skip


def photo(content: bytes = b"GIF89a", name: str = "tea pot.gif") -> Callable[[], dict[str, Any]]:
    return lambda: {"photo": SimpleUploadedFile(name, content, "image/gif")}


FILES = [
    more("photo", views.PhotoViewSet, "create", name="upload",
         data={**ITEM, "tags": [1, 3]}, files=photo()),
    more("photo", views.PhotoViewSet, "create", name="empty file", data=ITEM, files=photo(b"")),
    more("photo", views.PhotoViewSet, "create", name="upload with errors",
         data={"name": "x"}, files=photo()),
    more("photo", views.PhotoViewSet, "partial_update", name="replace", pk=1, files=photo(),
         data={}),
    more("photo", views.PhotoViewSet, "list"),
    more("photo", views.PhotoViewSet, "retrieve", pk=2),
    # A form cannot say that a checkbox is absent, so it is said.
    *by(
        USERS,
        product("upload", "create", data={**ITEM, "active": True, "tags": [2]}, files=photo()),
    ),
]  # fmt: skip

TROUBLE = [
    *by(USERS[:2], more("throttled", views.ThrottledViewSet, "list", times=5)),
    more("throttled", views.ThrottledViewSet, "create", data=ITEM, times=5, user="superuser"),
    *[
        more("late", views.LateViewSet, "create", name=kind, data={**ITEM, "name": kind})
        for kind in ("list", "text", "nested", "forbidden", "django", "gone", "teapot")
    ],
    more("late", views.LateViewSet, "partial_update", pk=2, data={"price": "5.00"}),
    more("late", views.LateViewSet, "destroy", pk=25),
    more("late", views.LateViewSet, "clear", path="/more/late/clear/", method="POST"),
    *by(
        ("anonymous", "plain"),
        replace(
            product("own handler create", "create", data={"name": "x"}, own_envelope=True),
            settings={
                "REST_FRAMEWORK": {"EXCEPTION_HANDLER": "tests.parity.views.enveloping_handler"}
            },
        ),
    ),
    case("method of no row", TagViewSet, "list", "/api/tags/", method="POST", data={"name": "x"}),
    case("method of a row", TagViewSet, "retrieve", "/api/tags/{pk}/", pk=1, method="DELETE"),
    case("missing action", TagViewSet, "create", "/api/tags/", data={"name": "x"}),
    case("key is no number", CategoryViewSet, "retrieve", "/api/categories/{pk}/", pk="abc"),
    case("key is too big", CategoryViewSet, "retrieve", "/api/categories/{pk}/", pk=10**30),
    case("data is a list", CategoryViewSet, "create", "/api/categories/", data=[1, 2]),
    case("data is text", CategoryViewSet, "create", "/api/categories/", data="tea"),
    case("data is empty", CategoryViewSet, "create", "/api/categories/", data={}),
    case("unknown field", CategoryViewSet, "create", "/api/categories/",
         data={"name": "new", "id": 999, "nope": 1}),
    case("format parameter", CategoryViewSet, "list", "/api/categories/",
         query={"format": "xml"}),
    case("odd text", CategoryViewSet, "create", "/api/categories/",
         data={"name": "é \u2028 <b>'\" 茶"}),
    case("null byte", CategoryViewSet, "create", "/api/categories/", data={"name": "a\x00b"}),
    case("options", CategoryViewSet, "metadata", "/api/categories/", method="OPTIONS"),
    *by(
        ("anonymous", "plain", "superuser"),
        case("task list", TaskViewSet, "list", "/api/tasks/"),
        case("task create", TaskViewSet, "create", "/api/tasks/", data={"title": "New"}),
        case("task of another", TaskViewSet, "retrieve", "/api/tasks/{pk}/", pk=1),
    ),
]  # fmt: skip

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de"}
PLAIN_VIEWS = [
    *by(("anonymous", "plain"), case("items get", views.ItemList, "get", "/items/", method="GET")),
    *by(
        ("anonymous", "plain"),
        case("items post", views.ItemList, "post", "/items/", method="POST", data=ITEM),
    ),
    case("echo get", views.Echo, "get", "/echo/", method="GET",
         query={"a": ["1", "2"], "b": "ä &=?", "c": ""}, user="plain"),
    case("echo post", views.Echo, "post", "/echo/", method="POST", data={"x": [1, {"y": None}]}),
    case("echo german", views.Echo, "post", "/echo/", method="POST", data={}, meta=GERMAN),
    case("german errors", CategoryViewSet, "create", "/api/categories/", data={}, meta=GERMAN),
    case("german missing row", CategoryViewSet, "retrieve", "/api/categories/{pk}/", pk=99,
         meta=GERMAN),
]  # fmt: skip

# What each kind of user gets over HTTP, lest three ways agree on nothing happening.
STATUSES = {
    "list": (200, 200, 200, 200),
    "page 2": (200, 200, 200, 200),
    "page past the end": (404, 404, 404, 404),
    "invalid filter": (400, 400, 400, 400),
    "retrieve": (200, 200, 200, 200),
    "missing row": (404, 404, 404, 404),
    "create": (403, 403, 201, 201),
    "invalid create": (403, 403, 400, 400),
    "late failure": (403, 403, 400, 400),
    "unique clash": (403, 403, 400, 400),
    "update": (403, 403, 200, 200),
    "partial update": (403, 403, 200, 200),
    "delete": (403, 403, 204, 204),
    "delete missing row": (403, 403, 404, 404),
    "discontinue": (403, 403, 403, 200),
    "restock": (403, 200, 200, 200),
    "invalid restock": (403, 400, 400, 400),
    "method not allowed": (403, 403, 405, 405),
    "upload": (403, 403, 201, 201),
    "token list": (401, 401, None, None),
    "either create": (401, None, None, 201),
    "tenant tea list": (200, 200, 200, 200),
    "tenant vault list": (403, 403, 403, 200),
    "tenant tea create": (403, 201, 201, 201),
    "order create": (403, 201, None, None),
    "order invalid": (403, 400, None, None),
    "throttled list": (429, 429, None, None),
}

CASES = [
    *by(USERS, *PRODUCTS),
    *AUTHENTICATION,
    *ACTIONS,
    *PAGES,
    *NESTED,
    *TENANTS,
    *ROWS,
    *FILES,
    *TROUBLE,
    *PLAIN_VIEWS,
]
