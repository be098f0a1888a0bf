"""The rules of buying, as pure functions: the file list is the feature list."""
