"""The search: portfolio first, then tuning; trials in workers, decisions here."""
