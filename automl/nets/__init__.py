"""Neural nets for tables, images, sounds and texts; the only importer of torch and Lightning."""
