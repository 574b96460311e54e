# frontend/pages/inventory.py
import reflex as rx
from tests.guide.frontend.states.inventory import InventoryState

def inventory_view() -> rx.Component:
    return rx.container(
        rx.heading("My Private Inventory", size="8", margin_bottom="1.5rem"),

        # Display validation/server errors
        rx.cond(
            InventoryState.error_message != "",
            rx.callout(InventoryState.error_message, color_scheme="red", margin_bottom="1.5rem")
        ),

        rx.grid(
            # LEFT SIDE: Product upsert form
            rx.card(
                rx.vstack(
                    rx.heading(
                        rx.cond(InventoryState.editing_id >= 0, "Edit Product", "Add New Product"),
                        size="4"
                    ),
                    rx.input(placeholder="Product Name", value=InventoryState.name, on_change=InventoryState.set_name, width="100%"),
                    rx.input(placeholder="SKU Code", value=InventoryState.sku, on_change=InventoryState.set_sku, width="100%"),
                    rx.input(placeholder="Price ($)", value=InventoryState.price, on_change=InventoryState.set_price, width="100%"),
                    rx.input(placeholder="Category", value=InventoryState.category, on_change=InventoryState.set_category, width="100%"),

                    rx.hstack(
                        rx.text("Product is Active"),
                        rx.switch(checked=InventoryState.is_active, on_change=InventoryState.set_is_active),
                        justify="between", width="100%", padding="0.5rem 0"
                    ),

                    rx.hstack(
                        rx.button("Save Product", on_click=InventoryState.save_product, color_scheme="indigo"),
                        rx.cond(
                            InventoryState.editing_id >= 0,
                            rx.button("Cancel", on_click=InventoryState.reset_form, color_scheme="gray", variant="ghost")
                        ),
                        width="100%"
                    ),
                    spacing="3", width="100%"
                ),
                padding="1.5rem"
            ),

            # RIGHT SIDE: Product Catalog Grid & List
            rx.vstack(
                # Search Bar
                rx.hstack(
                    rx.input(
                        placeholder="Search by name, SKU, or category...",
                        value=InventoryState.search_query,
                        on_change=InventoryState.set_search,
                        width="100%"
                    ),
                    rx.button("Search", on_click=InventoryState.load_inventory),
                    width="100%"
                ),

                # Product Table/Cards
                rx.vstack(
                    rx.foreach(
                        InventoryState.products,
                        lambda row: rx.hstack(
                            rx.vstack(
                                rx.text(row["name"], weight="bold"),
                                rx.hstack(
                                    rx.badge(row["sku"], color_scheme="gray"),
                                    rx.text(f"${row['price']}", color_scheme="green")
                                ),
                                align_items="start"
                            ),
                            rx.spacer(),
                            rx.hstack(
                                rx.button("Edit", size="2", on_click=InventoryState.start_editing(row["id"]), color_scheme="blue", variant="surface"),
                                rx.button("Delete", size="2", on_click=InventoryState.delete_product(row["id"]), color_scheme="red", variant="ghost")
                            ),
                            width="100%", padding="0.75rem", border_bottom="1px solid rgba(0,0,0,0.08)"
                        )
                    ),
                    width="100%", min_height="300px"
                ),

                # Pagination controls
                rx.hstack(
                    rx.button("Previous", on_click=InventoryState.prev_page, disabled=InventoryState.page == 1),
                    rx.text(f"Page {InventoryState.page} of {InventoryState.total_pages}"),
                    rx.button("Next", on_click=InventoryState.next_page, disabled=InventoryState.page == InventoryState.total_pages),
                    justify="between", width="100%", margin_top="1rem"
                ),
                width="100%"
            ),
            columns="2", spacing="6", width="100%"
        ),
        padding="2rem"
    )

# Registration on the app layout
# app.add_page(inventory_view, route="/inventory", on_load=InventoryState.load_inventory)
