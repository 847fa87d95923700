from shared.identity import keys


def keys_held() -> str | None:
    """Why credentials cannot be checked yet, or None where they can."""
    return None if keys.held() else "no signing key is held yet"
