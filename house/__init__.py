"""What holds the house and is no part of it: rules that the linters do not have. Used by `lint-imports` and by tests."""
