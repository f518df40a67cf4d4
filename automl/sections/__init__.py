"""The report's sections, one file each: records in, blocks of text, tables and figures out."""
