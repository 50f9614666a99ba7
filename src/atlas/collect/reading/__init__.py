"""How a page is read: charset, elements, structured data, prices, pictures. Nothing here asks a server."""
