"""Training the bundled model and adapters, step by step."""
