"""From a store's pages to listings: store files, pure extraction, and the one polite downloader."""
