"""The systems that the paper compares itself with, each its idea in small, trained on the embedded world."""
