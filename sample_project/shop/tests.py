"""What the shop promises, said in Django's own test runner: `python manage.py test`."""

# Django's runner, unlike pytest, does not explain a bare assert.
# ruff: noqa: PT009

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import TestCase
from rest_framework.test import APIClient

from shop.demo import USERS
from shop.models import Order, OrderLine, Product, Task


class DemoData(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        call_command("seed_demo", verbosity=0)

    def client_of(self, username: str) -> APIClient:
        client = APIClient()
        client.force_login(User.objects.get(username=username))
        return client

    def counts(self) -> list[int]:
        return [model.objects.count() for model in (User, Product, Order, OrderLine, Task)]


class SeedTests(DemoData):
    def test_there_is_enough_to_look_at(self) -> None:
        users, products, orders, lines, tasks = self.counts()
        self.assertEqual((users, products, orders, tasks), (3, 200, 60, 24))
        self.assertGreaterEqual(lines, orders)

    def test_seeding_again_adds_nothing_and_keeps_what_was_changed(self) -> None:
        before = self.counts()
        Product.objects.filter(sku="KIT-1001").update(name="Renamed by a visitor")
        call_command("seed_demo", verbosity=0)
        self.assertEqual(self.counts(), before)
        self.assertEqual(Product.objects.get(sku="KIT-1001").name, "Renamed by a visitor")

    def test_what_was_deleted_comes_back(self) -> None:
        Product.objects.filter(sku="KIT-1001").delete()
        call_command("seed_demo", verbosity=0)
        self.assertTrue(Product.objects.filter(sku="KIT-1001").exists())

    def test_the_users_on_the_home_page_can_sign_in(self) -> None:
        for user in USERS:
            self.assertTrue(self.client.login(username=user.username, password=user.password))


class ProductApiTests(DemoData):
    def test_all_may_read_a_page(self) -> None:
        body = APIClient().get("/api/products/").json()
        self.assertEqual((body["count"], len(body["results"])), (200, 10))
        self.assertFalse(body["results"][0]["can_edit"])

    def test_filter_search_and_ordering(self) -> None:
        query = {"search": "kettle", "is_active": "true", "ordering": "price", "page_size": 50}
        rows = APIClient().get("/api/products/", query).json()["results"]
        prices = [float(row["price"]) for row in rows]
        self.assertTrue(rows)
        self.assertEqual(prices, sorted(prices))
        self.assertTrue(all("kettle" in row["name"] and row["is_active"] for row in rows))

    def test_availability(self) -> None:
        query = {"availability": "out", "page_size": 100}
        rows = APIClient().get("/api/products/", query).json()["results"]
        self.assertTrue(rows)
        self.assertEqual({row["stock"] for row in rows}, {0})

    def test_owners_change_their_own_and_staff_all(self) -> None:
        product = Product.objects.filter(owner__username="bob").first()
        url = f"/api/products/{product.pk}/"
        answers = {
            name: self.client_of(name).patch(url, {"price": "12.00"}).status_code
            for name in ("alice", "bob", "admin")
        }
        self.assertEqual(answers, {"alice": 403, "bob": 200, "admin": 200})

    def test_errors_name_their_fields(self) -> None:
        data = {"name": "", "sku": "KIT-1001", "price": "-1", "category": 0}
        body = self.client_of("alice").post("/api/products/", data).json()
        self.assertEqual(sorted(body), ["category", "name", "price", "sku"])

    def test_restock_adds_and_only_for_the_owner(self) -> None:
        product = Product.objects.filter(owner__username="bob").first()
        url = f"/api/products/{product.pk}/restock/"
        self.assertEqual(self.client_of("alice").post(url).status_code, 403)
        body = self.client_of("bob").post(url, {"amount": 5}).json()
        self.assertEqual(body["stock"], product.stock + 5)

    def test_only_staff_discontinue(self) -> None:
        product = Product.objects.filter(owner__username="bob", is_active=True).first()
        url = f"/api/products/{product.pk}/discontinue/"
        self.assertEqual(self.client_of("bob").post(url).status_code, 403)
        self.assertFalse(self.client_of("admin").post(url).json()["is_active"])


class OrderApiTests(DemoData):
    def test_each_customer_sees_their_own(self) -> None:
        count = {
            name: self.client_of(name).get("/api/orders/").json()["count"]
            for name in ("alice", "bob", "admin")
        }
        self.assertEqual(count, {"alice": 20, "bob": 20, "admin": 60})
        self.assertEqual(APIClient().get("/api/orders/").status_code, 403)

    def test_an_order_takes_the_price_of_the_day(self) -> None:
        product = Product.objects.get(sku="KIT-1001")
        data = {"lines": [{"product": product.pk, "quantity": 3}]}
        body = self.client_of("alice").post("/api/orders/", data, format="json").json()
        self.assertEqual(body["total"], str(3 * product.price))

    def test_a_shipped_order_cannot_be_cancelled(self) -> None:
        order = Order.objects.filter(status="shipped").first()
        url = f"/api/orders/{order.pk}/cancel/"
        self.assertEqual(self.client_of("admin").post(url).status_code, 409)


class PageTests(DemoData):
    def test_the_admin_lists_the_shop(self) -> None:
        self.client.login(username="admin", password="admin")
        for model in ("category", "product", "order", "task"):
            self.assertEqual(self.client.get(f"/admin/shop/{model}/").status_code, 200)

    def test_the_browsable_api_has_a_login_of_its_own(self) -> None:
        answer = self.client.post(
            "/api/auth/login/",
            {"username": "alice", "password": "alice-demo", "next": "/products"},
        )
        self.assertRedirects(answer, "/products", fetch_redirect_response=False)
