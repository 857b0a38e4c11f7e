"""The service behind `zeroconv serve`: a page and an HTTP API, thin over `generate`, `conditions` and run folders."""
