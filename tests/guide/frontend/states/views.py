# Page 2, "If you use ModelCRUDView, declare these in Meta".
from reflex_drf.state import AppState, ModelCRUDView
from rest_framework import serializers
from tests.guide.catalog.models import Product


class AuthoredSerializer(serializers.ModelSerializer):
    author_name = serializers.CharField(source="author.username", read_only=True)

    class Meta:
        model = Product
        fields = ("id", "name", "author_name", "tags")


class AuthoredView(AppState, ModelCRUDView):
    serializer_class = AuthoredSerializer

    class Meta:
        queryset_select_related = ("author",)
        queryset_prefetch = ("tags",)


class NaiveView(AppState, ModelCRUDView):
    serializer_class = AuthoredSerializer
