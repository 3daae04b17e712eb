"""The rules of the product, one module a capability. A method is one unit of work: checked, committed, published."""
