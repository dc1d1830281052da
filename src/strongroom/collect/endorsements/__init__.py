"""Endorsements from where they are: files, a cache on disk, and the services of the vendors.

Time, waiting and the transport are arguments; nothing here judges what it brings.
"""
