"""Choosing rows of relations: found on the server, a few at a time, by those who may see them."""

from __future__ import annotations

from typing import Any

import django_filters
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django_filters.rest_framework import DjangoFilterBackend
from reflex.istate.proxy import MutableProxy
from rest_framework import mixins, pagination, permissions, serializers, viewsets
from rest_framework.test import APIRequestFactory, force_authenticate

from reflex_drf.errors import ConfigurationError
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.counting import count_queries
from tests.shop.models import Category, Order, OrderLine, Product, Tag
from tests.shop.views import OrderViewSet, ProductViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class PickProductState(ModelState):
    viewset = ProductViewSet


class PickOrderState(ModelState):
    viewset = OrderViewSet


class OwnRowsState(ModelState):
    """Its relations are chosen among the rows that the serializer's own fields take."""

    viewset = ProductViewSet
    relation_viewsets = {"category": None, "tags": None, "filter:category": None}


class EvenCategories(serializers.PrimaryKeyRelatedField[Category]):
    def get_queryset(self) -> Any:
        assert self.context["request"].user is not None
        return Category.objects.filter(name__endswith="0")


class ChoosySerializer(serializers.ModelSerializer[Product]):
    category = EvenCategories()
    owner = serializers.SlugRelatedField(
        slug_field="username", queryset=get_user_model().objects.all()
    )
    tags = serializers.PrimaryKeyRelatedField(
        many=True, queryset=Tag.objects.filter(name__startswith="t")
    )

    class Meta:
        model = Product
        fields = ["id", "name", "sku", "price", "category", "owner", "tags"]


class ChoosyViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.order_by("id")
    serializer_class = ChoosySerializer
    permission_classes = [permissions.IsAuthenticated]
    filter_backends = [DjangoFilterBackend]
    filterset_fields = ["owner"]


class ChoosyState(ModelState):
    viewset = ChoosyViewSet


@pytest.fixture
def admin() -> Any:
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def categories() -> list[Category]:
    return Category.objects.bulk_create(Category(name=f"Category {n:03}") for n in range(120))


def labels(tab: Tab, state: Any, name: str) -> list[str]:
    found = tab.get(state, "relation_choices")[name]
    return [choice["label"] for choice in found["choices"]]


class TestSearch:
    async def test_a_few_rows_of_the_related_viewset_are_offered(
        self, categories: list[Category]
    ) -> None:
        async with Tab() as tab:
            await tab.send(PickProductState.search_relation("category", ""))
            found = tab.get(PickProductState, "relation_choices")["category"]
        # The viewset's own pages have ten rows.
        assert [choice["label"] for choice in found["choices"]] == [
            f"Category {n:03}" for n in range(10)
        ]
        assert found["choices"][0]["value"] == str(categories[0].pk)
        assert (found["more"], found["error"], found["text"]) == (True, "", "")

    @pytest.mark.parametrize("state", [PickProductState, OwnRowsState])
    async def test_a_text_is_searched_on_the_server(
        self, state: Any, categories: list[Category], admin: Any
    ) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(state.search_relation("category", "orY 119"))
            assert labels(tab, state, "category") == ["Category 119"]
            assert tab.get(state, "relation_choices")["category"]["text"] == "orY 119"
            await tab.send(state.search_relation("category", "nothing"))
            assert labels(tab, state, "category") == []

    async def test_own_rows_are_few_as_well(self, categories: list[Category], admin: Any) -> None:
        async with Tab(user=admin) as tab:
            with count_queries() as queries:
                await tab.send(OwnRowsState.search_relation("category", ""))
            assert len(labels(tab, OwnRowsState, "category")) == 20
            assert tab.get(OwnRowsState, "relation_choices")["category"]["more"] is True
        read = [sql for sql in queries.statements if "shop_category" in sql]
        assert len(read) == 1
        assert "LIMIT 21" in read[0]

    async def test_own_rows_are_for_those_who_may_write(self, categories: list[Category]) -> None:
        async with Tab() as tab:
            await tab.send(OwnRowsState.search_relation("category", ""))
            found = tab.get(OwnRowsState, "relation_choices")["category"]
            assert found["choices"] == []
            assert "credentials" in found["error"]
            # A filter's are for those who may read.
            await tab.send(OwnRowsState.search_relation("filter:category", "007"))
            assert labels(tab, OwnRowsState, "filter:category") == ["Category 007"]

    async def test_a_field_that_knows_its_rows_by_the_request_is_asked_itself(
        self, categories: list[Category], admin: Any
    ) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(ChoosyState.search_relation("category", ""))
            assert labels(tab, ChoosyState, "category") == [
                f"Category {n:03}" for n in range(0, 120, 10)
            ]

    async def test_what_the_serializer_would_refuse_is_not_offered(self, admin: Any) -> None:
        await Tag.objects.abulk_create(Tag(name=name) for name in ("tall", "small", "thin"))
        async with Tab(user=admin) as tab:
            await tab.send(ChoosyState.search_relation("tags", ""))
            assert labels(tab, ChoosyState, "tags") == ["tall", "thin"]

    async def test_only_what_a_row_shows_of_itself_is_searched(self, admin: Any) -> None:
        """A search for a part of a password hash must not find whose it is."""
        user = await get_user_model().objects.acreate_user(
            "alice", password="secret", email="a@b.c"
        )
        async with Tab(user=admin) as tab:
            for text in (user.password[:8], "a@b.c"):
                await tab.send(ChoosyState.search_relation("owner", text))
                assert labels(tab, ChoosyState, "owner") == []
            await tab.send(ChoosyState.search_relation("owner", "ALI"))
            found = tab.get(ChoosyState, "relation_choices")["owner"]["choices"]
        assert found == [{"value": "alice", "label": "alice"}]

    async def test_rows_that_are_called_by_their_key_are_found_by_it(self, admin: Any) -> None:
        class LineSerializer(serializers.Serializer[Any]):
            line = serializers.PrimaryKeyRelatedField(queryset=OrderLine.objects.all())

        class LineViewSet(viewsets.GenericViewSet[OrderLine], mixins.CreateModelMixin):
            queryset = OrderLine.objects.all()
            serializer_class = LineSerializer

        class KeyedState(ModelState):
            viewset = LineViewSet

        product = await Product.objects.acreate(name="Chair", sku="1", price=1)
        order = await Order.objects.acreate(customer="Ann")
        lines = [await OrderLine.objects.acreate(order=order, product=product) for _ in range(3)]
        async with Tab(user=admin) as tab:
            await tab.send(KeyedState.search_relation("line", str(lines[1].pk)))
            assert labels(tab, KeyedState, "line") == [str(lines[1])]

    async def test_a_refused_list_says_why_and_no_other_way_leads_round_it(self) -> None:
        class ClosedViewSet(ProductViewSet):
            permission_classes = [permissions.IsAdminUser]

        class ClosedState(ModelState):
            viewset = OrderViewSet
            relation_viewsets = {"lines.product": ClosedViewSet}

        await Product.objects.acreate(name="Chair", sku="1", price=1)
        user = await get_user_model().objects.acreate_user("alice")
        async with Tab(user=user) as tab:
            await tab.send(ClosedState.search_relation("lines.product", ""))
            found = tab.get(ClosedState, "relation_choices")["lines.product"]
        assert found["choices"] == []
        assert "permission" in found["error"]

    async def test_relations_of_nested_rows_are_searched_with_the_viewsets_own_search(
        self, admin: Any
    ) -> None:
        await Product.objects.acreate(name="Chair", sku="X1", price=1)
        await Product.objects.acreate(name="Table", sku="X2", price=1)
        async with Tab(user=admin) as tab:
            await tab.send(PickOrderState.search_relation("lines.product", "X2"))
            assert labels(tab, PickOrderState, "lines.product") == ["Table"]


class TestNames:
    async def test_what_is_chosen_has_a_name_when_a_row_is_edited(
        self, categories: list[Category], admin: Any
    ) -> None:
        product = await Product.objects.acreate(name="A", sku="1", price=1, category=categories[99])
        tags = [await Tag.objects.acreate(name=name) for name in ("tall", "thin")]
        await product.tags.aset(tags)
        async with Tab(user=admin) as tab:
            for state in (PickProductState, OwnRowsState):
                await tab.send(state.start_edit(product.pk))
                await tab.send(state.name_relations())
                assert tab.get(state, "relation_labels") == {
                    "category": {str(categories[99].pk): "Category 099"},
                    "tags": {str(tag.pk): tag.name for tag in tags},
                }

    async def test_names_cost_one_query_for_each_relation_and_nothing_twice(
        self, categories: list[Category], admin: Any
    ) -> None:
        product = await Product.objects.acreate(name="A", sku="1", price=1, category=categories[99])
        await product.tags.aset([await Tag.objects.acreate(name=f"t{n}") for n in range(7)])
        async with Tab(user=admin) as tab:
            await tab.send(PickProductState.start_edit(product.pk))
            with count_queries() as queries:
                await tab.send(PickProductState.name_relations())
            assert sum('FROM "shop_' in sql for sql in queries.statements) == 2
            with count_queries() as queries:
                await tab.send(PickProductState.name_relations())
            assert sum('FROM "shop_' in sql for sql in queries.statements) == 0

    async def test_the_rows_of_a_filter_and_of_nested_rows_are_named(
        self, categories: list[Category], admin: Any
    ) -> None:
        product = await Product.objects.acreate(
            name="Chair", sku="1", price=1, category=categories[5]
        )
        order = await Order.objects.acreate(customer="Ann")
        await OrderLine.objects.acreate(order=order, product=product)
        async with Tab(user=admin) as tab:
            await tab.send(PickProductState.filter({"category": str(categories[5].pk)}))
            await tab.send(PickProductState.name_relations())
            known = tab.get(PickProductState, "relation_labels")
            assert known == {"filter:category": {str(categories[5].pk): "Category 005"}}
            await tab.send(PickOrderState.start_edit(order.pk))
            await tab.send(PickOrderState.name_relations())
            known = tab.get(PickOrderState, "relation_labels")
            assert known == {"lines.product": {str(product.pk): "Chair"}}

    @pytest.mark.parametrize(
        "value", ["x", "99999999999999999999999", "-1", "1e3", "\x00", "9" * 5000]
    )
    async def test_a_value_that_can_be_no_key_has_no_name(self, value: str, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            for state in (PickProductState, OwnRowsState):
                await tab.send(state.set_category(value))
                await tab.send(state.name_relations())
                assert tab.get(state, "relation_labels").get("category", {}) == {}
            assert tab.errors == []


class TestHostileInput:
    @pytest.mark.parametrize(
        "name",
        [
            *("nothing", "owner", "owner.password", "category.name", "filter:owner", "", "photo"),
            *(None, 5, ["category"], {"category": 1}, "__class__", "category__name"),
        ],
    )
    async def test_only_relations_of_the_form_and_the_filters_are_searched(self, name: Any) -> None:
        async with Tab() as tab:
            full_name = f"{PickProductState.get_full_name()}.search_relation"
            with count_queries() as queries:
                await tab.send_name(full_name, {"name": name, "text": ""})
            assert tab.get(PickProductState, "relation_choices") == {}
            assert tab.get(PickProductState, "error") == (
                "There is nothing to choose from for that."
            )
            assert tab.errors == []
        assert len(queries) == 0

    async def test_thousands_of_rows_in_the_form_are_not_wrapped_one_by_one(
        self, admin: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Any] = []
        make = MutableProxy.__init__

        def counted(self: Any, *args: Any, **kwargs: Any) -> None:
            made.append(self)
            make(self, *args, **kwargs)

        async with Tab(user=admin) as tab:
            await tab.send(PickOrderState.set_lines([{"product": "x"}] * 5000))
            monkeypatch.setattr(MutableProxy, "__init__", counted)
            await tab.send(PickOrderState.name_relations())
            assert tab.errors == []
            assert len(made) < 100

    @pytest.mark.parametrize("text", [None, 5, ["a"], {"a": 1}, "x" * 101])
    async def test_a_search_is_a_short_text(self, text: Any) -> None:
        async with Tab() as tab:
            full_name = f"{PickProductState.get_full_name()}.search_relation"
            await tab.send_name(full_name, {"name": "category", "text": text})
            assert "at most 100 characters" in tab.get(PickProductState, "error")
            assert tab.get(PickProductState, "relation_choices") == {}
            assert tab.errors == []

    @pytest.mark.parametrize(
        "text", ["%", "_", "\\", "'; --", "\x00", "\ud800", "9" * 100, "(", '"']
    )
    @pytest.mark.parametrize("state", [PickProductState, OwnRowsState])
    async def test_a_text_is_only_a_text(
        self, state: Any, text: str, categories: list[Category], admin: Any
    ) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(state.search_relation("category", text))
            found = tab.get(state, "relation_choices")["category"]
            assert found["error"] == ""
            assert found["choices"] == [] or text == "\x00"
            assert tab.errors == []

    async def test_a_row_outside_the_fields_queryset_is_refused(
        self, categories: list[Category], admin: Any
    ) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(ChoosyState.set_category(str(categories[1].pk)))
            await tab.send(ChoosyState.save({"name": "A", "sku": "1", "price": "1"}))
            assert "object does not exist" in tab.get(ChoosyState, "field_errors")["category"]
        assert not await Product.objects.aexists()


def test_an_option_for_what_is_no_relation_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="relation_viewsets names 'price'"):

        class WrongState(ModelState):
            viewset = ProductViewSet
            relation_viewsets = {"price": None}


async def test_a_state_may_say_what_is_searched(categories: list[Category], admin: Any) -> None:
    class LineFilters(django_filters.FilterSet):
        class Meta:
            model = OrderLine
            fields = ["product"]

    class LineSerializer(serializers.ModelSerializer[OrderLine]):
        class Meta:
            model = OrderLine
            fields = ["id", "order", "product"]

    class LineViewSet(viewsets.ModelViewSet[OrderLine]):
        queryset = OrderLine.objects.order_by("id")
        serializer_class = LineSerializer
        filter_backends = [DjangoFilterBackend]
        filterset_class = LineFilters
        permission_classes = [permissions.IsAuthenticated]

    class LineState(ModelState):
        viewset = LineViewSet
        relation_viewsets = {"product": None}
        relation_search_fields = {"product": ["category__name"]}

    await Product.objects.acreate(name="Chair", sku="1", price=1, category=categories[3])
    await Product.objects.acreate(name="Table", sku="2", price=1, category=categories[4])
    async with Tab(user=admin) as tab:
        await tab.send(LineState.search_relation("product", "004"))
        assert labels(tab, LineState, "product") == ["Table"]


class Pages(pagination.PageNumberPagination):
    page_size = 25


class PagedViewSet(ProductViewSet):
    pagination_class = Pages


class PagedState(ModelState):
    viewset = PagedViewSet


class PagedOwnRowsState(ModelState):
    viewset = PagedViewSet
    relation_viewsets = {"category": None}


class TestCost:
    """A page with 25 rows, a picker into a large table and a filter."""

    async def cost(self, state: Any, category: Category, admin: Any) -> dict[str, int]:
        counts: dict[str, int] = {}

        async def count(step: str, event: Any) -> None:
            with count_queries() as queries:
                await tab.send(event)
            counts[step] = len(queries)

        async with Tab(user=admin) as tab:
            await count("list", state.load())
            assert len(tab.get(state, "data")) == 25
            await count("filter", state.filter({"active": "true"}))
            await count("name what is chosen", state.name_relations())
            await count("open", state.search_relation("category", ""))
            await count("type", state.search_relation("category", category.name))
            assert labels(tab, state, "category") == [category.name]
            await count("choose", state.set_category(str(category.pk)))
            await count("filter by a row", state.filter({"category": str(category.pk)}))
            assert tab.get(state, "error") == ""
        return counts

    @pytest.mark.parametrize(
        ("state", "own"), [(PagedState, False), (PagedOwnRowsState, True)], ids=["viewset", "own"]
    )
    async def test_it_is_the_same_for_a_hundred_thousand_rows_as_for_a_hundred(
        self, state: Any, own: bool, admin: Any
    ) -> None:
        await Product.objects.abulk_create(
            Product(name=f"P{n}", sku=str(n), price=1) for n in range(60)
        )
        few = await Category.objects.abulk_create(Category(name=f"Few {n}") for n in range(100))
        before = await self.cost(state, few[70], admin)
        many = (Category(name=f"Many {n:06}") for n in range(100_000))
        await Category.objects.abulk_create(many, batch_size=10_000)
        last = await Category.objects.alast()
        assert last is not None
        after = await self.cost(state, last, admin)
        assert after == before
        # Session and user are two of them; a list counts its rows, and reads them and their tags.
        assert after == {
            "list": 5,
            "filter": 5,
            "name what is chosen": 2,
            "open": 3 if own else 4,
            "type": 3 if own else 4,
            "choose": 2,
            "filter by a row": 4,
        }


class Initial(serializers.CharField):
    """Shows the first letter."""

    def to_representation(self, value: Any) -> str:
        return f"{value[:1]}***"


def user_serializer(*names: str, **declared: Any) -> Any:
    meta = type("Meta", (), {"model": get_user_model(), "fields": ["id", "username", *names]})
    return type("UserSerializer", (serializers.ModelSerializer,), {"Meta": meta, **declared})


class UserViewSet(viewsets.ReadOnlyModelViewSet[Any]):
    queryset = get_user_model().objects.order_by("id")
    serializer_class: Any = user_serializer("email")
    permission_classes = [permissions.IsAuthenticated]


class StaffSeesMore(UserViewSet):
    def get_serializer_class(self) -> Any:
        return user_serializer(*(["email"] if self.request.user.is_staff else []))


class StaffSeesMoreFields(UserViewSet):
    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        made = super().get_serializer(*args, **kwargs)
        if not self.request.user.is_staff:
            getattr(made, "child", made).fields.pop("email")
        return made


class MaskedUsers(UserViewSet):
    serializer_class = user_serializer("email", email=Initial())


class TakenOutUsers(UserViewSet):
    def get_serializer_class(self) -> Any:
        base = user_serializer("email")

        class LeavingOut(base):
            def to_representation(self, instance: Any) -> Any:
                shown = super().to_representation(instance)
                if not self.context["request"].user.is_staff:
                    del shown["email"]
                return shown

        return LeavingOut


class WriteOnlyUsers(UserViewSet):
    serializer_class = user_serializer("email", email=serializers.CharField(write_only=True))


class RenamedUsers(UserViewSet):
    serializer_class = user_serializer("mail", mail=serializers.EmailField(source="email"))


def picking_from(users: Any) -> Any:
    body = {"viewset": ChoosyViewSet, "relation_viewsets": {"owner": users}, "__module__": __name__}
    return type(ModelState)(f"Picks{users.__name__}State", (ModelState,), body)


PICKS = {
    users: picking_from(users)
    for users in (
        UserViewSet, StaffSeesMore, StaffSeesMoreFields, MaskedUsers, TakenOutUsers,
        WriteOnlyUsers, RenamedUsers,
    )
}  # fmt: skip


def values(tab: Tab, state: Any) -> list[str]:
    found = tab.get(state, "relation_choices")["owner"]
    return [choice["value"] for choice in found["choices"]]


class TestWhatASearchTells:
    """Each answer of a search says something of what was looked at: that has to be visible."""

    @pytest.fixture
    def reader(self) -> Any:
        return get_user_model().objects.create_user("reader", "reader@example.com", "pw")

    @pytest.fixture(autouse=True)
    def bob(self) -> Any:
        return get_user_model().objects.create_user("bob", "hidden@secret.example", "pw")

    async def found(self, users: Any, user: Any, text: str) -> list[str]:
        state = PICKS[users]
        async with Tab(user=user) as tab:
            await tab.send(state.search_relation("owner", text))
            assert tab.get(state, "relation_choices")["owner"]["error"] == ""
            assert tab.errors == []
            return values(tab, state)

    @pytest.mark.parametrize("users", PICKS, ids=lambda users: users.__name__)
    async def test_a_name_is_found_by_everybody(self, users: Any, reader: Any, admin: Any) -> None:
        assert await self.found(users, reader, "BO") == ["bob"]
        assert await self.found(users, admin, "BO") == ["bob"]

    @pytest.mark.parametrize("users", [UserViewSet, RenamedUsers])
    async def test_what_is_shown_is_found(self, users: Any, reader: Any) -> None:
        assert await self.found(users, reader, "secret.ex") == ["bob"]

    @pytest.mark.parametrize("text", ["hidden@", "secret.example", "h", "n@s"])
    @pytest.mark.parametrize("users", [StaffSeesMore, StaffSeesMoreFields, TakenOutUsers])
    async def test_what_only_others_are_shown_is_not_found(
        self, users: Any, text: str, reader: Any, admin: Any
    ) -> None:
        assert "bob" not in await self.found(users, reader, text)
        assert "bob" in await self.found(users, admin, text)

    @pytest.mark.parametrize("users", [MaskedUsers, WriteOnlyUsers])
    async def test_what_nobody_is_shown_is_found_by_nobody(
        self, users: Any, reader: Any, admin: Any
    ) -> None:
        for user in (reader, admin):
            assert await self.found(users, user, "secret.example") == []

    @pytest.mark.parametrize("users", PICKS, ids=lambda users: users.__name__)
    async def test_a_password_is_guessed_by_nobody(self, users: Any, bob: Any, admin: Any) -> None:
        for part in ("pbkdf2", "md5$", bob.password[:6], bob.password[-8:]):
            assert await self.found(users, admin, part) == []

    async def test_the_same_is_shown_over_http(self, reader: Any, admin: Any) -> None:
        """The search knows as much as the list that it stands for."""
        factory = APIRequestFactory()
        for users in (StaffSeesMore, StaffSeesMoreFields, TakenOutUsers):
            for user in (reader, admin):
                request = factory.get("/")
                force_authenticate(request, user)
                answer = await sync_to_async(users.as_view({"get": "list"}))(request)
                shown = "hidden@" in str(answer.data)
                assert shown is ("bob" in await self.found(users, user, "hidden@"))

    async def test_a_visitor_finds_nobody(self) -> None:
        state = PICKS[UserViewSet]
        async with Tab() as tab:
            await tab.send(state.search_relation("owner", "bob"))
            found = tab.get(state, "relation_choices")["owner"]
        assert found["choices"] == []
        assert found["error"]

    async def test_what_one_has_found_another_does_not_see(self, reader: Any, admin: Any) -> None:
        state = PICKS[StaffSeesMore]
        async with Tab(user=admin) as tab:
            await tab.send(state.search_relation("owner", "hidden@"))
            assert values(tab, state) == ["bob"]
            await tab.log_in(reader)
            await tab.reconnect()
            assert tab.get(state, "relation_choices") == {}
            assert tab.get(state, "relation_labels") == {}
