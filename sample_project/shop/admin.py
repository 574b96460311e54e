"""The shop in Django's admin."""

from __future__ import annotations

from django.contrib import admin
from reflex_drf import register_admin

from shop.models import Category, Order, OrderLine, Product, Task

admin.site.site_header = "Harbor & Pine"
admin.site.site_title = "Harbor & Pine"
admin.site.site_url = "/"


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    search_fields = ("name",)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("name", "sku", "category", "price", "stock", "is_active", "owner")
    list_filter = ("is_active", "category", "owner")
    list_select_related = ("category", "owner")
    search_fields = ("name", "sku")


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    autocomplete_fields = ("product",)
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ("number", "customer", "status", "placed_at")
    list_filter = ("status",)
    search_fields = ("number",)
    inlines = (OrderLineInline,)


@register_admin(Task)
class TaskAdmin(admin.ModelAdmin):
    list_display = ("title", "owner", "done", "created_at")
    list_filter = ("done", "owner")
    search_fields = ("title",)
