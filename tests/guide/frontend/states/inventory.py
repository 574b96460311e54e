# frontend/states/inventory.py
import reflex as rx
from django.db.models import Q
from reflex_drf.state import AppState
from tests.guide.inventory.models import Product
from tests.guide.inventory.serializers import ProductSerializer

class InventoryState(AppState):
    # Reactive state variables
    products: list[dict] = []
    error_message: str = ""

    # Form input field bindings
    name: str = ""
    sku: str = ""
    price: str = ""
    category: str = ""
    is_active: bool = True

    # Track which record is currently being edited (-1 means creating a new record)
    editing_id: int = -1

    # Search and pagination variables
    search_query: str = ""
    page: int = 1
    page_size: int = 8
    total_pages: int = 1

    def _filtered_qs(self):
        """Builds a database query scoped securely to the active user."""
        # 1. Enforce active authentication
        user = self.request.user
        if not user.is_authenticated:
            raise PermissionError("Authentication required.")

        # 2. Scope the queryset
        qs = Product.objects.filter(owner=user)

        # 3. Apply search filters
        query = self.search_query.strip()
        if query:
            qs = qs.filter(
                Q(name__icontains=query) |
                Q(sku__icontains=query) |
                Q(category__icontains=query)
            )

        return qs.order_by("-created_at")

    @rx.event
    async def load_inventory(self):
        """Asynchronously queries the database, paginates, and serializes the list."""
        self.error_message = ""
        try:
            # Generate the secured base query
            qs = self._filtered_qs()

            # Calculate total page count asynchronously
            total_records = await qs.acount()
            self.total_pages = max(1, (total_records + self.page_size - 1) // self.page_size)

            # Clamp current page boundaries
            self.page = min(self.page, self.total_pages)

            # Apply database slicing (LIMIT/OFFSET)
            start = (self.page - 1) * self.page_size
            end = start + self.page_size
            page_qs = qs[start:end]

            # Serialize the sliced database records asynchronously
            self.products = await ProductSerializer(page_qs, many=True).adata()

        except Exception as e:
            self.error_message = f"Failed to load inventory: {str(e)}"

    @rx.event
    def set_search(self, value: str):
        self.search_query = value
        self.page = 1  # Reset to page 1 on search input change

    @rx.event
    async def next_page(self):
        if self.page < self.total_pages:
            self.page += 1
            await self.load_inventory()

    @rx.event
    async def prev_page(self):
        if self.page > 1:
            self.page -= 1
            await self.load_inventory()

    def _validate_form(self) -> str | None:
        """Validates form fields on the server before database ingestion."""
        if not self.name.strip():
            return "Product name is required."
        if not self.sku.strip():
            return "SKU code is required."
        try:
            price = float(self.price)
            if price <= 0:
                return "Price must be a positive number."
        except ValueError:
            return "Please enter a valid price."
        return None

    @rx.event
    async def save_product(self):
        """Creates a new product or updates an existing owned product."""
        self.error_message = ""

        # 1. Check user authentication
        user = self.request.user
        if not user.is_authenticated:
            return rx.toast.error("Please sign in to save products.")

        # 2. Perform validations
        validation_error = self._validate_form()
        if validation_error:
            self.error_message = validation_error
            return

        form_data = {
            "name": self.name.strip(),
            "sku": self.sku.strip().upper(),
            "price": self.price,
            "category": self.category.strip(),
            "is_active": self.is_active,
        }

        try:
            if self.editing_id >= 0:
                # UPDATE PATH: Securely fetch the object scoped by owner
                product = await Product.objects.aget(pk=self.editing_id, owner=user)
                for key, val in form_data.items():
                    setattr(product, key, val)
                await product.asave()
                toast = rx.toast.success(f"Product '{product.name}' updated successfully.")
            else:
                # CREATE PATH: Assign the logged-in user as the record owner
                new_product = await Product.objects.acreate(owner=user, **form_data)
                toast = rx.toast.success(f"Product '{new_product.name}' added successfully.")

            self.reset_form()
            await self.load_inventory()
            # The page only makes the toasts; without `return` nothing is shown.
            return toast

        except Exception as e:
            self.error_message = f"Save failed: {str(e)}"

    @rx.event
    def reset_form(self):
        """Clears form fields and returns state out of editing mode."""
        self.name = ""
        self.sku = ""
        self.price = ""
        self.category = ""
        self.is_active = True
        self.editing_id = -1
        self.error_message = ""

    @rx.event
    async def start_editing(self, product_id: int):
        """Loads a product's fields into form inputs for editing."""
        user = self.request.user
        try:
            # Securely retrieve the record
            product = await Product.objects.aget(pk=product_id, owner=user)

            # Populate form inputs from the serialized model record
            self.editing_id = product.id
            self.name = product.name
            self.sku = product.sku
            self.price = str(product.price)
            self.category = product.category
            self.is_active = product.is_active

        except Exception as e:
            return rx.toast.error("Could not fetch product.")

    @rx.event
    async def delete_product(self, product_id: int):
        """Permanently deletes a product, verified by ownership."""
        user = self.request.user
        try:
            # Secure lookup protects against deleting other users' records
            product = await Product.objects.aget(pk=product_id, owner=user)
            product_name = product.name

            await product.adelete()
            toast = rx.toast.success(f"Deleted product '{product_name}'.")

            # Reload list
            await self.load_inventory()
            return toast

        except Exception as e:
            return rx.toast.error(f"Deletion failed: {str(e)}")
