"""A small shop made of nothing but models, viewsets and `reflex_drf.ui`, as a running server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import ui_form_project as forms
from tests import ui_table_project as tables
from tests.servers import Server, _environment, _running
from tests.throwaway import Project

SETTINGS = """
from pathlib import Path

INSTALLED_APPS += ["rest_framework", "django_filters", "goods"]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": Path(__file__).resolve().parent.parent / "shop.sqlite3",
    "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
"""

URLS = """
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter
from goods import views

router = DefaultRouter()
router.register("products", views.ProductViewSet)
router.register("categories", views.CategoryViewSet)
router.register("notes", views.NoteViewSet)
router.register("secrets", views.SecretViewSet, basename="secret")
urlpatterns = [path("admin/", admin.site.urls), path("api/", include(router.urls))]
"""

MODELS = """
from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "categories"

    def __str__(self):
        return self.name


class Product(models.Model):
    class Size(models.TextChoices):
        SMALL = "s", "Small"
        LARGE = "l", "Large"

    name = models.CharField(max_length=40, help_text="As it stands on the label.")
    size = models.CharField(max_length=1, choices=Size, blank=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(default=0)
    on_sale = models.BooleanField(default=True)
    released = models.DateField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT)
    description = models.TextField(blank=True)
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]


class Note(models.Model):
    text = models.CharField(max_length=80)

    class Meta:
        ordering = ["id"]
"""

VIEWS = """
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters, pagination, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from goods.models import Category, Note, Product


class Pages(pagination.PageNumberPagination):
    page_size = 5
    page_size_query_param = "per_page"
    max_page_size = 50


class Steps(pagination.CursorPagination):
    page_size = 5
    ordering = "id"


class CategorySerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = ["id", "name"]


class ProductSerializer(serializers.ModelSerializer):
    stock = serializers.IntegerField(min_value=0, max_value=1000, default=0)
    category_name = serializers.CharField(source="category.name", read_only=True)

    class Meta:
        model = Product
        fields = [
            "id", "name", "size", "price", "stock", "on_sale", "released", "checked_at",
            "category", "category_name", "description", "attributes",
        ]

    def validate(self, data):
        if data.get("name") == "nothing":
            raise serializers.ValidationError("Nothing is no product.")
        return data


class NoteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Note
        fields = ["id", "text"]


class CategoryViewSet(viewsets.ModelViewSet):
    queryset = Category.objects.all()
    serializer_class = CategorySerializer


class ProductViewSet(viewsets.ModelViewSet):
    queryset = Product.objects.select_related("category")
    serializer_class = ProductSerializer
    pagination_class = Pages
    filter_backends = [DjangoFilterBackend, filters.SearchFilter, filters.OrderingFilter]
    filterset_fields = ["size", "on_sale"]
    search_fields = ["name"]
    ordering_fields = ["name", "price"]

    @action(detail=True, methods=["post"])
    def restock(self, request, pk=None):
        product = self.get_object()
        product.stock += 100
        product.save()
        return Response({"stock": product.stock})

    @action(detail=False, methods=["post"], name="Empty the shelves")
    def clear_stock(self, request):
        self.get_queryset().update(stock=0)
        return Response({})


class NoteViewSet(viewsets.ModelViewSet):
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    pagination_class = Steps


class SecretViewSet(CategoryViewSet):
    permission_classes = [permissions.IsAdminUser]
"""

SEED = """
import django
django.setup()
from goods.models import Category, Note, Product

wood = Category.objects.create(name="Wood")
Category.objects.create(name="Cloth")
for number in range(1, 13):
    Product.objects.create(
        name=f"Chair {number:02}", size="s" if number % 2 else "l", price=f"{number * 1234}.50",
        stock=number * 7, on_sale=number % 3 != 0, released="2026-02-03" if number < 6 else None,
        checked_at="2026-02-03T23:30:00Z" if number < 4 else None, category=wood,
        attributes={"legs": 4},
    )
Note.objects.bulk_create(Note(text=f"Note {number}") for number in range(12))
"""

FRONT = """
import reflex as rx
from reflex_drf import ui
from reflex_drf.state import ModelState
from goods.views import CategoryViewSet, NoteViewSet, ProductViewSet, SecretViewSet


class CategoryState(ModelState):
    viewset = CategoryViewSet


class ProductState(ModelState):
    viewset = ProductViewSet


class PlainState(ModelState):
    viewset = ProductViewSet


class NoteState(ModelState):
    viewset = NoteViewSet


class SecretState(ModelState):
    viewset = SecretViewSet


def page(*children):
    return rx.el.main(
        rx.color_mode.button(custom_attrs={"aria-label": "Colours"}),
        rx.container(*children, size="4"),
    )


def products():
    return page(ui.crud(ProductState, form_options={"relations": {"category": CategoryState}}))


def pieces():
    return page(
        rx.heading("Pieces"),
        ui.table(
            PlainState,
            columns=["name", "price", ("Worth", lambda row: rx.text("worth of ", row["name"]))],
            cells={"name": lambda row: rx.text(row["name"], weight="bold", class_name="loud")},
            actions={"restock": None},
        ),
        ui.form(PlainState, fields=["name", "price", "category"], submit="Add it"),
    )


app = rx.App(html_lang="en")
app.add_page(
    products, route="/products", title="Products", on_load=[ProductState.load, CategoryState.load]
)
app.add_page(pieces, route="/pieces", title="Pieces", on_load=PlainState.load)
app.add_page(
    lambda: page(ui.crud(NoteState)), route="/notes", title="Notes", on_load=NoteState.load
)
app.add_page(
    lambda: page(ui.crud(SecretState)), route="/secrets", title="Secrets", on_load=SecretState.load
)
"""

RXCONFIG = """
import reflex as rx
from reflex_drf import ReflexDjangoPlugin

config = rx.Config(
    app_name="front",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[ReflexDjangoPlugin(), rx.plugins.RadixThemesPlugin(theme=rx.theme())],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
"""


def write_project(directory: Path) -> Project:
    """The project's files, with a database that has a few rows."""
    directory.mkdir(parents=True, exist_ok=True)
    project = Project(directory)
    project.extend("mysite/settings.py", SETTINGS + forms.SETTINGS + tables.SETTINGS)
    project.write("mysite/urls.py", URLS + forms.URLS + tables.URLS)
    project.write("goods/__init__.py", "")
    project.write("goods/models.py", MODELS)
    project.write("goods/views.py", VIEWS)
    project.write("stock/__init__.py", "")
    project.write("stock/models.py", forms.MODELS)
    project.write("stock/views.py", forms.VIEWS)
    project.write("store/__init__.py", "")
    project.write("store/models.py", tables.MODELS)
    project.write("store/views.py", tables.VIEWS)
    project.write("front/__init__.py", "")
    project.write("front/front.py", FRONT + forms.FRONT + tables.FRONT)
    project.write("rxconfig.py", RXCONFIG)
    # A browser asks for one, and notes that it is missing.
    project.write("assets/favicon.ico", "")
    environment = _environment() | {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    for command in (
        ["manage.py", "migrate", "--run-syncdb", "--verbosity", "0"],
        ["-c", SEED + forms.SEED + tables.SEED],
    ):
        subprocess.run(
            [sys.executable, *command], cwd=directory, env=environment, check=True, timeout=120
        )
    return project


@contextmanager
def running_project(directory: Path) -> Iterator[Server]:
    """The production build of the project."""
    write_project(directory)
    with _running(directory, _environment()) as server:
        yield server
