"""Read-only queries; every one takes the caller's scope."""
