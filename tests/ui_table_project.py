"""The part of the project of `tests.ui_project` that has to do with tables: crates in a store."""

from __future__ import annotations

SETTINGS = """
INSTALLED_APPS += ["store"]
"""

URLS = """
from store import views as store

store_router = DefaultRouter()
store_router.register("crates", store.CrateViewSet)
urlpatterns += [path("api/store/", include(store_router.urls))]
"""

MODELS = """
from django.db import models


class Crate(models.Model):
    class Kind(models.TextChoices):
        WOOD = "w", "Wooden"
        STEEL = "s", "Made of steel"

    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=1, choices=Kind, default="w")
    weight = models.DecimalField(max_digits=8, decimal_places=2, default=1)
    pieces = models.IntegerField(default=0)
    sealed = models.BooleanField(default=False)
    packed = models.DateField(null=True, blank=True)
    inside = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    remark = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return self.name


class Sticker(models.Model):
    crate = models.ForeignKey(Crate, on_delete=models.CASCADE)


class Padlock(models.Model):
    crate = models.ForeignKey(Crate, on_delete=models.PROTECT)
"""

VIEWS = """
from rest_framework import filters, pagination, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from store.models import Crate


class Pages(pagination.PageNumberPagination):
    page_size = 5
    page_size_query_param = "per_page"
    max_page_size = 50


class NotFixed(permissions.BasePermission):
    message = "It is fixed to the floor."

    def has_object_permission(self, request, view, obj):
        return request.method in permissions.SAFE_METHODS or not obj.name.endswith("fixed")


class CrateSerializer(serializers.ModelSerializer):
    pieces = serializers.IntegerField(min_value=0, max_value=100, default=0)

    class Meta:
        model = Crate
        fields = [
            "id", "name", "kind", "weight", "pieces", "sealed", "packed", "inside", "remark",
        ]


class CrateViewSet(viewsets.ModelViewSet):
    queryset = Crate.objects.all()
    serializer_class = CrateSerializer
    pagination_class = Pages
    permission_classes = [NotFixed]
    filter_backends = [filters.SearchFilter, filters.OrderingFilter]
    search_fields = ["name"]
    ordering_fields = ["name", "pieces"]

    @action(detail=True, methods=["post"])
    def seal(self, request, pk=None):
        crate = self.get_object()
        crate.sealed = True
        crate.save()
        return Response({})

    @action(detail=True, methods=["post"], permission_classes=[permissions.IsAdminUser])
    def burn(self, request, pk=None):
        self.get_object().delete()
        return Response({})


class ReadOnlyForVisitorsViewSet(CrateViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]
"""

SEED = """
from store.models import Crate, Padlock, Sticker

labelled = Crate.objects.create(name="labelled")
Sticker.objects.bulk_create(Sticker(crate=labelled) for _ in range(3))
Padlock.objects.create(crate=Crate.objects.create(name="locked"))
"""

FRONT = """
from store.views import CrateViewSet, ReadOnlyForVisitorsViewSet


class CrateState(ModelState):
    viewset = CrateViewSet

    class Meta:
        url_params = True


class UndoCrateState(ModelState):
    viewset = CrateViewSet

    class Meta:
        undo_seconds = 4
        url_params = True


class VisitedCrateState(ModelState):
    viewset = ReadOnlyForVisitorsViewSet


def crates():
    options = {
        "inline": ["name", "kind", "weight", "pieces", "sealed", "packed"],
        "relations": {"inside": "/crate"},
    }
    return page(ui.crud(CrateState, table_options=options))


def narrow():
    shown = ["name", "remark", "kind", "weight", "pieces", "sealed", "packed", "inside", "id"]
    return rx.el.main(rx.box(ui.table(CrateState, columns=shown), max_width="300px"))


app.add_page(narrow, route="/narrow-crates", title="Crates", on_load=CrateState.load)
app.add_page(crates, route="/crates", title="Crates", on_load=CrateState.load)
app.add_page(
    lambda: page(ui.crud(UndoCrateState)),
    route="/undo-crates",
    title="Crates",
    on_load=UndoCrateState.load,
)
app.add_page(
    lambda: page(ui.crud(VisitedCrateState, table_options={"inline": True})),
    route="/visited-crates",
    title="Crates",
    on_load=VisitedCrateState.load,
)
"""
