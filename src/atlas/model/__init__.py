"""Networks that lay a product's one unit of probability on the nodes of a tree."""
