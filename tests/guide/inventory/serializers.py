# Page 4, "Declaring the Model and Serializer".
from reflex_drf.serializers import ReflexDjangoModelSerializer
from tests.guide.inventory.models import Product

class ProductSerializer(ReflexDjangoModelSerializer):
    class Meta:
        model = Product
        fields = ("id", "name", "sku", "price", "category", "is_active", "created_at")
        read_only_fields = ("id", "created_at")
