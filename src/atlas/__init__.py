"""Atlas puts products into a store's category tree by looking at them."""
