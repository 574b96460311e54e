"""The examples of the guide as it prints them; only import paths and four places differ.

`shop` holds the models of pages 1 and 3, `catalog` those that page 2 uses without printing them,
`pricelist` the model of page 2's `Model` and `ModelState`, `inventory` page 4.
"""
