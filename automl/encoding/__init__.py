"""How each kind of column becomes numbers and codes; `encoder.py` puts the columns together."""
