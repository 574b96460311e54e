# Page 3, "Integrating the Django Admin Panel"; the page lacks the next line.
from django.contrib import admin
from reflex_drf import register_admin
from tests.guide.shop.models import Product

# Registers model and exposes it at http://localhost:3000/admin/
@register_admin(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("name", "price", "sku", "created_at")
    search_fields = ("name", "sku")
    list_filter = ("created_at",)
