"""Inventories that people keep in spreadsheets: columns, words for kinds, and rows turned into assets."""
