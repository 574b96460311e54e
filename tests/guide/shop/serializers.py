# Page 1, "The Model Serializer".
from reflex_drf.serializers import ReflexDjangoModelSerializer
from tests.guide.shop.models import Task

class TaskSerializer(ReflexDjangoModelSerializer):
    class Meta:
        model = Task
        fields = ("id", "title", "done", "created_at")
