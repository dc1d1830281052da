"""The hand that remembers: snapshots in SQLite by default, in PostgreSQL by URL."""
