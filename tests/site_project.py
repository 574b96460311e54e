"""A project that is nothing but `ui.site`, over viewsets of its own and of others, as a server.

Its routers hold one viewset of each kind that a site has to cope with, and those of two packages
from PyPI that know nothing of this one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server, _environment, _running
from tests.throwaway import Project
from tests.ui_project import RXCONFIG

SETTINGS = """
from pathlib import Path

INSTALLED_APPS += ["rest_framework", "django_filters", "push_notifications", "djoser", "stock"]
MIDDLEWARE.insert(1, "django.middleware.locale.LocaleMiddleware")
LANGUAGES = [("en", "English"), ("de", "German")]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": Path(__file__).resolve().parent.parent / "site.sqlite3",
    "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
AUTH_PASSWORD_VALIDATORS = []
PUSH_NOTIFICATIONS_SETTINGS = {"UPDATE_ON_DUPLICATE_REG_ID": False}
DJOSER = {"HIDE_USERS": False}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
"""

URLS = """
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter
from push_notifications.api.rest_framework import (
    APNSDeviceAuthorizedViewSet, GCMDeviceAuthorizedViewSet, WebPushDeviceViewSet,
)
from djoser.views import UserViewSet
from stock import views

router = DefaultRouter()
router.register("products", views.ProductViewSet)
router.register("shelves", views.ShelfViewSet)
router.register("notes", views.NoteViewSet, basename="note")
router.register("secrets", views.SecretViewSet, basename="secret")
router.register("busy", views.BusyViewSet, basename="busy")
router.register("reports", views.ReportViewSet, basename="report")
router.register("plain", views.PlainViewSet, basename="plain")
router.register(r"shelves/(?P<shelf_code>[^/.]+)/products", views.ProductViewSet, basename="nested")

parties = DefaultRouter()
parties.register("device/apns", APNSDeviceAuthorizedViewSet)
parties.register("device/gcm", GCMDeviceAuthorizedViewSet)
parties.register("device/wp", WebPushDeviceViewSet)
parties.register("users", UserViewSet)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    path("parties/", include(parties.urls)),
]
"""

MODELS = """
import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Shelf(models.Model):
    code = models.SlugField(unique=True)
    place = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "shelves"

    def __str__(self):
        return self.code


class Product(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=40, help_text="As it stands on the label.")
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(default=0)
    on_sale = models.BooleanField(default=True)
    released = models.DateField(null=True, blank=True)
    shelf = models.ForeignKey(Shelf, null=True, blank=True, on_delete=models.PROTECT)
    description = models.TextField(blank=True)
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["name"]


class Note(models.Model):
    text = models.CharField(max_length=80)
    page = models.IntegerField(default=1)

    class Meta:
        ordering = ["id"]
"""

VIEWS = """
import time

from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters, pagination, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from stock.models import Note, Product, Shelf


class Pages(pagination.PageNumberPagination):
    page_size = 5
    page_size_query_param = "per_page"
    max_page_size = 50


class ProductSerializer(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = [
            "id", "name", "price", "stock", "on_sale", "released", "shelf", "description",
            "attributes",
        ]


class ShelfSerializer(serializers.ModelSerializer):
    class Meta:
        model = Shelf
        fields = ["code", "place"]


class NoteSerializer(serializers.ModelSerializer):
    # Names that a state has itself.
    error = serializers.CharField(source="text")
    search = serializers.CharField(required=False, write_only=True)

    class Meta:
        model = Note
        fields = ["id", "error", "page", "search"]

    def create(self, data):
        data.pop("search", None)
        return super().create(data)


class DeliverySerializer(serializers.Serializer):
    boxes = serializers.IntegerField(min_value=1, max_value=50, help_text="Whole boxes only.")
    day = serializers.DateField(required=False)
    by_night = serializers.BooleanField(default=False)
    marks = serializers.MultipleChoiceField(
        choices=[("fragile", "Fragile"), ("heavy", "Heavy")], required=False
    )

    def validate(self, data):
        if data["boxes"] == 13:
            raise serializers.ValidationError("Nobody carries thirteen.")
        return data


class ProductViewSet(viewsets.ModelViewSet):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]
    pagination_class = Pages
    filter_backends = [DjangoFilterBackend, filters.SearchFilter, filters.OrderingFilter]
    filterset_fields = ["on_sale"]
    search_fields = ["name"]
    ordering_fields = ["name", "price"]

    @action(detail=True, methods=["post"])
    def restock(self, request, pk=None):
        product = self.get_object()
        product.stock += 100
        product.save()
        return Response({"stock": product.stock})

    @action(detail=True, methods=["post"], serializer_class=DeliverySerializer)
    def deliver(self, request, pk=None):
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        product = self.get_object()
        product.stock += wanted.validated_data["boxes"] * 1000
        product.description = " ".join(sorted(wanted.validated_data.get("marks", [])))
        product.save()
        return Response({"stock": product.stock})

    @action(detail=False, methods=["post"], serializer_class=DeliverySerializer)
    def deliver_all(self, request):
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response({})


class ShelfViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Shelf.objects.all()
    serializer_class = ShelfSerializer
    lookup_field = "code"


class NoteViewSet(viewsets.ModelViewSet):
    serializer_class = NoteSerializer

    def get_queryset(self):
        return Note.objects.all()

    @action(detail=False, methods=["post"])
    def load(self, request):
        time.sleep(2.5)
        return Response({"loaded": True})


class SecretViewSet(ShelfViewSet):
    permission_classes = [permissions.IsAdminUser]


class Seldom(BaseThrottle):
    # Whoever has listed them has to wait for three seconds.
    at = 0

    def allow_request(self, request, view):
        allowed = time.monotonic() - Seldom.at > 3
        if allowed:
            Seldom.at = time.monotonic()
        return allowed

    def wait(self):
        return 3 - (time.monotonic() - Seldom.at)


class BusyViewSet(ShelfViewSet):
    throttle_classes = [Seldom]


class ReportViewSet(viewsets.ViewSet):
    # Neither model nor serializer nor list.
    @action(detail=False, methods=["post"])
    def totals(self, request):
        return Response({"total": 42})


class PlainViewSet(viewsets.ViewSet):
    def list(self, request):
        return Response([{"colour": "red"}, {"colour": "blue"}])
"""

SEED = """
import django
django.setup()
from django.contrib.auth.models import User
from stock.models import Note, Product, Shelf

User.objects.create_superuser("admin", password="admin")
User.objects.create_user("plain", password="plain-demo")
User.objects.create_user("other", password="other-demo", first_name="Olga", last_name="Other")
shelf = Shelf.objects.create(code="a-1", place="Left of the door")
Shelf.objects.create(code="b-2")
for number in range(1, 13):
    Product.objects.create(
        name=f"Chair {number:02}", price=f"{number * 1234}.50", stock=number * 7,
        on_sale=number % 3 != 0, released="2026-02-03", shelf=shelf, description="Wood.\\nOld.",
        attributes={"legs": 4},
    )
Note.objects.create(text="Remember the milk")
"""

FRONT = """
from django.utils.translation import gettext_lazy as _
from reflex_drf import ui
from mysite.urls import parties, router

app = ui.site(
    router,
    path="/office",
    title="Office",
    order=["shelves"],
    sections={
        "busy": ui.Section(label="Busy shelves", live=False),
        "products": ui.Section(icon="armchair"),
    },
)
# The packages' viewsets: no further word about any of them.
ui.site(parties, app=app, path="/others", title="Parties", sign_in=False)
"""


def write_project(directory: Path) -> Project:
    """The project's files, with a database that has a few rows."""
    directory.mkdir(parents=True, exist_ok=True)
    project = Project(directory)
    project.extend("mysite/settings.py", SETTINGS)
    project.write("mysite/urls.py", URLS)
    project.write("stock/__init__.py", "")
    project.write("stock/models.py", MODELS)
    project.write("stock/views.py", VIEWS)
    project.write("front/__init__.py", "")
    project.write("front/front.py", FRONT)
    project.write("rxconfig.py", RXCONFIG)
    project.write("assets/favicon.ico", "")
    environment = _environment() | {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    for command in (["manage.py", "migrate", "--run-syncdb", "--verbosity", "0"], ["-c", SEED]):
        subprocess.run(
            [sys.executable, *command], cwd=directory, env=environment, check=True, timeout=240
        )
    return project


@contextmanager
def running_site(directory: Path) -> Iterator[Server]:
    """The production build of the project."""
    write_project(directory)
    with _running(directory, _environment(), page="/office/products") as server:
        yield server
