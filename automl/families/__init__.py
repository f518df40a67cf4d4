"""Model families, one light file each; the listing of this folder is the registry."""
