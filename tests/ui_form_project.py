"""An app with every kind of field that a form has, for the project of `tests.ui_project`."""

from __future__ import annotations

MODELS = """
from django.db import models


class Maker(models.Model):
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return self.name


class Label(models.Model):
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return self.name


class Item(models.Model):
    name = models.CharField(max_length=60, unique=True)
    maker = models.ForeignKey(Maker, null=True, blank=True, on_delete=models.PROTECT)
    labels = models.ManyToManyField(Label, blank=True)
    photo = models.ImageField(upload_to="photos", null=True, blank=True)
    manual = models.FileField(upload_to="manuals", null=True, blank=True)
    warranty = models.DurationField(null=True, blank=True)
    opens = models.TimeField(null=True, blank=True)
    notes = models.JSONField(default=dict, blank=True)
    codes = models.JSONField(default=list, blank=True)
    days = models.JSONField(default=list, blank=True)
    box = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return self.name


class Part(models.Model):
    item = models.ForeignKey(Item, related_name="parts", on_delete=models.CASCADE)
    name = models.CharField(max_length=60)
    amount = models.PositiveIntegerField(default=1)
    spare = models.BooleanField(default=False)
    maker = models.ForeignKey(Maker, null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        ordering = ["id"]
"""

VIEWS = """
import django_filters
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters, pagination, serializers, viewsets

from stock.models import Item, Label, Maker, Part


class Pages(pagination.PageNumberPagination):
    page_size = 25
    page_size_query_param = "per_page"


class MakerSerializer(serializers.ModelSerializer):
    class Meta:
        model = Maker
        fields = ["id", "name"]


class MakerViewSet(viewsets.ModelViewSet):
    queryset = Maker.objects.all()
    serializer_class = MakerSerializer
    pagination_class = Pages
    filter_backends = [filters.SearchFilter]
    search_fields = ["name"]


class PartSerializer(serializers.ModelSerializer):
    amount = serializers.IntegerField(min_value=1)

    class Meta:
        model = Part
        fields = ["id", "name", "amount", "spare", "maker"]


class BoxSerializer(serializers.Serializer):
    width = serializers.IntegerField(min_value=1)
    height = serializers.IntegerField(min_value=1)


class ItemSerializer(serializers.ModelSerializer):
    codes = serializers.ListField(child=serializers.CharField(max_length=5), required=False)
    days = serializers.MultipleChoiceField(
        choices=[("mon", "Monday"), ("tue", "Tuesday"), ("wed", "Wednesday")], required=False
    )
    box = BoxSerializer(required=False, allow_null=True)
    parts = PartSerializer(many=True, required=False)

    class Meta:
        model = Item
        fields = [
            "id", "name", "maker", "labels", "photo", "manual", "warranty", "opens", "notes",
            "codes", "days", "box", "parts", "created_at",
        ]

    def validate_photo(self, photo):
        if photo and photo.size > 50_000:
            raise serializers.ValidationError("A photo has at most 50 kB.")
        return photo

    def validate_days(self, days):
        return sorted(days)

    def create(self, validated):
        return self.write(Item(), validated)

    def update(self, item, validated):
        return self.write(item, validated)

    def write(self, item, validated):
        parts = validated.pop("parts", None)
        box = validated.pop("box", None)
        if box is not None:
            validated["box"] = dict(box)
        labels = validated.pop("labels", None)
        for name, value in validated.items():
            setattr(item, name, value)
        item.save()
        if labels is not None:
            item.labels.set(labels)
        if parts is not None:
            item.parts.all().delete()
            Part.objects.bulk_create(Part(item=item, **part) for part in parts)
        return item


class ItemFilters(django_filters.FilterSet):
    amount = django_filters.RangeFilter(field_name="parts__amount", label="Amount")
    added = django_filters.DateFromToRangeFilter(field_name="created_at", label="Added")
    spare = django_filters.BooleanFilter(field_name="parts__spare", label="Spare")
    day = django_filters.ChoiceFilter(
        field_name="days", lookup_expr="icontains", choices=[("mon", "Monday"), ("tue", "Tuesday")]
    )

    class Meta:
        model = Item
        fields = ["maker", "labels"]


class ItemViewSet(viewsets.ModelViewSet):
    queryset = Item.objects.prefetch_related("labels", "parts")
    serializer_class = ItemSerializer
    pagination_class = Pages
    filter_backends = [DjangoFilterBackend, filters.SearchFilter]
    filterset_class = ItemFilters
    search_fields = ["name"]
"""

SEED = """
from stock.models import Item, Label, Maker

Maker.objects.bulk_create(Maker(name=f"Maker {number:04}") for number in range(1, 3001))
Label.objects.bulk_create(Label(name=name) for name in ("heavy", "fragile", "round", "new"))
for number in range(1, 4):
    item = Item.objects.create(name=f"Item {number}", maker_id=2000 + number)
    item.labels.set([1, 2])
    item.parts.create(name="Leg", amount=number, maker_id=1)
"""

FRONT = """
from stock.views import ItemViewSet


class ItemState(ModelState):
    viewset = ItemViewSet
    url_params = True


class PageItemState(ModelState):
    viewset = ItemViewSet


def item_form():
    return page(
        rx.link("Elsewhere", href="/pieces"),
        ui.form(PageItemState, fields=["name", "maker", "labels"]),
    )


app.add_page(
    lambda: page(ui.crud(ItemState)), route="/items", title="Items", on_load=ItemState.load
)
app.add_page(item_form, route="/item-form", title="Item form")
"""

URLS = """
from django.conf import settings
from django.urls import re_path
from django.views.static import serve
from stock import views as stock

router.register("makers", stock.MakerViewSet)
router.register("items", stock.ItemViewSet)
urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    re_path(r"^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}),
]
"""

SETTINGS = """
INSTALLED_APPS += ["stock"]
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(__file__).resolve().parent.parent / "media"
"""
