"""How files become tables: bytes, encoding, dialect, header, types, and one reader per format."""
