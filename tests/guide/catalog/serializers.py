# Page 2, "Don't store model instances in state".
from reflex_drf.serializers import ReflexDjangoModelSerializer
from tests.guide.catalog.models import Product

class ProductSerializer(ReflexDjangoModelSerializer):
    class Meta:
        model = Product
        fields = ("id", "name", "price", "created_at")
