"""A small store of drawn products, for a first journey and for tests."""
