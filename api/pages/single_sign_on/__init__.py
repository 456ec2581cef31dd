"""Pages for signing in and out through the organisation's OpenID provider."""
