# frontend/states/catalog.py
import reflex as rx
from tests.guide.shop.models import Product

class CatalogState(rx.State):
    search_query: str = ""
    products: list[dict] = []
    total_matches: int = 0
    loading: bool = False

    @rx.event
    async def search_catalog(self):
        """Asynchronously queries products and serializes them to reactive state."""
        self.loading = True
        yield  # Yields state to trigger the loading indicator in the browser

        try:
            # 1. Build an asynchronous filtered queryset
            qs = Product.objects.filter(
                name__icontains=self.search_query.strip()
            ).order_by("-created_at")

            # 2. Fetch the total count asynchronously
            self.total_matches = await qs.acount()

            # 3. Asynchronously iterate and build a serialized list
            serialized_list = []
            async for p in qs[:20]:  # Limit output to 20 records
                serialized_list.append({
                    "id": p.id,
                    "name": p.name,
                    "description": p.description,
                    "price": float(p.price),  # Convert Decimal to float for JSON
                    "sku": p.sku,
                })

            self.products = serialized_list

        except Exception as e:
            # The page prints `return`, which an async generator cannot do.
            yield rx.toast.error(f"Search failed: {str(e)}")

        finally:
            self.loading = False
