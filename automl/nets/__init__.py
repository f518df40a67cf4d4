"""Neural nets for tables: preprocessing, modules and the training loop; the only importer of torch and Lightning."""
