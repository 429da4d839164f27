"""Keeps bytes: blobs, action results, generations, refs, views. The law it follows is `cache_format.md`."""
