"""The use cases: the only place where judges and hands meet, and the owner of time, network and transactions."""
