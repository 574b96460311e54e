"""The form of a state while it is filled: copies, steps after saving, nested rows and files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework import permissions, serializers, viewsets
from rest_framework.test import APIRequestFactory, force_authenticate

from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.shop.models import Category, Order, OrderLine, Product
from tests.shop.serializers import OrderLineSerializer, ProductSerializer
from tests.shop.views import CategoryViewSet, ProductViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class ContactSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    phone = serializers.CharField(required=False, allow_blank=True)


class OrderSerializer(serializers.ModelSerializer[Order]):
    """Nested rows that can be written, and a nested record that is only looked at."""

    lines = OrderLineSerializer(many=True)
    contact = ContactSerializer(required=False, write_only=True)
    seen: list[Any] = []

    class Meta:
        model = Order
        fields = ["id", "customer", "lines", "contact", "placed_at"]

    def create(self, validated_data: dict[str, Any]) -> Order:
        return self.update(Order(), validated_data)

    def update(self, instance: Order, validated_data: dict[str, Any]) -> Order:
        self.seen.append(self.initial_data)
        lines = validated_data.pop("lines", [])
        instance.customer = validated_data.get("customer", instance.customer)
        instance.save()
        instance.lines.all().delete()
        for line in lines:
            OrderLine.objects.create(order=instance, **line)
        return instance


class DraftOrderViewSet(viewsets.ModelViewSet[Order]):
    queryset = Order.objects.prefetch_related("lines")
    serializer_class = OrderSerializer
    permission_classes = [permissions.IsAuthenticated]


class DraftOrderState(ModelState):
    viewset = DraftOrderViewSet


class DraftCategoryState(ModelState):
    viewset = CategoryViewSet


class StayingCategoryState(ModelState):
    viewset = CategoryViewSet
    reset_after_save = False


class PhotoSerializer(ProductSerializer):
    photo = serializers.FileField(allow_null=True, required=False)

    class Meta(ProductSerializer.Meta):
        pass


class PhotoViewSet(ProductViewSet):
    serializer_class = PhotoSerializer


class DraftPhotoState(ModelState):
    viewset = PhotoViewSet


class KeylessSerializer(serializers.ModelSerializer[Category]):
    name = serializers.CharField()

    class Meta:
        model = Category
        fields = ["name"]


class KeylessViewSet(CategoryViewSet):
    serializer_class = KeylessSerializer


class StayingKeylessState(ModelState):
    viewset = KeylessViewSet
    reset_after_save = False


@pytest.fixture
def admin() -> Any:
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def product() -> Product:
    category = Category.objects.create(name="Wood")
    return Product.objects.create(name="Chair", sku="C1", price=3, category=category)


class TestCloning:
    async def test_a_copy_is_saved_as_a_new_row(self, admin: Any) -> None:
        first = await Category.objects.acreate(name="First")
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.start_clone(first.pk))
            state = DraftCategoryState
            assert tab.get(state, "editing_id") is None
            assert (tab.get(state, "form_mode"), tab.get(state, "name")) == ("clone", "First")
            # A copy has no stored values of its own yet.
            assert tab.get(state, "form_row") == {}
            await tab.send(state.save({"name": "Second"}))
            assert tab.get(state, "form_mode") == ""
        assert [c.name async for c in Category.objects.order_by("id")] == ["First", "Second"]

    async def test_what_cannot_be_read_is_not_copied(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.start_clone(12345))
            assert tab.get(DraftCategoryState, "error") != ""
            assert tab.get(DraftCategoryState, "form_mode") == ""

    @pytest.mark.parametrize("pk", [None, [1], {"a": 1}, True, ""])
    async def test_a_key_is_a_key(self, pk: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            name = f"{DraftCategoryState.get_full_name()}.start_clone"
            await tab.send_name(name, {"pk": pk})
            assert tab.get(DraftCategoryState, "error") == "Not a valid identifier."
            assert tab.errors == []


class TestNew:
    """The form for a new row, in which somebody may type before the page's event is done."""

    async def test_an_empty_form_stays_the_one_it_is(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.load_new())
            before = tab.get(DraftCategoryState, "form_reset_key")
            await tab.send(DraftCategoryState.load_new())
            assert tab.get(DraftCategoryState, "form_reset_key") == before == 0

    @pytest.mark.parametrize("handler", ["start_edit", "start_clone"])
    async def test_a_form_that_holds_a_row_becomes_an_empty_one(
        self, handler: str, admin: Any
    ) -> None:
        row = await Category.objects.acreate(name="Toys")
        async with Tab(user=admin) as tab:
            await tab.send(getattr(DraftCategoryState, handler)(row.pk))
            before = tab.get(DraftCategoryState, "form_reset_key")
            await tab.send(DraftCategoryState.load_new())
            assert tab.get(DraftCategoryState, "name") == ""
            assert tab.get(DraftCategoryState, "editing_id") is None
            assert tab.get(DraftCategoryState, "form_mode") == ""
            assert tab.get(DraftCategoryState, "form_reset_key") > before

    async def test_what_was_typed_and_refused_is_gone(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.save({"name": "x" * 500}))
            assert tab.get(DraftCategoryState, "field_errors")
            await tab.send(DraftCategoryState.load_new())
            assert tab.get(DraftCategoryState, "name") == ""
            assert tab.get(DraftCategoryState, "field_errors") == {}


class TestSteps:
    async def test_add_another_empties_the_form_and_keeps_it_open(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.save({"name": "A", "form:next": "add"}))
            assert tab.get(DraftCategoryState, "form_mode") == "add"
            assert tab.get(DraftCategoryState, "name") == ""
            await tab.send(DraftCategoryState.cancel_edit())
            assert tab.get(DraftCategoryState, "form_mode") == ""

    async def test_continue_stays_on_the_row(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.save({"name": "A", "form:next": "continue"}))
            row = await Category.objects.aget()
            assert tab.get(DraftCategoryState, "editing_id") == row.pk
            assert tab.get(DraftCategoryState, "form_row") == {"id": row.pk, "name": "A"}
            await tab.send(DraftCategoryState.save({"name": "B"}))
        assert [c.name async for c in Category.objects.all()] == ["B"]

    async def test_add_another_counts_more_than_the_option_to_stay(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(StayingCategoryState.save({"name": "A", "form:next": "add"}))
            assert tab.get(StayingCategoryState, "editing_id") is None
            await tab.send(StayingCategoryState.save({"name": "B"}))
            assert tab.get(StayingCategoryState, "editing_id") is not None
        assert await Category.objects.acount() == 2

    @pytest.mark.parametrize("step", ["delete", "", None, 5, ["add"], {"add": 1}])
    async def test_other_steps_are_none(self, step: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.save({"name": "A", "form:next": step}))
            assert tab.get(DraftCategoryState, "form_mode") == ""
            assert tab.errors == []


class TestTwice:
    @pytest.mark.parametrize("state", [DraftCategoryState, StayingCategoryState])
    async def test_the_second_of_two_submits_saves_nothing(self, state: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            key = tab.get(state, "form_reset_key")
            await tab.send(state.save({"name": "A", "form:key": str(key)}))
            after = tab.get(state, "editing_id"), tab.get(state, "form_reset_key")
            await tab.send(state.save({"name": "B", "form:key": str(key)}))
            assert (tab.get(state, "editing_id"), tab.get(state, "form_reset_key")) == after
            assert tab.get(state, "error") == ""
        assert [c.name async for c in Category.objects.all()] == ["A"]

    async def test_nor_where_the_answer_does_not_say_which_row_it_is(self, admin: Any) -> None:
        state = StayingKeylessState
        async with Tab(user=admin) as tab:
            sent = {"name": "A", "form:key": str(tab.get(state, "form_reset_key"))}
            # The name is no longer that of a row, so that nothing but the form's key refuses.
            await tab.send(state.save(sent))
            await Category.objects.aupdate(name="B")
            await tab.send(state.save(sent))
            assert (tab.get(state, "name"), tab.get(state, "error")) == ("", "")
        assert await Category.objects.acount() == 1

    async def test_a_form_of_another_row_is_not_saved_to_this_one(self, admin: Any) -> None:
        row = await Category.objects.acreate(name="Other")
        async with Tab(user=admin) as tab:
            key = tab.get(DraftCategoryState, "form_reset_key")
            await tab.send(DraftCategoryState.start_edit(row.pk))
            await tab.send(DraftCategoryState.save({"name": "B", "form:key": key}))
            assert "changed meanwhile" in tab.get(DraftCategoryState, "error")
        assert [c.name async for c in Category.objects.all()] == ["Other"]

    async def test_what_was_refused_can_be_sent_again(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            key = tab.get(DraftCategoryState, "form_reset_key")
            for name in ("", "A"):
                await tab.send(DraftCategoryState.save({"name": name, "form:key": key}))
        assert await Category.objects.acount() == 1

    @pytest.mark.parametrize("key", ["x", -1, [0], {"a": 1}, 10**30, True])
    async def test_a_key_that_is_none_saves_nothing(self, key: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftCategoryState.save({"name": "A", "form:key": key}))
            assert tab.errors == []
        assert await Category.objects.acount() == 0


class TestNested:
    async def test_rows_come_and_go_by_their_key(self, admin: Any, product: Product) -> None:
        state = DraftOrderState
        async with Tab(user=admin) as tab:
            for _ in range(3):
                await tab.send(state.add_nested("lines"))
            assert tab.get(state, "nested_keys") == {"lines": [0, 1, 2]}
            await tab.send(state.remove_nested("lines", 1))
            await tab.send(state.add_nested("lines"))
            assert tab.get(state, "nested_keys") == {"lines": [0, 2, 3]}
            form = {"customer": "Ann", "contact.": "1", "contact.email": "", "contact.phone": ""}
            for key, quantity in ((0, "1"), (2, "2"), (3, "3")):
                form[f"lines.{key}."] = "1"
                form[f"lines.{key}.product"] = str(product.pk)
                form[f"lines.{key}.quantity"] = quantity
            await tab.send(state.save(form))
            assert tab.get(state, "error") == ""
            assert tab.get(state, "field_errors") == {}
        assert [n async for n in OrderLine.objects.values_list("quantity", flat=True)] == [1, 2, 3]
        # A record that nothing was written into is not sent.
        assert "contact" not in OrderSerializer.seen[-1]

    async def test_what_is_sent_is_what_the_same_request_sends(
        self, admin: Any, product: Product
    ) -> None:
        body = {
            "customer": "Ann",
            "lines": [{"product": str(product.pk), "quantity": "4"}],
            "contact": {"email": "ann@example.org", "phone": ""},
        }
        request = APIRequestFactory().post("/orders/", body, format="json")
        force_authenticate(request, admin)
        view: Any = DraftOrderViewSet.as_view({"post": "create"})
        answer = await sync_to_async(view)(request)
        assert answer.status_code == 201
        over_http = OrderSerializer.seen[-1]
        async with Tab(user=admin) as tab:
            await tab.send(DraftOrderState.add_nested("lines"))
            await tab.send(
                DraftOrderState.save(
                    {
                        "customer": "Ann",
                        "lines.0.": "1",
                        "lines.0.product": str(product.pk),
                        "lines.0.quantity": "4",
                        "contact.": "1",
                        "contact.email": "ann@example.org",
                        "contact.phone": "",
                    }
                )
            )
            assert tab.get(DraftOrderState, "field_errors") == {}
        assert OrderSerializer.seen[-1] == over_http == body
        first, second = [order async for order in Order.objects.prefetch_related("lines")]
        assert [(line.product_id, line.quantity) for line in first.lines.all()] == [
            (line.product_id, line.quantity) for line in second.lines.all()
        ]

    async def test_a_row_keeps_what_the_form_does_not_show(
        self, admin: Any, product: Product
    ) -> None:
        order = await Order.objects.acreate(customer="Ann")
        line = await OrderLine.objects.acreate(order=order, product=product, quantity=2)
        async with Tab(user=admin) as tab:
            await tab.send(DraftOrderState.start_edit(order.pk))
            await tab.send(DraftOrderState.save({"lines.0.": "1", "lines.0.quantity": "5"}))
        sent = OrderSerializer.seen[-1]["lines"]
        assert sent == [{"id": line.pk, "product": product.pk, "quantity": "5"}]

    async def test_errors_have_the_place_of_their_field(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftOrderState.add_nested("lines"))
            form = {"customer": "A", "lines.0.": "1", "lines.0.quantity": "none"}
            form |= {"contact.": "1", "contact.email": "no address"}
            await tab.send(DraftOrderState.save(form))
            errors = tab.get(DraftOrderState, "field_errors")
            assert "valid integer" in errors["lines.0.quantity"]
            assert "valid email" in errors["contact.email"]
            # They are shown at their place, and not a second time above the form.
            assert tab.get(DraftOrderState, "error") == ""

    @pytest.mark.parametrize(
        "name", ["customer", "contact", "nothing", "lines.0", "", None, 3, ["lines"], "__class__"]
    )
    async def test_only_nested_rows_are_added_to(self, name: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            before = f"{DraftOrderState.get_full_name()}."
            await tab.send_name(before + "add_nested", {"name": name})
            assert tab.get(DraftOrderState, "error") == "The form has no such rows."
            await tab.send_name(before + "remove_nested", {"name": name, "key": 0})
            assert tab.get(DraftOrderState, "error") == "The form has no such rows."
            assert tab.get(DraftOrderState, "lines") == []
            assert tab.errors == []

    @pytest.mark.parametrize("key", [5, -1, "0", None, True, 0.0, [0]])
    async def test_only_rows_that_are_there_are_removed(self, key: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftOrderState.add_nested("lines"))
            name = f"{DraftOrderState.get_full_name()}.remove_nested"
            await tab.send_name(name, {"name": "lines", "key": key})
            assert len(tab.get(DraftOrderState, "lines")) == (0 if key == "0" else 1)
            assert tab.errors == []

    async def test_a_form_does_not_grow_without_end(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            for _ in range(105):
                await tab.send(DraftOrderState.add_nested("lines"))
            assert len(tab.get(DraftOrderState, "lines")) == 100
            assert "no room" in tab.get(DraftOrderState, "error")

    async def test_a_list_that_is_nested_too_deeply_is_an_error(self, admin: Any) -> None:
        class LabelledSerializer(serializers.Serializer[Any]):
            labels = serializers.ListField(child=serializers.CharField())

        class LabelledOrderSerializer(OrderSerializer):
            lines = LabelledSerializer(many=True)  # type: ignore[assignment]

            class Meta(OrderSerializer.Meta):
                pass

        class LabelledViewSet(DraftOrderViewSet):
            serializer_class = LabelledOrderSerializer

        class LabelledState(ModelState):
            viewset = LabelledViewSet

        async with Tab(user=admin) as tab:
            await tab.send(LabelledState.add_nested("lines"))
            for text in ("[" * 100_000, '[["a"]]', "[1, null, {}]"):
                await tab.send(LabelledState.save({"lines.0.": "1", "lines.0.labels": text}))
                assert set(tab.get(LabelledState, "field_errors")) & {
                    "lines.0.labels",
                    "lines.0.labels.0",
                    "customer",
                }
                assert tab.errors == []
            await tab.send(LabelledState.save({"lines.0.": "1", "lines.0.labels": "a, b,, c"}))
            assert tab.get(LabelledState, "lines") == [{"labels": ["a", "b", "c"]}]
        assert await Order.objects.acount() == 0

    async def test_names_that_are_no_fields_are_not_looked_at(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(DraftOrderState.add_nested("lines"))
            form: dict[str, Any] = {
                "customer": "Ann",
                "lines.0.": "1",
                "lines.0.order": "7",
                "lines.0.__class__": "x",
                "lines.9.quantity": "1",
                "lines.0.quantity": {"$gt": 1},
                "placed_at": "2000-01-01",
                "form:other": "1",
            }
            await tab.send(DraftOrderState.save(form))
            (row,) = tab.get(DraftOrderState, "lines")
            assert set(row) == {"product", "quantity"}
            assert tab.get(DraftOrderState, "field_errors") == {
                "lines.0.quantity": "Not a valid value."
            }
            assert tab.errors == []


def content(product: Product) -> bytes:
    return Path(product.photo.path).read_bytes()


def upload(path: str, content: bytes = b"abc") -> rx.UploadFile:
    return rx.UploadFile(file=io.BytesIO(content), path=Path(path))


class TestFiles:
    form = {"name": "Lamp", "sku": "L1", "price": "2"}

    async def test_a_form_is_saved_with_its_file(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.upload(
                DraftPhotoState.save_files(form_data=self.form), [upload("photo/lamp.txt")]
            )
            assert tab.get(DraftPhotoState, "field_errors") == {}
            assert tab.get(DraftPhotoState, "save_count") == 1
        lamp = await Product.objects.aget(sku="L1")
        assert await sync_to_async(content)(lamp) == b"abc"

    async def test_a_file_is_taken_off_where_the_serializer_lets_one(self, admin: Any) -> None:
        lamp = await Product.objects.acreate(
            name="Lamp", sku="L1", price=2, photo=SimpleUploadedFile("a.txt", b"abc")
        )
        clear = {"form:clear:photo": "1"}
        async with Tab(user=admin) as tab:
            await tab.send(DraftPhotoState.start_edit(lamp.pk))
            assert tab.get(DraftPhotoState, "form_row")["photo"].endswith(".txt")
            await tab.send(DraftPhotoState.save(self.form))
            await lamp.arefresh_from_db()
            assert lamp.photo
            await tab.send(DraftPhotoState.start_edit(lamp.pk))
            await tab.send(DraftPhotoState.save({**self.form, **clear}))
            assert tab.get(DraftPhotoState, "field_errors") == {}
        await lamp.arefresh_from_db()
        assert not lamp.photo

    @pytest.mark.parametrize(
        "path", ["lamp.txt", "name/lamp.txt", "owner/x", "photo", "../photo/x", "Photo/x", "/etc/x"]
    )
    async def test_a_file_where_none_is_expected_saves_nothing(self, path: str, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.upload(DraftPhotoState.save_files(form_data=self.form), [upload(path)])
            assert "no place for" in tab.get(DraftPhotoState, "error")
            assert tab.errors == []
        assert await Product.objects.acount() == 0

    async def test_a_field_takes_one_file(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            files = [upload("photo/a.txt"), upload("photo/b.txt")]
            await tab.upload(DraftPhotoState.save_files(form_data=self.form), files)
            assert "no place for" in tab.get(DraftPhotoState, "error")
        assert await Product.objects.acount() == 0

    @pytest.mark.parametrize("data", [5, "name=Lamp", ["name"]])
    async def test_a_form_is_given_by_its_fields(self, data: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.upload(DraftPhotoState.save_files(form_data=data), [upload("photo/a.txt")])
            assert tab.get(DraftPhotoState, "error") == "A form is given by its fields."
        assert await Product.objects.acount() == 0

    async def test_an_upload_without_the_users_cookies_saves_nothing(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            event = DraftPhotoState.save_files(form_data=self.form)
            await tab.upload(event, [upload("photo/a.txt")], cookies={}, raises=False)
        assert await Product.objects.acount() == 0

    async def test_what_is_wrong_with_a_file_stands_at_its_field(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            event = DraftPhotoState.save_files(form_data=self.form)
            await tab.upload(event, [upload("photo/a.txt", b"")])
            assert "empty" in tab.get(DraftPhotoState, "field_errors")["photo"]
            assert tab.get(DraftPhotoState, "name") == "Lamp"
