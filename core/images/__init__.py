"""Where pixels and labels come from: readers, pixels, an index, what to say about it, and parts."""
